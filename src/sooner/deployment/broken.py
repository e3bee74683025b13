"""A module that cannot be loaded ends its process, with an ordinary log line."""

import contextlib
import os
from collections.abc import Iterator

from sooner.process import logs


@contextlib.contextmanager
def logged(process: str) -> Iterator[None]:
    """Log an error of the modules loaded inside the block, and raise SystemExit(1); with LOG_FORMAT=text Python prints it itself."""
    try:
        yield
    except Exception:
        if os.environ.get("LOG_FORMAT") == "text":
            raise
        logs.configure(process, format="json", level="info")
        logs.get(__name__).critical("a module cannot be loaded", exc_info=True)
        raise SystemExit(1) from None
