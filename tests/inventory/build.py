"""Archives made by hand, good and evil."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

from src.inventory import Inventory, take
from src.inventory.document import Entry

TEST = b"def test_one():\n    pass\n"


def tar(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    """A tar of regular files; `mode` is tarfile's."""
    return tar_of(path, [(regular(name, content), content) for name, content in files.items()], mode)


def tar_of(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w:gz") -> Path:
    """A tar of whatever the headers say."""
    with tarfile.open(name=path, mode=mode, format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for header, content in entries:
            archive.addfile(header, io.BytesIO(content))
    return path


def regular(name: str, content: bytes = b"") -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size = len(content)
    return header


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type = kind
    header.linkname = target
    return header


def zip_of(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def inventory_of(files: Mapping[str, str | bytes]) -> Inventory:
    """The inventory of an archive of these files."""
    contents = {
        name: each if isinstance(each, bytes) else dedent(each).encode() for name, each in files.items()
    }
    with TemporaryDirectory() as folder:
        return take(tar(Path(folder) / "archive", contents, "w"))


def entries_of(files: Mapping[str, str | bytes]) -> dict[str, Entry]:
    """The entries of an archive of these files, by path."""
    return {entry["path"]: entry for entry in inventory_of(files)["entries"]}


def statuses_of(document: Inventory) -> dict[str, str]:
    """The statuses of all tests, by name."""
    return {case["name"]: case["status"] for entry in document["entries"] for case in entry["cases"]}
