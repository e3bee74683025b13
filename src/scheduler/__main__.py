"""`python -m src.scheduler`."""

import signal
import sys
from types import FrameType


def leave(number: int, frame: FrameType | None) -> None:
    """A signal before there is anything to end in order."""
    raise SystemExit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, leave)
    from src.scheduler.process import main

    sys.exit(main())
