"""DATABASE_URLS: several databases, each with the name of its shard, `name=url` with whitespace between."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from sooner.process.settings import address


def name(text: str) -> str:
    """A shard's name. Raises ValueError."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", text):
        raise ValueError(
            f"{text!r} is no name of a shard: a small letter, then small letters, digits and hyphens, 31 at most"
        )
    return text


def read(value: object) -> object:
    """The address of each shard by its name, in their order. Raises ValueError."""
    if not isinstance(value, str):
        return value
    urls: dict[str, str] = {}
    for part in value.split():
        named, equals, url = part.partition("=")
        if not equals or "://" in named:
            raise ValueError("not name=postgresql://…, several with a space between")
        if name(named) in urls:
            raise ValueError(f"{named} is there twice")
        urls[named] = url
    return urls


def checked(urls: Mapping[str, str]) -> Mapping[str, str]:
    """The addresses with their full scheme. Raises ValueError for one that `address.checked` refuses, with its shard's name."""
    return {named: _checked(named, url) for named, url in urls.items()}


def _checked(named: str, url: str) -> str:
    try:
        return address.checked(url)
    except ValueError as error:
        raise ValueError(f"{named}: {error}") from None


ShardName = Annotated[str, AfterValidator(name)]
ShardUrls = Annotated[Mapping[str, str], NoDecode, BeforeValidator(read), AfterValidator(checked)]
