"""What a person sees of several processes on one terminal: lines under the name of who said them."""

from __future__ import annotations

import os
import signal
import sys


def say(text: str, *, name: str = "run") -> None:
    """Prints each line under a name; when nobody reads any more (`./ops/run | head`), it asks for an orderly end."""
    try:
        for line in text.rstrip().split("\n"):
            print(f"{name:<9} | {line}", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGTERM)
