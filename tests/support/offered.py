"""The deployment's web application as an attribute of a module of actors: `uvicorn tests.support.actors:app` offers them, too."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """`app` is made when it is asked for: a worker has none of a web process's settings."""
    if name != "app":
        raise AttributeError(name)
    import src.api

    return src.api.app
