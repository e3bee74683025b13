"""A module that cannot be loaded: the end of its process, in a line like all others."""

import contextlib
import os
from collections.abc import Iterator

from sooner.process import logs


@contextlib.contextmanager
def logged(process: str) -> Iterator[None]:
    """Log an error of the modules that are loaded within, and raise SystemExit(1); at LOG_FORMAT=text Python tells it itself."""
    try:
        yield
    except Exception:
        if os.environ.get("LOG_FORMAT") == "text":
            raise
        logs.configure(process, format="json", level="info")
        logs.get(__name__).critical("a module cannot be loaded", exc_info=True)
        raise SystemExit(1) from None
