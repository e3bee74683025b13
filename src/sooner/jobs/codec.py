"""JSON as the service takes and gives it (RFC 8259), with numbers kept exact."""

import json
import math
import re
from typing import Any, NoReturn
from urllib.parse import quote

import orjson

from sooner.jobs.problem import BadRequest, Invalid, wrong

#: orjson reads integers beyond 64 bits as floats; where one may be, the exact reader is used.
_LONG_NUMBER = re.compile(rb"\d{18}")
_DEEPEST = 200
#: Reading a number takes time that grows with the square of its length.
_LONGEST_NUMBER = 4300


def loads(text: str | bytes) -> Any:
    """The value of a JSON text that is known to be good."""
    data = text.encode() if isinstance(text, str) else text
    return json.loads(data) if _LONG_NUMBER.search(data) else orjson.loads(data)


def dumps(value: Any) -> str:
    """The JSON text of what an actor gave back.

    Raises TypeError or ValueError for what JSON cannot hold (NaN, bytes, a set, your own class).
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z, default=_plain).decode()
    except TypeError:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain)


def written(text: bytes) -> Any:
    """A value for `dumps` that is written as JSON already."""
    return orjson.Fragment(text)


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    raise TypeError(f"{type(value).__name__} is no JSON value")


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request's body.

    Raises BadRequest for what is no JSON, Invalid for JSON that cannot be taken.
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
    if depth > _DEEPEST:
        raise BadRequest(f"The body is nested deeper than {_DEEPEST}.")
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
    text = str(key).replace("~", "~0").replace("/", "~1")
    return quote(text.encode(errors="replace").decode(), safe="~!$&'()*+,;=:@")


def _kind(value: Any) -> str:
    kinds = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
