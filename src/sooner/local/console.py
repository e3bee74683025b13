"""The output of several processes on one terminal: each line behind its process's name."""

from __future__ import annotations

import os
import signal
import sys


def say(text: str, *, name: str = "run") -> None:
    """Prints each line behind a name; where the reader has gone (`./ops/run | head`), it asks for an orderly end."""
    try:
        for line in text.rstrip().split("\n"):
            print(f"{name:<9} | {line}", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGTERM)
