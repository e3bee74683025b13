"""Python source text: from bytes of an archive to a syntax tree, without running any of it."""

import ast
import codecs
import io
import threading
import tokenize
import warnings

from src.inventory.unreadable import SourceUnreadable

# Decoders that take quadratic time, run their own escapes, or make lone surrogates.
_REFUSED_CODECS = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "utf-7"})
_parsing = threading.Lock()


def parse(source: bytes) -> ast.Module:
    """The syntax tree of a Python file by the grammar of the running Python (3.11 or later).

    Takes any encoding that the file declares (PEP 263) and a byte order mark. Raises SourceUnreadable.
    """
    try:
        return _tree(_text(source))
    except SyntaxError as error:
        raise _unreadable(f"line {error.lineno or 1}: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise SourceUnreadable("is too deeply nested or too large to parse") from error
    except (ValueError, LookupError) as error:
        raise _unreadable(str(error)) from error


def _text(source: bytes) -> str:
    if b"\0" in source:
        raise SourceUnreadable("holds a NUL byte")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    if codecs.lookup(encoding).name in _REFUSED_CODECS:
        raise SourceUnreadable(f"declares the encoding {encoding}, which is not read")
    try:
        return source.decode(encoding)
    except UnicodeDecodeError as error:
        raise SourceUnreadable(f"is not {encoding}: {error.reason} at byte {error.start}") from error


def _tree(text: str) -> ast.Module:
    # The parser warns of others' escapes and literals, which -W error would turn into syntax errors; the
    # filters are the whole process's, hence the lock.
    with _parsing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _unreadable(reason: str) -> SourceUnreadable:
    return SourceUnreadable(reason.encode("utf-8", "backslashreplace").decode()[:200])
