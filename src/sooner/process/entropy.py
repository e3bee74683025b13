"""Random bytes from the operating system, fetched many at a time: a system call for each costs more than their use."""

import os
import struct
from collections.abc import Iterator

#: How many blocks one system call fetches.
MANY = 512


class Blocks:
    """Gives out blocks of `size` random bytes, each once, whichever thread or forked process asks.

    They come from `os.urandom` and lie in memory for a while: good for ids, not for keys, which `secrets` makes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._left: Iterator[tuple[bytes]] = iter(())
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self) -> bytes:
        """The next block."""
        # Taking one is a single step of C code, so no two threads get the same.
        while (block := next(self._left, None)) is None:
            self._left = struct.iter_unpack(f"{self._size}s", os.urandom(self._size * MANY))
        return block[0]

    def _forget(self) -> None:
        self._left = iter(())
