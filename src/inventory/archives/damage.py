"""What the unpacking libraries raise on broken input, told as one refusal."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from src.inventory.archives.refusal import ArchiveRefused, Damaged
from src.inventory.archives.stream import ZstdError

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ZstdError,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
)


@contextmanager
def damage_refused() -> Iterator[None]:
    """Raise Damaged for whatever a broken archive makes the libraries raise.

    An OSError with an errno is the disk's, not the archive's, and passes; bz2 and gzip raise theirs without.
    """
    try:
        yield
    except ArchiveRefused:
        raise
    except _BROKEN as error:
        raise Damaged(_detail(error)) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise Damaged(_detail(error)) from error


def _detail(error: Exception) -> str:
    reason = str(error).encode("utf-8", "backslashreplace").decode()[:200]
    return f"The archive cannot be read to its end: {reason or type(error).__name__}."
