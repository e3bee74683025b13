"""The result of an actor: its JSON Schema, and the writing of values in agreement with it."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Never, NoReturn

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError

from sooner.jobs import codec
from sooner.jobs.codec import escape
from sooner.jobs.failure import Failure

#: Declared types and the exact type of a value that fits without validation: the schema asks for nothing more.
_PLAIN: Sequence[tuple[Any, type]] = (
    (dict, dict),
    (dict[str, Any], dict),
    (list, list),
    (list[Any], list),
    *((kind, kind) for kind in (str, int, float, bool, type(None))),
    (None, type(None)),
)
#: Pydantic's errors of a type that has no JSON Schema.
_NO_SCHEMA = (
    PydanticSchemaGenerationError,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    TypeError,
    ValueError,
)


#: Pydantic's kinds of schema whose reading gives back the object that it was given.
_LET_THROUGH = ("model", "dataclass", "is-instance", "any", "custom-error")


class NoSchema(TypeError):
    """A type has no JSON Schema."""


class NotAsDeclared(Failure):
    """The actor's result does not fit its declared type."""

    def __init__(self, where: str, why: str) -> None:
        detail = f"The actor's result does not fit its declared type, at {where}: {why}"
        super().__init__(detail, type="result-not-as-declared", title="The result is not as declared")


class ResultNotJson(Failure):
    """The actor's result has no JSON text."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, type="result-not-json", title="The result cannot be written as JSON")


def plain(value: Any) -> str:
    """The JSON text of a result without a declared type. Raises ResultNotJson."""
    try:
        return codec.result(value)
    except codec.NotJson as error:
        if inspect.isawaitable(value):
            raise _unawaited(value) from None
        raise ResultNotJson(str(error)) from error


def _unawaited(value: Any) -> ResultNotJson:
    if inspect.iscoroutine(value):
        # A coroutine that is never closed makes Python warn in a log, far from the job.
        value.close()
    return ResultNotJson(
        "The actor returned an awaitable that nobody awaits: declare it `async def`, or await it."
    )


class Result:
    """The declared result type of an actor; the hint is Any where none is declared. Raises NoSchema."""

    def __init__(self, hint: Any) -> None:
        hint = None if hint in (NoReturn, Never) else hint
        #: The empty schema takes anything.
        self.schema: dict[str, Any] = {}
        self._plain = next((kind for plain, kind in _PLAIN if plain == hint), None)
        self._is_any = hint is Any
        if not self._is_any:
            self._adapter: TypeAdapter[Any] = _adapter(hint)
            self.schema = schema_of(self._adapter)
            self._is_plainly_read = not _holds_functions(self._adapter.core_schema)
            # Reading has checked each part of a value that it makes anew. Pydantic understands "error" by an exception of its
            # own, in which another thread gets its turn: a fifth of a synchronous actor's whole attempt.
            self._warnings: Literal[False, "error"] = (
                "error" if _lets_through(self._adapter.core_schema) else False
            )

    def text(self, value: Any) -> str:
        """The JSON text of the actor's result. Raises Failure."""
        if type(value) is self._plain or self._is_any or codec.is_written(value):
            return plain(value)
        if inspect.isawaitable(value):
            raise _unawaited(value)
        try:
            rendered = self._rendered(value)
        except ValidationError as error:
            raise _misfit(error) from error
        except PydanticSerializationError as error:
            raise NotAsDeclared("#", "It cannot be written as the declared type.") from error
        except (ValueError, RecursionError) as error:
            raise ResultNotJson(
                "The result nests without end, or holds bytes that are no UTF-8 text."
            ) from error
        # Pydantic writes NaN as null where the type allows anything.
        if codec.has_no_number(value):
            raise ResultNotJson(codec.NO_NUMBER)
        return plain(rendered)

    def _rendered(self, value: Any) -> Any:
        """The value as its declared type is written. Another value, such as a dictionary for a model, is converted first."""
        if self._is_plainly_read:
            return self._dump(self._read(value), self._warnings)
        try:
            # Types whose functions read and write differently (Base64Bytes) do not accept their own values.
            return self._dump(value, "error")
        except PydanticSerializationError:
            return self._dump(self._read(value), "error")

    def _read(self, value: Any) -> Any:
        return self._adapter.validate_python(value, by_alias=True, by_name=True)

    def _dump(self, value: Any, warnings: Literal[False, "error"]) -> Any:
        return self._adapter.dump_python(value, mode="json", by_alias=True, warnings=warnings)


def _adapter(hint: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(hint)
    except _NO_SCHEMA as error:
        raise NoSchema(reason(error)) from error


def schema_of(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """The JSON Schema of a type as it is written. Raises NoSchema."""
    try:
        return as_json(adapter.json_schema(mode="serialization"))
    except _NO_SCHEMA as error:
        raise NoSchema(reason(error)) from error


def as_json(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with every default and example written as JSON. Raises ValueError where one has no JSON."""
    try:
        written: dict[str, Any] = codec.loads(codec.result(schema))
    except codec.NotJson:
        raise ValueError("its description, example or default is no JSON") from None
    return written


def reason(error: Exception) -> str:
    """The first sentence of pydantic's message: the rest is about its own settings."""
    return str(error).partition("\n")[0].partition(". Set `")[0]


def _holds_functions(schema: Any) -> bool:
    """Whether validator functions take part in reading a type: they may not accept the values that they return."""
    if isinstance(schema, Mapping):
        kind = schema.get("type")
        return (isinstance(kind, str) and kind.startswith(("function-", "json"))) or any(
            _holds_functions(part)
            for name, part in schema.items()
            if name not in ("serialization", "metadata")
        )
    return isinstance(schema, list | tuple) and any(map(_holds_functions, schema))


def _lets_through(schema: Any) -> bool:
    """Whether reading a type may let an object through as it is: its parts may have changed since they were checked."""
    if isinstance(schema, Mapping):
        return schema.get("type") in _LET_THROUGH or any(map(_lets_through, schema.values()))
    return isinstance(schema, list | tuple) and any(map(_lets_through, schema))


def _misfit(error: ValidationError) -> Failure:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "finite_number":
        return ResultNotJson(codec.NO_NUMBER)
    where = "#" + "".join("/" + escape(part) for part in first["loc"])
    # The text of the team's own validator is an exception's: clients do not get it.
    why = "It does not pass a check." if "error" in first.get("ctx", {}) else f"{first['msg']}."
    return NotAsDeclared(where, why)
