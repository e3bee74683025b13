"""Actors that take resources of their process, whose openings and closings are lines of the worker's output."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

from pydantic_settings import BaseSettings

from sooner import Depends, current, job
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]


def say(text: str) -> None:
    """A line of the worker's output."""
    print(f"resource {text}")  # noqa: T201 - what a worker prints is a line of its log


class WordSettings(BaseSettings):
    """Read from the environment, and checked at the worker's start."""

    word_greeting: str
    word_limit: int = 10


def settings(own: Annotated[WordSettings, Depends(WordSettings)]) -> dict[str, str]:
    """Opened by a plain function, and never closed."""
    say("settings opened")
    return {"greeting": own.word_greeting}


async def pool(words: Annotated[dict[str, str], Depends(settings)]) -> AsyncIterator[dict[str, str]]:
    """Needs another one, which it outlives in no way."""
    say(f"pool opened by {current().actor or 'nobody'}")
    yield {**words, "pid": str(os.getpid())}
    say("pool closed")


def model() -> Iterator[str]:
    """Loaded on a thread, at the worker's start."""
    say("model opened")
    yield "model"
    say("model closed")


def moody() -> str:
    """Opens from its second time on."""
    marker = Path(os.environ["MARKER"])
    if not marker.exists():
        marker.touch()
        raise ConnectionError("not yet")
    return "at last"


Pool = Annotated[dict[str, str], Depends(pool)]
Model = Annotated[str, Depends(model, eager=True)]


@job
async def greets_from_pool(name: str, words: Pool) -> str:
    """On the loop."""
    return f"{words['greeting']}, {name}, from {words['pid']}"


@job
def greets_from_pool_on_thread(words: Pool, name: str, loaded: Model) -> str:
    """On a thread."""
    return f"{words['greeting']}, {name}, from {words['pid']}, by the {loaded}"


@job(retries=1)
async def waits_for_moody(mood: Annotated[str, Depends(moody)]) -> str:
    """Fails once."""
    return mood


@job(retries=1)
def waits_for_moody_on_thread(mood: Annotated[str, Depends(moody)]) -> str:
    """Fails once, on a thread."""
    return mood
