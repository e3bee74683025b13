"""What a file is that is no archive: the sentence that names the cause."""

import re
from typing import BinaryIO

_HEAD = 1024
_KINDS = (
    (
        re.compile(rb"\A\s*<(!doctype html|html|head|!--)", re.IGNORECASE),
        "a web page (HTML): the address shows one, or asks to sign in",
    ),
    (
        re.compile(rb"\Aversion https://git-lfs\.github\.com/spec"),
        "a Git LFS pointer: the file itself lies elsewhere; fetch it with `git lfs pull`",
    ),
    (re.compile(rb"\A\s*[{\[]"), "JSON, most likely an error of the server that it came from"),
    (re.compile(rb"\A(7z\xbc\xaf\x27\x1c|Rar!)"), "a 7z or RAR archive: pack it as a tar or a ZIP"),
)
_FORMATS = "a tar (plain, gzip, bzip2, xz, zstd) or a ZIP"


def of_no_archive(file: BinaryIO) -> str:
    """Why a file is no archive, for people."""
    file.seek(0)
    head = file.read(_HEAD)
    if not head:
        return f"The file is empty: 0 bytes. Give {_FORMATS}."
    kind = next((kind for pattern, kind in _KINDS if pattern.search(head)), None)
    if kind is not None:
        return f"The file is {kind}. Give {_FORMATS}."
    return f"The file is not {_FORMATS}."
