"""The signature of an actor's function as JSON Schema; errors say what to write instead of an unfit signature."""

import inspect
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, PydanticDeprecationWarning, TypeAdapter, create_model
from pydantic.errors import PydanticUserError
from typing_extensions import Unpack

from sooner.jobs import codec
from sooner.jobs.declaring.result import NoSchema, Result, as_json, reason
from sooner.jobs.dependencies import Depends, dependencies_of
from sooner.jobs.secrets.secret import EXTRA

Function = Callable[..., Any]


class Unfit(TypeError):
    """The function cannot be an actor. The message names it and says what to write instead."""

    def __init__(self, fn: Function, text: str) -> None:
        super().__init__(f"{getattr(fn, '__qualname__', None) or repr(fn)}: {text}")


def check_function(fn: Function) -> None:
    """Raises Unfit unless a worker can call the function and get a result."""
    if getattr(fn, "__name__", "<lambda>") == "<lambda>" or inspect.isclass(fn):
        raise Unfit(fn, "an actor is a function with a name: write a `def` or an `async def` that calls it")
    _check_address(fn)
    _check_method(fn)
    if inspect.isgeneratorfunction(fn):
        raise Unfit(
            fn,
            "a `def` with `yield` puts nothing out: make it an `async def`, or call `emit(…)` for each piece (from sooner import emit)",
        )
    inner = inspect.unwrap(fn)
    if inspect.isasyncgenfunction(inner) and not inspect.isasyncgenfunction(fn):
        raise Unfit(
            fn,
            "a decorator's function hides that it yields: make that an `async def` that yields what the one it wraps yields",
        )
    if inspect.iscoroutinefunction(inner) and not inspect.iscoroutinefunction(fn):
        raise Unfit(
            fn,
            "a decorator's plain `def` hides that it is an `async def`, and nobody would await it: make the "
            "decorator's function an `async def` that awaits the one it wraps",
        )


def _check_address(fn: Function) -> None:
    name = fn.__name__
    if not name.strip(".") or "/" in name:
        instead = name.replace("/", "_").strip("._") or "actor"
        raise Unfit(fn, f"no address leads to an actor named {name!r}: write {instead}")


def _check_method(fn: Function) -> None:
    """Raises Unfit for a function that a class would call with itself, or with an instance."""
    owner = getattr(fn, "__qualname__", "").rpartition(".")[0]
    first = next(iter(inspect.signature(fn).parameters.values()), None)
    if owner and not owner.endswith("<locals>") and first is not None and first.name in ("self", "cls"):
        raise Unfit(
            fn,
            f"{first.name} would be a parameter that clients send: an actor is a function of a module, so take it out of "
            f"the class {owner.rpartition('.')[2]}",
        )


def check_check(fn: Function, check: Callable[..., Any] | None, names: Iterable[str]) -> None:
    """Raises Unfit unless `check` can be called with the function's parameters."""
    if check is None:
        return
    name = getattr(check, "__qualname__", repr(check))
    if inspect.iscoroutinefunction(check):
        raise Unfit(fn, f"nobody would await its check {name}: make that a `def`")
    try:
        signature = inspect.signature(check)
    except ValueError:
        # Some callables of C have none.
        return
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        raise Unfit(
            fn,
            f"its check {name} cannot be called with its parameters ({error}): give it the same parameters",
        ) from None


def hints_of(fn: Function) -> Mapping[str, Any]:
    """The types of parameters and result. Raises Unfit for a type that cannot be resolved."""
    try:
        return get_type_hints(fn, include_extras=True)
    except NameError as error:
        raise Unfit(
            fn,
            f"a type names {error.name}, which is not there when the module is loaded: import or define it at the "
            "module's level, not under `if TYPE_CHECKING:`",
        ) from error
    except (TypeError, SyntaxError, AttributeError) as error:
        raise Unfit(fn, f"a type cannot be read: {error}") from error


def result_of(fn: Function, hints: Mapping[str, Any]) -> Result:
    """The declared result. Raises Unfit for a type without a JSON Schema."""
    try:
        hint = hints.get("return", Any)
        return Result(_result_of_pieces(hint) if inspect.isasyncgenfunction(fn) else hint)
    except NoSchema as error:
        raise Unfit(
            fn,
            f"its result type {_name(hints['return'])} has no JSON Schema: give back a pydantic model, a dataclass, a "
            f"TypedDict or what JSON has, or leave the type out ({error})",
        ) from error


def _result_of_pieces(hint: Any) -> Any:
    """The type of the result of a function that yields: its texts joined, or the number of its pieces."""
    piece = next(iter(get_args(hint)), Any)
    if piece is str:
        return str
    origin = get_origin(piece) or piece
    # Of a union, a Literal or a name of a type only the pieces themselves tell whether all of them are texts.
    is_no_text = isinstance(origin, type) and not (
        issubclass(origin, str) or origin in (Any, object, UnionType, Annotated)
    )
    return int if is_no_text else str | int


def wanted_by(fn: Function, hints: Mapping[str, Any]) -> dict[str, Depends]:
    """The function's dependencies by parameter. Raises Unfit for a parameter that cannot be one."""
    try:
        found = dependencies_of(fn, hints)
    except TypeError as error:
        raise Unfit(fn, str(error)) from None
    for name in found:
        parameter = inspect.signature(fn).parameters[name]
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise Unfit(
                fn,
                f"parameter {name} cannot be a dependency: give it a name of its own, without `*` and before no `/`",
            )
        if parameter.default is not parameter.empty:
            raise Unfit(fn, f"dependency {name} would never have its default: take the default out")
    return found


def parameters_model(
    fn: Function, hints: Mapping[str, Any], without: Collection[str] = ()
) -> type[BaseModel]:
    """The pydantic model of a function's parameters, some left out; unknown ones are refused unless it takes `**params`.

    Raises Unfit for parameters that JSON cannot name, that pydantic would hide, or whose type has no JSON Schema.
    """
    fields: dict[str, Any] = {}
    further: dict[str, Any] = {}
    extra: Literal["allow", "forbid"] = "forbid"
    for name, parameter in inspect.signature(fn).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            extra = "allow"
            if (each := hints.get(name, Any)) not in (Any, object):
                further[EXTRA] = GenericAlias(dict, (str, _of_each(fn, name, each)))
        if parameter.kind is parameter.VAR_KEYWORD or name in without:
            continue
        _check_name(fn, name, parameter)
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints.get(name, Any), default)
    config = ConfigDict(extra=extra, title=fn.__name__, hide_input_in_errors=True, protected_namespaces=())
    try:
        with warnings.catch_warnings(action="ignore", category=PydanticDeprecationWarning):
            model = create_model(fn.__name__, __config__=config, **fields, **further)
    except (PydanticUserError, TypeError, ValueError, NameError) as error:
        raise _unreadable(fn, fields, error) from error
    for name in fields.keys() - model.model_fields.keys():
        raise Unfit(
            fn,
            f"parameter {name} would be hidden by its type, {_name(fields[name][0])}: take Final or ClassVar out",
        )
    return model


def _of_each(fn: Function, name: str, hint: Any) -> Any:
    """The type of each of the further parameters. Raises Unfit for a type that JSON values are not read as."""
    if get_origin(hint) is Unpack:
        raise Unfit(
            fn,
            f"the members of `**{name}` would not be read as their types say: write each as a parameter of its own, or "
            f"`{name}: {_name(get_args(hint)[0])}` without the `**`",
        )
    try:
        as_json(TypeAdapter(hint).json_schema())
    except (PydanticUserError, TypeError, ValueError, NameError) as error:
        raise _unreadable(fn, {f"**{name}": (hint, ...)}, error) from error
    return hint


def schema_of(fn: Function, model: type[BaseModel], hints: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema of the parameters. Raises Unfit for one whose type has none."""
    try:
        return as_json(model.model_json_schema())
    except (PydanticUserError, TypeError, ValueError) as error:
        fields = {name: (hints.get(name, Any), field.default) for name, field in model.model_fields.items()}
        raise _unreadable(fn, fields, error) from error


def _check_name(fn: Function, name: str, parameter: inspect.Parameter) -> None:
    if parameter.kind is parameter.VAR_POSITIONAL:
        raise Unfit(
            fn,
            f"what `*{name}` takes has no names, which a JSON object needs: write `{name}: list[…]` instead",
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise Unfit(fn, f"parameter {name} has no name for a JSON object: take the `/` behind it out")
    if name.startswith("_"):
        raise Unfit(
            fn,
            f"parameter {name} would be hidden, as its name begins with `_`: call it {name.strip('_') or 'value'}",
        )
    if hasattr(BaseModel, name):
        raise Unfit(
            fn,
            f"parameter {name} would hide what pydantic's models have under that name: call it {name}_ or anything else",
        )


def _unreadable(fn: Function, fields: Mapping[str, tuple[Any, Any]], error: Exception) -> Unfit:
    """The error that names the first parameter with an unfit type or default."""
    for name, (hint, default) in fields.items():
        try:
            as_json(TypeAdapter(hint).json_schema())
        except (PydanticUserError, TypeError, ValueError, NameError) as own:
            return Unfit(
                fn,
                f"parameter {name} has a type that no JSON value is read as, {_name(hint)}: take what JSON has, a pydantic "
                f"model, a dataclass or a TypedDict ({reason(own)})",
            )
        if codec.has_no_number(default):
            return Unfit(
                fn, f"parameter {name} has the default {default!r}, which JSON does not have: take None"
            )
    return Unfit(fn, f"its parameters have no JSON Schema ({reason(error)})")


def _name(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) and not hasattr(hint, "__args__") else repr(hint)
