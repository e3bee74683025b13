"""The head of a request, remembered for the next one."""

from collections.abc import Mapping
from typing import Any

#: Longer heads, in bytes, are not kept in memory.
LONGEST = 4096
#: Nor are heads of longer messages: uvicorn stops reading until such a body is asked for.
LONGEST_MESSAGE = 64 * 1024

END = b"\r\n\r\n"


class Head:
    """The bytes of a head, and what was made of them.

    A client's requests on one connection mostly differ in their bodies alone. What a parser makes of bytes depends on
    nothing but these bytes and those before them on the connection, so where all before were whole messages and these
    are the same again, what was made of them is the same, too.
    """

    __slots__ = ("_raw", "_scope", "_size")

    def __init__(self, raw: bytes, size: int, scope: Mapping[str, Any]) -> None:
        self._raw = raw
        self._size = size
        self._scope = scope

    @classmethod
    def of(cls, data: bytes, body: bytes, scope: Mapping[str, Any]) -> "Head | None":
        """The head of a message that came as `data` and no application has seen yet.

        None where it is too long to be kept, or where what follows it is not `body` as it stands: chunks.
        """
        end = len(data) - len(body)
        if end > LONGEST or len(data) > LONGEST_MESSAGE or data.find(END) + len(END) != end:
            return None
        return cls(data[:end], len(data), dict(scope))

    def body(self, data: bytes) -> bytes | None:
        """The body of a message that has this head and comes as `data`, and as nothing else; None where it does not."""
        return data[len(self._raw) :] if len(data) == self._size and data.startswith(self._raw) else None

    def scope(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The scope of such a request. What lies in it is shared, but for `state`."""
        return {**self._scope, "state": dict(state)}


#: What a connection's first message is compared with: no bytes begin or end like it.
NONE_YET = Head(b"", 0, {})
