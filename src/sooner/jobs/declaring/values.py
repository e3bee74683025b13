"""The validated values of parameters, by which limits and `unique` count."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

#: Values of the signature's types; unconverted where the signature accepts anything.
Values = BaseModel | Mapping[str, Any]


def named(values: Values) -> Mapping[str, Any]:
    """The values by parameter."""
    if not isinstance(values, BaseModel):
        return values
    fields = {name: getattr(values, name) for name in type(values).model_fields}
    return {**fields, **(values.model_extra or {})}


def text(value: Any, secret: Callable[[Any], Any]) -> str:
    """A JSON text that is the same for equal values; `secret` replaces each secret value."""
    plain = _plain(value, secret)
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any, secret: Callable[[Any], Any]) -> Any:
    def inner(part: Any) -> Any:
        return _plain(part, secret)

    if hasattr(value, "get_secret_value"):
        return inner(secret(value))
    if isinstance(value, BaseModel):
        return inner(named(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: inner(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else text(key, secret): inner(part) for key, part in value.items()
        }
    if isinstance(value, set | frozenset):
        return _in_order(map(inner, value))
    if isinstance(value, list | tuple):
        return [inner(part) for part in value]
    return to_jsonable_python(_one_of_equals(value), bytes_mode="base64", fallback=repr)


def _in_order(parts: Iterable[Any]) -> list[Any]:
    """A set's members, sorted: every process orders a set in its own way."""
    return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True))


def _one_of_equals(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value.normalize()
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo is not None else value
