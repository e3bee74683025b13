"""The web process of fault tests: `src.api:app` that offers the actors of `tests.faults.actors` too."""

import tests.faults.actors  # noqa: F401
from src.api import app

__all__ = ["app"]
