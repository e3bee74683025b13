"""The web process: `uvicorn src.api:app`."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`app` is made when it is first asked for, so that its parts can be imported without a web's settings."""
    if name != "app":
        raise AttributeError(name)
    from src.api.app import create
    from src.settings import WebSettings, load

    globals()["app"] = create(load(WebSettings))
    return globals()["app"]
