"""Secret parameters: finding them in a job's parameters (pydantic's SecretStr, SecretBytes, Secret[...])."""

import dataclasses
import typing
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from sooner.jobs import json_pointer
from sooner.process.logs.redact import MARK

__all__ = ["MARK", "Path", "find", "get", "path", "places", "pointer", "put", "takes_secrets"]

#: The keys and indices that lead to a value.
Path = tuple[str | int, ...]


def takes_secrets(annotation: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether a type holds a secret type, at any depth."""
    if isinstance(annotation, str) or annotation in seen:
        return False
    seen |= {annotation}
    return hasattr(annotation, "get_secret_value") or any(
        takes_secrets(part, seen) for part in _parts(annotation)
    )


def _parts(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        # The arguments after the type are annotations, not types.
        yield typing.get_args(annotation)[0]
        return
    yield from (part for part in typing.get_args(annotation) if part.__hash__ is not None)
    if origin is not None:
        yield origin
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from (field.annotation for field in annotation.model_fields.values())
    elif dataclasses.is_dataclass(annotation) or typing.is_typeddict(annotation):
        yield from typing.get_type_hints(annotation, include_extras=True).values()


def find(raw: Any, value: Any) -> Iterator[Path]:
    """The paths of the secrets in the JSON value `raw`, from which pydantic made `value`.

    A container whose parts cannot be matched between both, such as a set of secrets, is secret as a whole.
    """
    yield from (path for path, _ in places(raw, value, _is_secret))


def _is_secret(value: Any) -> bool:
    return hasattr(value, "get_secret_value")


Wanted = Callable[[Any], bool]
Located = tuple[Path, Sequence[Any]]


def places(raw: Any, value: Any, wanted: Wanted, path: Path = ()) -> Iterator[Located]:
    """The paths in the JSON value `raw` of the wanted parts of `value`, which pydantic made from it, and those parts.

    Where the parts of a container cannot be matched between both, its path stands for all wanted parts in it.
    """
    if wanted(value):
        yield path, [value]
        return
    items = _items(raw, value, wanted)
    if items is None:
        if found := list(_within(value, wanted)):
            yield path, found
        return
    for key, item in items:
        yield from places(raw[key], item, wanted, (*path, key))


def _items(raw: Any, value: Any, wanted: Wanted) -> list[tuple[Any, Any]] | None:
    """The parts of a value by their keys in `raw`; None where they cannot be matched."""
    if isinstance(value, Sequential):
        return list(zip(range(len(raw)), value, strict=False)) if isinstance(raw, list) else None
    if not isinstance(raw, dict) or (isinstance(value, Mapping) and any(map(wanted, value))):
        return None
    found = []
    for names, item, was_given in _members(value):
        name = next((name for name in names if name in raw), None)
        if name is not None:
            found.append((name, item))
        elif was_given:
            return None
    return found


Sequential = (list, tuple, deque)


def _within(value: Any, wanted: Wanted) -> Iterator[Any]:
    """The wanted parts of a value, at any depth."""
    if wanted(value):
        yield value
    elif isinstance(value, (*Sequential, set, frozenset)):
        for item in value:
            yield from _within(item, wanted)
    else:
        yield from filter(wanted, value if isinstance(value, Mapping) else ())
        for _, item, _ in _members(value):
            yield from _within(item, wanted)


def _members(value: Any) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """For each member: its possible names in JSON, its value, and whether the JSON certainly had it."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield _names(name, field), getattr(value, name), name in value.model_fields_set
        yield from (((name,), item, True) for name, item in (value.model_extra or {}).items())
    elif isinstance(value, Mapping):
        yield from (((str(key),), item, True) for key, item in value.items())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for each in dataclasses.fields(value):
            yield (each.name,), (item := getattr(value, each.name)), item is not each.default


def _names(name: str, field: FieldInfo) -> tuple[str, ...]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias, field.alias]
    return tuple(dict.fromkeys([name, *(choice for choice in choices if isinstance(choice, str))]))


def get(raw: Any, path: Path) -> Any:
    """The value at the path."""
    for key in path:
        raw = raw[key]
    return raw


def put(raw: Any, path: Path, value: Any) -> Any:
    """A copy with another value at the path; it shares the untouched parts."""
    if not path:
        return value
    key, *rest = path
    copy = raw.copy()
    copy[key] = put(raw[key], tuple(rest), value)
    return copy


def path(raw: Any, pointer: str) -> Path:
    """The path of a JSON pointer in a JSON value."""
    found: list[str | int] = []
    for name in json_pointer.parts(pointer):
        found.append(int(name) if isinstance(raw, list) else name)
        raw = raw[found[-1]]
    return tuple(found)


def pointer(path: Path) -> str:
    """The JSON pointer of a path (RFC 6901, section 3)."""
    return "".join("/" + json_pointer.escaped(key) for key in path)
