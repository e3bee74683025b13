"""Which archives are read, and which are refused with which words."""

import bz2
import contextlib
import gzip
import io
import lzma
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sooner.process.zstd import zstd
from src.inventory import ArchiveRefused, Limits, take
from src.inventory.archives.limits import MIB
from src.inventory.archives.refusal import (
    Bomb,
    Damaged,
    Encrypted,
    TooLarge,
    UnknownFormat,
    UnsafePath,
    Unsupported,
)
from src.inventory.archives.tarball import _header_class
from tests.inventory.build import TEST, regular, special, tar, tar_of, zip_of

FILES = {"p-1/README": b"read me\n", "p-1/tests/test_a.py": TEST, "p-1/tests/test_b.py": TEST}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its archive; the name tells no format."""
    return tmp_path / "upload"


def paths(archive: Path) -> list[str]:
    return [entry["path"] for entry in take(archive)["entries"]]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_is_known_by_its_content(path: Path, mode: str) -> None:
    assert paths(tar(path, FILES, mode)) == ["p-1/tests/test_a.py", "p-1/tests/test_b.py"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_is_known_by_its_content(path: Path, method: int) -> None:
    assert paths(zip_of(path, FILES, method)) == ["p-1/tests/test_a.py", "p-1/tests/test_b.py"]


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_tar_dialect_with_its_way_of_long_names(path: Path, tar_format: int) -> None:
    folder = "/".join(["folder"] * 20)
    with tarfile.open(path, "w", format=tar_format) as archive:
        archive.addfile(regular(f"{folder}/test_a.py", TEST), io.BytesIO(TEST))
    assert paths(path) == [f"{folder}/test_a.py"]


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_headers_say_what_tarfile_reads_of_them(path: Path, tar_format: int) -> None:
    deep = "/".join(["folder"] * 20)
    names = ["test_a.py", f"{deep}/test_b.py", "tests/test_ä.py"]
    with tarfile.open(path, "w", format=tar_format, encoding="utf-8") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(TEST), 1.5
            archive.addfile(entry, io.BytesIO(TEST))
    blocks = path.read_bytes()
    heads = [
        blocks[at : at + 512] for at in range(0, len(blocks), 512) if blocks[at + 257 : at + 262] == b"ustar"
    ]
    own = [_header_class(Limits()).frombuf(each, "utf-8", "surrogateescape") for each in heads]
    theirs = [tarfile.TarInfo.frombuf(each, "utf-8", "surrogateescape") for each in heads]
    assert [(each.name, each.size, each.type, each.chksum) for each in own] == [
        (each.name, each.size, each.type, each.chksum) for each in theirs
    ]
    assert paths(path) == sorted(names)


def test_xz_of_several_padded_streams(path: Path) -> None:
    plain = tar(path, FILES, "w").read_bytes()
    path.write_bytes(lzma.compress(plain[:1000]) + b"\0" * 8 + lzma.compress(plain[1000:]) + b"\0" * 4)
    assert len(paths(path)) == 2


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_padding_between_streams_may_be_longer_than_what_is_read_at_once(
    path: Path, pack: Callable[[bytes], bytes]
) -> None:
    plain = tar(path, FILES, "w").read_bytes()
    path.write_bytes(pack(plain[:1000]) + bytes(200_000) + pack(plain[1000:]))
    assert len(paths(path)) == 2


def test_zip_inside_a_tar_is_a_tar_and_is_not_opened(path: Path, tmp_path: Path) -> None:
    inner = zip_of(tmp_path / "inner", {"test_inner.py": TEST}, zipfile.ZIP_STORED).read_bytes()
    assert paths(tar(path, {"test_a.py": TEST, "inner.zip": inner}, "w")) == ["test_a.py"]


def test_nothing_is_written_to_disk(path: Path) -> None:
    take(tar(path, FILES))
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_empty_archive_holds_no_test(path: Path, kind: str) -> None:
    assert take((tar if kind == "tar" else zip_of)(path, {}))["files"] == 0


def test_dot_and_doubled_slashes_are_left_out_of_paths(path: Path) -> None:
    assert paths(tar(path, {"./a//test_a.py": TEST})) == ["a/test_a.py"]


def test_backslashes_of_a_zip_are_folders(path: Path) -> None:
    assert paths(zip_of(path, {"tests\\test_a.py": TEST})) == ["tests/test_a.py"]


def test_of_two_entries_with_one_path_the_later_counts(path: Path) -> None:
    later = b"def test_1(): ...\ndef test_2(): ...\n"
    entries = [(regular("test_a.py", TEST), TEST), (regular("./test_a.py", later), later)]
    assert take(tar_of(path, entries))["tests"] == 2


def test_later_unreadable_file_replaces_the_earlier_readable_one(path: Path) -> None:
    entries = [(regular("test_a.py", TEST), TEST), (regular("test_a.py", b"("), b"(")]
    document = take(tar_of(path, entries))
    assert (document["files"], [item["path"] for item in document["unreadable"]]) == (0, ["test_a.py"])


def test_name_that_is_no_utf8_is_escaped(path: Path) -> None:
    name = b"caf\xe9/test_a.py".decode("utf-8", "surrogateescape")
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(regular(name, TEST), io.BytesIO(TEST))
    assert paths(path) == ["caf\\xe9/test_a.py"]


# Paths


@pytest.mark.parametrize(
    "name",
    [
        "../test_a.py",
        "a/../../test_a.py",
        "/etc/test_a.py",
        "C:\\test_a.py",
        "\\\\host\\test_a.py",
        "a\\..\\b",
    ],
)
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_path_that_leaves_the_folder_refuses_the_archive(path: Path, kind: str, name: str) -> None:
    archive = (tar if kind == "tar" else zip_of)(path, {"test_ok.py": TEST, name: TEST})
    with pytest.raises(UnsafePath, match=r"absolute|'\.\.'"):
        take(archive)


def test_folder_that_leaves_the_folder_refuses_too(path: Path) -> None:
    with pytest.raises(UnsafePath):
        take(tar_of(path, [(special("../out", tarfile.DIRTYPE), b"")]))


def test_nul_in_a_tar_name_is_refused(path: Path) -> None:
    header = regular("x", TEST)
    header.pax_headers = {"path": "test_a.py\0.txt"}
    with pytest.raises(UnsafePath, match="NUL"):
        take(tar_of(path, [(header, TEST)]))


def test_nul_in_a_zip_name_is_refused(path: Path) -> None:
    raw = zip_of(path, {"test_a.py_.txt": TEST}).read_bytes()
    path.write_bytes(raw.replace(b"test_a.py_.txt", b"test_a.py\0.txt"))
    with pytest.raises(UnsafePath, match="NUL"):
        take(path)


def test_endless_path_is_refused(path: Path) -> None:
    with pytest.raises(UnsafePath, match="longer than"):
        take(tar(path, {"a/" * 3000 + "test_a.py": TEST}))


# Links and devices


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "test_a.py"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_tar_link_is_told_and_not_followed(path: Path, kind: bytes, target: str) -> None:
    document = take(
        tar_of(path, [(regular("test_a.py", TEST), TEST), (special("test_link.py", kind, target), b"")])
    )
    assert [entry["path"] for entry in document["entries"]] == ["test_a.py"]
    assert document["unreadable"] == [{"path": "test_link.py", "reason": "is a link; links are not followed"}]


def test_file_under_a_linked_folder_is_read_from_the_archive(path: Path) -> None:
    entries = [
        (special("out", tarfile.SYMTYPE, "/etc"), b""),
        (regular("out/test_a.py", TEST), TEST),
    ]
    assert paths(tar_of(path, entries)) == ["out/test_a.py"]


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_device_is_told_and_not_opened(path: Path, kind: bytes) -> None:
    document = take(tar_of(path, [(special("test_device.py", kind), b"")]))
    assert document["unreadable"] == [{"path": "test_device.py", "reason": "is no regular file"}]


@pytest.mark.parametrize(("mode", "word"), [(stat.S_IFLNK, "link"), (stat.S_IFIFO, "regular")])
def test_zip_link_or_fifo_is_told(path: Path, mode: int, word: str) -> None:
    entry = zipfile.ZipInfo("test_link.py")
    entry.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert word in take(path)["unreadable"][0]["reason"]


# Sizes and bombs


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_too_many_entries(path: Path, kind: str) -> None:
    archive = (tar if kind == "tar" else zip_of)(path, {f"{n}.txt": b"" for n in range(11)})
    take(archive, limits=Limits(entries=11))
    with pytest.raises(TooLarge, match="10 entries"):
        take(archive, limits=Limits(entries=10))


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_file_over_its_limit_is_unreadable_and_the_rest_is_counted(path: Path, kind: str) -> None:
    archive = (tar if kind == "tar" else zip_of)(path, {"test_a.py": TEST, "test_big.py": b"#" * 101})
    document = take(archive, limits=Limits(file_bytes=100))
    assert document["unreadable"] == [{"path": "test_big.py", "reason": "is larger than 100 bytes"}]
    assert document["files"] == 1


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_total_over_its_limit_is_refused(path: Path, kind: str) -> None:
    archive = (tar if kind == "tar" else zip_of)(path, {f"{n}.bin": bytes(100_000) for n in range(9)})
    with pytest.raises(TooLarge, match="500,000 bytes"):
        take(archive, limits=Limits(total_bytes=500_000))


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_tar_bomb_is_refused(path: Path, mode: str) -> None:
    archive = tar(path, {"zeros": bytes(20 * MIB)}, mode)
    with pytest.raises(Bomb, match="100 times"):
        take(archive)


def test_zip_bomb_is_refused(path: Path) -> None:
    with pytest.raises(Bomb, match="100 times"):
        take(zip_of(path, {"zeros": bytes(20 * MIB)}))


def test_many_entries_are_read_in_bounded_memory(path: Path) -> None:
    archive = tar(path, {f"{number}.txt": b"" for number in range(10_000)}, "w")
    tracemalloc.start()
    take(archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB


def test_bomb_is_refused_in_bounded_memory(path: Path) -> None:
    archive = tar(path, {"zeros": bytes(20 * MIB)})
    tracemalloc.start()
    with pytest.raises(Bomb):
        take(archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_bomb_wrapped_twice_is_no_tar(path: Path, pack: Callable[[bytes], bytes]) -> None:
    path.write_bytes(pack(gzip.compress(bytes(MIB))))
    with pytest.raises(UnknownFormat):
        take(path)


def test_zip_entry_larger_than_it_says_is_damaged(path: Path) -> None:
    raw = bytearray(zip_of(path, {"test_a.py": b"#" * 5000}).read_bytes())
    size = struct.pack("<L", 5000)
    lie = struct.pack("<L", 10)
    path.write_bytes(bytes(raw).replace(size, lie))
    with pytest.raises(Damaged, match="CRC"):
        take(path)


def test_zip_whose_entries_share_their_bytes_is_a_bomb(path: Path) -> None:
    zip_of(path, {"test_a.py": TEST, "test_b.py": TEST}, zipfile.ZIP_STORED)
    with zipfile.ZipFile(path) as archive:
        second = archive.getinfo("test_b.py").header_offset
    raw = path.read_bytes()
    directory = raw.rindex(b"PK\x01\x02")
    path.write_bytes(raw[: directory + 42] + struct.pack("<L", second - 10) + raw[directory + 46 :])
    with pytest.raises(Bomb, match="overlap"):
        take(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_method_without_bounded_reading_is_told(path: Path, method: int) -> None:
    document = take(zip_of(path, {"test_a.py": TEST}, method))
    assert document["unreadable"][0]["reason"] == f"is packed with method {method}; only deflate is read"


def test_xz_that_asks_for_too_much_memory_is_refused(path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * MIB, "preset": 0}]
    packer = lzma.LZMACompressor(lzma.FORMAT_XZ, filters=filters)
    path.write_bytes(packer.compress(tar(path, FILES, "w").read_bytes()) + packer.flush())
    with pytest.raises(Damaged, match=r"[Mm]emory"):
        take(path)


# Tar headers that tarfile alone would believe


def test_extended_header_of_any_length_is_refused(path: Path) -> None:
    header = regular("test_a.py", TEST)
    header.pax_headers = {"comment": "x" * 100_000}
    with pytest.raises(TooLarge, match="extended header"):
        take(tar_of(path, [(header, TEST)]))


def test_global_headers_are_bounded_together(path: Path) -> None:
    blocks = b""
    for number in range(20):
        blocks += tarfile.TarInfo.create_pax_global_header({f"SOONER.{number}": "x" * 60_000})
        blocks += regular(f"{number}.txt").tobuf()
    path.write_bytes(blocks + bytes(1024))
    with pytest.raises(TooLarge, match="extended header"):
        take(path)


def test_endless_chain_of_extended_headers_is_refused(path: Path) -> None:
    link = special("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    link.size = 4
    path.write_bytes((link.tobuf(tarfile.GNU_FORMAT) + b"name".ljust(512, b"\0")) * 5000 + bytes(1024))
    with pytest.raises(ArchiveRefused):
        take(path)


def test_negative_size_is_refused(path: Path) -> None:
    header = bytearray(regular("test_a.py").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 10 + (-512 & 0xFFFF).to_bytes(2, "big")
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    path.write_bytes(bytes(header) + bytes(1024))
    with pytest.raises(Damaged, match="Entry 1 has a negative size"):
        take(path)


def test_negative_size_in_an_extended_header_is_refused(path: Path) -> None:
    header = regular("a.txt")
    header.pax_headers = {"size": "-1024"}
    with pytest.raises(ArchiveRefused):
        take(tar_of(path, [(header, b""), (regular("test_b.py", TEST), TEST)], "w"))


def test_sparse_map_of_any_length_is_refused(path: Path) -> None:
    numbers = b"1000000\n" + b"0\n" * 2_000
    header = regular("GNUSparseFile.0/test_a.py", numbers)
    header.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "test_a.py"}
    with pytest.raises(Unsupported, match="sparse"):
        take(tar_of(path, [(header, numbers)]))


def test_old_sparse_file_is_refused(path: Path) -> None:
    with pytest.raises(Unsupported, match="sparse"):
        take(tar_of(path, [(special("test_a.py", tarfile.GNUTYPE_SPARSE), b"")]))


def test_broken_header_is_no_end_of_the_archive(path: Path) -> None:
    raw = bytearray(tar(path, FILES, "w").read_bytes())
    second = raw.index(b"p-1/tests/test_a.py")
    raw[second + 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(Damaged, match="After entry 1"):
        take(path)


# Broken, encrypted, none


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The file is empty: 0 bytes"),
        (b"x", "not a tar"),
        (b"PK", "not a tar"),
        (bytes(10), "not a tar"),
        (gzip.compress(b"hello", mtime=0), "not a tar"),
        (b"<!DOCTYPE html><title>Sign in</title>" * 100, "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer"),
        (b'{"message": "Not Found"}', "JSON, most likely an error"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(1000), "a 7z or RAR archive"),
    ],
)
def test_what_is_no_archive_is_told_so(path: Path, content: bytes, told: str) -> None:
    path.write_bytes(content)
    with pytest.raises(UnknownFormat, match=told):
        take(path)


def test_a_zip_behind_a_program_is_read(path: Path) -> None:
    raw = zip_of(path, FILES).read_bytes()
    plain = take(path)
    path.write_bytes(b"#!/usr/bin/env python3\n" + raw)
    assert take(path) == plain


def test_zstd_is_read(path: Path) -> None:
    plain = tar(path, FILES, "w").read_bytes()
    counted = take(path)
    path.write_bytes(zstd.compress(plain[:5000]) + zstd.compress(plain[5000:]))
    assert take(path) == counted
    # A window of 2 GiB is asked for by a few bytes.
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 31})
    path.write_bytes(packer.compress(plain) + packer.flush())
    with pytest.raises(ArchiveRefused):
        take(path)


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:bz2", "w:xz", "within", "zip"])
def test_bytes_behind_an_archive_are_left_out_and_told(path: Path, kind: str) -> None:
    is_tar = kind not in {"within", "zip"}
    if kind == "zip":
        with zipfile.ZipFile(zip_of(path, FILES), "a") as archive:
            archive.comment = b"x" * 1000
    else:
        tar(path, FILES, kind if is_tar else "w")
    plain = take(path)
    # More than a reader's buffer, and what zipfile looks back for the end.
    path.write_bytes(path.read_bytes() + bytes(40_000 if kind == "zip" else 200_000))
    assert take(path) == plain, "zeros are padding"
    path.write_bytes(path.read_bytes() + b"garbage")
    if kind == "within":
        path.write_bytes(gzip.compress(path.read_bytes()))
    counted = take(path)
    assert counted["tests"] == plain["tests"]
    assert [each["path"] for each in counted["unreadable"]] == [
        ".",
        *(each["path"] for each in plain["unreadable"]),
    ]
    assert counted["unreadable"][0]["reason"].startswith("bytes follow the archive")


def test_encrypted_zip_is_told_so(path: Path) -> None:
    raw = bytearray(zip_of(path, {"test_a.py": TEST}).read_bytes())
    raw[6] |= 1
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(Encrypted, match="password"):
        take(path)


def test_zip_name_with_broken_utf8_is_damaged(path: Path) -> None:
    path.write_bytes(zip_of(path, {"é.py": TEST}).read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(Damaged):
        take(path)


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_truncation_anywhere_is_refused(path: Path, kind: str) -> None:
    whole = (zip_of(path, FILES) if kind == "zip" else tar(path, FILES, kind)).read_bytes()
    # The zeros that fill up a tar after its end marker may be missing.
    length = len(whole.rstrip(b"\0")) if kind == "w" else len(whole)
    for end in range(0, length, max(1, length // 300)):
        path.write_bytes(whole[:end])
        with pytest.raises(ArchiveRefused):
            take(path)


@pytest.mark.parametrize("kind", ["w:gz", "w:bz2", "w:xz"])
def test_changed_bytes_are_found_by_the_checksum(path: Path, kind: str) -> None:
    whole = tar(path, FILES, kind).read_bytes()
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 0x10
    path.write_bytes(broken)
    with pytest.raises(Damaged):
        take(path)


def test_checksum_is_compared_though_the_tar_ended_long_before(path: Path) -> None:
    raw = bytearray(gzip.compress(tar(path, FILES, "w").read_bytes() + bytes(MIB), compresslevel=0))
    raw[raw.index(b"test_one")] ^= 1
    path.write_bytes(raw)
    with pytest.raises(Damaged, match="incorrect data check"):
        take(path)


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:xz", "zip"])
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_bytes_the_answer_is_a_document_or_a_refusal(
    path: Path, kind: str, changes: list[tuple[float, int]]
) -> None:
    raw = bytearray((zip_of(path, FILES) if kind == "zip" else tar(path, FILES, kind)).read_bytes())
    for where, value in changes:
        raw[int(where * len(raw))] = value
    path.write_bytes(raw)
    document = None
    with contextlib.suppress(ArchiveRefused):
        document = take(path)
    assert document is None or document["files"] <= len(FILES)


@given(st.binary(max_size=2000))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_behind_a_magic_is_refused(path: Path, noise: bytes) -> None:
    for magic in (b"", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"PK\x03\x04"):
        path.write_bytes(magic + noise)
        with pytest.raises(ArchiveRefused):
            take(path)


def test_missing_file_is_no_refusal(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        take(path)
