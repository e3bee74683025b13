"""A value that fits a schema, for examples."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

PLAIN: dict[str, Any] = {"string": "text", "boolean": False, "null": None, "array": [], "object": {}}
FORMATS = {
    "uuid": "01977f6e-2f7a-7c3e-8a58-6f1f3a9b2c4d",
    "date-time": "2030-01-31T12:00:00Z",
    "uri": "https://example.com/",
}


def example(schema: Mapping[str, Any]) -> Any:
    """The plainest value: the schema's own example or default, or an object with its required members.

    An empty object for a schema that contains itself, or that this module cannot read.
    """
    try:
        return _example(schema, schema, ())
    except (LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _example(schema: Mapping[str, Any], root: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    """`within` are the references that led here. Raises LookupError for a value that would hold itself."""
    if "$ref" in schema:
        reference = schema["$ref"]
        if reference in within:
            raise LookupError(reference)
        return _example(_found(reference, root), root, (*within, reference))
    of_examples, of_enum = ([schema[key][0]] if schema.get(key) else [] for key in ("examples", "enum"))
    said = [*of_examples, *(schema[key] for key in ("const", "default") if key in schema), *of_enum]
    if said:
        return said[0]
    choices = [schema[key] for key in ("anyOf", "oneOf", "allOf") if schema.get(key)]
    return _first(choices[0], root, within) if choices else _of_type(schema, root, within)


def _first(schemas: Sequence[Mapping[str, Any]], root: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    """A value of the first schema that has one. Raises LookupError."""
    for schema in schemas:
        with contextlib.suppress(LookupError):
            return _example(schema, root, within)
    raise LookupError("a value that does not hold itself")


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return schema.get(
            "minimum", schema.get("exclusiveMinimum", 0) + (1 if "exclusiveMinimum" in schema else 0)
        )
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _example(properties.get(name, {}), root, within) for name in schema.get("required", ())}
    if kind == "string":
        return FORMATS.get(schema.get("format", ""), PLAIN["string"])
    return PLAIN.get(str(kind), {})


def _found(ref: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
