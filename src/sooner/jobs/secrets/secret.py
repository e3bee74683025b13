"""Secret parameters: finding them in a job's parameters (pydantic's SecretStr, SecretBytes, Secret[...])."""

import contextlib
import dataclasses
import inspect
import typing
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, BaseModel, RootModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from sooner.jobs import json_pointer
from sooner.process.logs.redact import MARK

__all__ = ["MARK", "Path", "find", "get", "path", "places", "pointer", "put", "takes_secrets"]

#: Pydantic's name for the type of what a model holds beside its fields.
EXTRA = "__pydantic_extra__"

#: The keys and indices that lead to a value.
Path = tuple[str | int, ...]


def takes_secrets(annotation: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether a type holds a secret type, at any depth."""
    if hasattr(annotation, "get_secret_value"):
        return True
    # Only what has a name can hold itself. Other types may have no hash, such as what Annotated says.
    if isinstance(annotation, type) or hasattr(annotation, "__value__"):
        if annotation in seen:
            return False
        seen |= {annotation}
    return any(takes_secrets(part, seen) for part in _parts(annotation))


def _parts(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        # The arguments after the type are annotations, not types.
        yield typing.get_args(annotation)[0]
        return
    if origin is not None:
        yield from typing.get_args(annotation)
        yield origin
    for name in ("__value__", "__supertype__"):
        # The type behind a `type` statement's name, and behind a NewType.
        if hasattr(annotation, name):
            yield from _hints({"is": getattr(annotation, name)}, annotation.__module__)
    if isinstance(annotation, typing.TypeVar):
        yield from (annotation.__bound__, *annotation.__constraints__)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from (field.annotation for field in annotation.model_fields.values())
        yield from _extra_of(annotation)
    elif dataclasses.is_dataclass(annotation) or is_typeddict(annotation) or _is_named_tuple(annotation):
        yield from typing.get_type_hints(annotation, include_extras=True).values()


def _extra_of(model: type[BaseModel]) -> Iterator[Any]:
    """The type of the members of a model beyond its fields."""
    if model.model_config.get("extra") == "allow":
        for base in model.__mro__:
            if EXTRA in (own := inspect.get_annotations(base)):
                yield from _hints({EXTRA: own[EXTRA]}, base.__module__)


def _hints(annotations: Mapping[str, Any], module: str) -> Iterator[Any]:
    """The types of annotations in a module; none where they name what only a function has."""
    holder = type("Holder", (), {"__annotations__": annotations, "__module__": module})
    with contextlib.suppress(NameError):
        yield from typing.get_type_hints(holder, include_extras=True).values()


def _is_named_tuple(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


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
    if isinstance(value, RootModel):
        value = value.root
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
        # A validator may have left parts out.
        matches = isinstance(raw, list) and len(raw) == len(value)
        return list(enumerate(value)) if matches else None
    if not isinstance(raw, dict) or (isinstance(value, Mapping) and not _matches(raw, value, wanted)):
        return None
    found: dict[str, Any] = {}
    for names, item, was_given in _members(value):
        given = [name for name in names if name in raw]
        if (was_given and not given) or not found.keys().isdisjoint(given):
            return None
        found |= dict.fromkeys(given, item)
    return list(found.items())


def _matches(raw: Mapping[str, Any], value: Mapping[Any, Any], wanted: Wanted) -> bool:
    """Whether each key of the JSON object is one of the mapping: two may be read as one, such as "1" and "01"."""
    return len(raw) == len(value) and not any(map(wanted, value))


Sequential = (list, tuple, deque)


def _within(value: Any, wanted: Wanted) -> Iterator[Any]:
    """The wanted parts of a value, at any depth."""
    if wanted(value):
        yield value
    elif isinstance(value, (*Sequential, set, frozenset, Iterator)):
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
