"""JSON pointers, which name a part of a JSON value (RFC 6901, section 3)."""


def escaped(key: str | int) -> str:
    """A key as a part of a pointer."""
    return str(key).replace("~", "~0").replace("/", "~1")


def parts(pointer: str) -> list[str]:
    """The keys of a pointer; those of an array are numbers."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
