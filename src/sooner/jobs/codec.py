"""Reading and writing JSON (RFC 8259), with exact numbers."""

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import quote

import orjson
import pydantic_core

from sooner.jobs import json_pointer
from sooner.jobs.problem import BadRequest, Invalid, wrong

#: orjson reads integers beyond 64 bits as floats: the exact reader takes texts that may hold one.
_LONG_NUMBER = re.compile(rb"\d{18}")
_DEEPEST = 200
#: Reading a number takes time that grows with the square of its length.
_LONGEST_NUMBER = 4300
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
_RESULT_OPTIONS = _OPTIONS | orjson.OPT_PASSTHROUGH_DATACLASS
#: The levels of nesting that orjson writes.
_ORJSON_DEEPEST = 254


def loads(text: str | bytes) -> Any:
    """The value of a JSON text that was checked before."""
    data = text.encode() if isinstance(text, str) else text
    return json.loads(data) if _LONG_NUMBER.search(data) else orjson.loads(data)


def dumps(value: Any, *, default: Callable[[Any], Any] | None = None) -> str:
    """The JSON text of a value; `default` returns another for one of a type that JSON does not have.

    Raises TypeError where JSON has no such value, and what `default` raises.
    """
    try:
        return orjson.dumps(value, default, _OPTIONS).decode()
    except TypeError:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=default)


class NotJson(ValueError):
    """An actor's result has no JSON text. The message is for the client that submitted the job."""


def result(value: Any) -> str:
    """The JSON text of an actor's result; pydantic writes values of types that JSON does not have.

    Raises NotJson for NaN, infinities, more than 200 levels, and objects that pydantic cannot write.
    """
    try:
        text = orjson.dumps(value, option=_RESULT_OPTIONS)
    except TypeError:
        text = _rendered(value)
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise NotJson(TOO_LARGE) from None
    # orjson writes NaN as null, but most nulls are None: look closer.
    if b"null" in text and has_no_number(value):
        raise NotJson(NO_NUMBER)
    if text.count(b"[") + text.count(b"{") > _DEEPEST and _is_too_deep(value):
        raise NotJson(f"The result is nested deeper than {_DEEPEST} levels.")
    return text.decode()


TOO_LARGE = "The result holds a number that is too large for a double: give it back as a text."
NO_NUMBER = "The result holds NaN or an infinity, which JSON does not have: give back null instead."


def _rendered(value: Any) -> bytes:
    try:
        text = pydantic_core.to_json(value, by_alias=True, inf_nan_mode="constants")
    except (ValueError, RecursionError) as error:
        raise NotJson(_why_not(value)) from error
    if _holds_no_number(text):
        raise NotJson(NO_NUMBER)
    return text


def _why_not(value: Any) -> str:
    return (
        f"The result, a {type(value).__name__}, is or holds what JSON does not have, nests without end, or is no "
        "valid text: give back numbers, texts, lists, dictionaries, or what pydantic can write."
    )


def has_no_number(value: Any) -> bool:
    """Whether a value holds NaN or an infinity; False where pydantic cannot write the value."""
    try:
        text = pydantic_core.to_json(
            value, by_alias=True, inf_nan_mode="constants", bytes_mode="base64", serialize_unknown=True
        )
    except (ValueError, RecursionError):
        return False
    return _holds_no_number(text)


def _holds_no_number(text: bytes) -> bool:
    if b"NaN" not in text and b"Infinity" not in text:
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return True
    return False


def _is_too_deep(value: Any) -> bool:
    """Whether a value has too many levels: wrapped in more lists, it is too deep for orjson."""
    for _ in range(_ORJSON_DEEPEST - _DEEPEST):
        value = [value]
    try:
        orjson.dumps(value, option=_RESULT_OPTIONS)
    except TypeError:
        return True
    return False


def written(text: bytes) -> Any:
    """A value for `result` whose JSON text exists already."""
    return orjson.Fragment(text)


def is_written(value: Any) -> bool:
    """Whether `written` made the value."""
    return type(value) is orjson.Fragment


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request's body.

    Raises BadRequest for broken JSON, Invalid for JSON that is no object or cannot be stored.
    """
    value = _read(body)
    if not isinstance(value, dict):
        raise Invalid([wrong("#", f"an object is needed, not {_kind(value)}")])
    return value


def _read(body: bytes) -> Any:
    suspicious = _LONG_NUMBER.search(body) or b"\\u0000" in body
    if not suspicious:
        try:
            return _checked_depth(orjson.loads(body), body)
        except orjson.JSONDecodeError:
            pass
    return _read_exactly(body)


def _read_exactly(body: bytes) -> Any:
    if not body.strip():
        raise BadRequest("The body is empty: send a JSON object, {} at the least.")
    try:
        value = json.loads(
            body.decode(), parse_constant=_refuse_constant, parse_int=_integer, parse_float=_float
        )
    except RecursionError:
        raise BadRequest("The body is nested too deep.") from None
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None
    _walk(value, "#", 0)
    return value


def _integer(text: str) -> int:
    return int(_short(text))


def _float(text: str) -> float:
    return float(_short(text))


def _short(number: str) -> str:
    if len(number) > _LONGEST_NUMBER:
        raise ValueError(f"a number has at most {_LONGEST_NUMBER} digits")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _checked_depth(value: Any, body: bytes) -> Any:
    if body.count(b"[") + body.count(b"{") > _DEEPEST:
        _walk(value, "#", 0)
    return value


def _walk(value: Any, pointer: str, depth: int) -> None:
    if depth >= _DEEPEST and isinstance(value, dict | list):
        raise BadRequest(f"The body is nested deeper than {_DEEPEST} levels.")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, pointer)
            _walk(item, f"{pointer}/{escape(key)}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, f"{pointer}/{index}", depth + 1)
    elif isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, int | float):
        _check_number(value, pointer)


def _check_text(text: str, pointer: str) -> None:
    if "\0" in text:
        raise Invalid([wrong(pointer, "a NUL character cannot be stored")])
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid([wrong(pointer, "a lone surrogate is no character")]) from None


def _check_number(number: float, pointer: str) -> None:
    try:
        fits = math.isfinite(float(number))
    except OverflowError:
        fits = False
    if not fits:
        raise Invalid([wrong(pointer, "the number is too large for a double")])


def escape(key: str | int) -> str:
    """One part of a JSON pointer in URI fragment form (RFC 6901, sections 3 and 6)."""
    return quote(json_pointer.escaped(key).encode(errors="replace").decode(), safe="~!$&'()*+,;=:@")


def _kind(value: Any) -> str:
    kinds = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
