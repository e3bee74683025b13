"""A value that fits a schema, for examples."""

from collections.abc import Mapping
from typing import Any

PLAIN: dict[str, Any] = {"string": "text", "boolean": False, "null": None, "array": [], "object": {}}
FORMATS = {
    "uuid": "01977f6e-2f7a-7c3e-8a58-6f1f3a9b2c4d",
    "date-time": "2030-01-31T12:00:00Z",
    "uri": "https://example.com/",
}


def sample(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """The plainest value: what the schema itself gives as example or default, of an object what it requires."""
    root = root or schema
    if "$ref" in schema:
        return sample(_found(schema["$ref"], root), root)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "anyOf", "oneOf", "allOf"):
        if schema.get(key):
            first = schema[key][0]
            return first if key == "enum" else sample(first, root)
    return _of_type(schema, root)


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return schema.get(
            "minimum", schema.get("exclusiveMinimum", 0) + (1 if "exclusiveMinimum" in schema else 0)
        )
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: sample(properties.get(name, {}), root) for name in schema.get("required", ())}
    if kind == "string":
        return FORMATS.get(schema.get("format", ""), PLAIN["string"])
    return PLAIN.get(str(kind), {})


def _found(ref: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
