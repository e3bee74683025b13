"""The whole document of an archive, and the command that prints it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from src.inventory import take
from tests.inventory.build import TEST, regular, tar, tar_of, zip_of

UNITTEST = b"""\
import unittest

class Sums(unittest.TestCase):
    def test_plus(self): ...
    @unittest.skip("later")
    def test_minus(self): ...
    @unittest.expectedFailure
    def test_times(self): ...
"""
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    files = {
        "p/test_z.py": TEST,
        "p/a/test_sums.py": UNITTEST,
        "p/test_broken.py": b"def test_a(:\n",
        "p/test_helpers.py": b"def make(): ...\n",
        "p/setup.py": b"def test_no(): ...\n",
    }
    return tar(tmp_path / "p.tar.gz", files)


def test_document(archive: Path) -> None:
    both = {"files": 2, "suites": 1, "tests": 4}
    cases = [
        {"name": "Sums::test_plus", "line": 4, "status": "active"},
        {"name": "Sums::test_minus", "line": 6, "status": "skipped"},
        {"name": "Sums::test_times", "line": 8, "status": "xfail"},
    ]
    assert take(archive) == {
        **both,
        "by_framework": {
            "pytest": {"files": 1, "suites": 0, "tests": 1},
            "unittest": {"files": 1, "suites": 1, "tests": 3},
        },
        "by_language": {"python": both},
        "by_status": {"active": 2, "skipped": 1, "todo": 0, "focused": 0, "xfail": 1},
        "unreadable": [{"path": "p/test_broken.py", "reason": "line 1: invalid syntax"}],
        "undecided": [],
        "commit": None,
        "entries": [
            {
                "path": "p/a/test_sums.py",
                "language": "python",
                "framework": "unittest",
                "suites": 1,
                "tests": 3,
                "cases": cases,
            },
            {
                "path": "p/test_z.py",
                "language": "python",
                "framework": "pytest",
                "suites": 0,
                "tests": 1,
                "cases": [{"name": "test_one", "line": 1, "status": "active"}],
            },
        ],
    }


def test_order_of_the_archive_does_not_matter(tmp_path: Path) -> None:
    names = ["b/test_a.py", "a/test_b.py", "test_c.py", "a/test_broken.py"]
    files = {name: b"(" if "broken" in name else TEST for name in names}
    forth = take(tar(tmp_path / "forth", files))
    back = take(zip_of(tmp_path / "back", dict(reversed(files.items()))))
    assert json.dumps(forth) == json.dumps(back)


def test_virtual_environment_packed_along_is_left_out(tmp_path: Path) -> None:
    files = {"p/env/lib/test_a.py": TEST, "p/env/pyvenv.cfg": b"", "p/environment/test_b.py": TEST}
    assert [entry["path"] for entry in take(tar(tmp_path / "p", files))["entries"]] == [
        "p/environment/test_b.py"
    ]


def test_commit_is_what_the_caller_says(archive: Path) -> None:
    assert take(archive, commit="abc")["commit"] == "abc"


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
def test_commit_is_what_git_noted(tmp_path: Path, form: str) -> None:
    (tmp_path / "test_a.py").write_bytes(TEST)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "test_a.py"], check=True)
    subprocess.run([*git, "commit", "-qm", "a"], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    packed = tmp_path / "packed"
    subprocess.run(
        [*git, "archive", f"--format={form}", "-o", str(packed), "--prefix=p/", "HEAD"], check=True
    )
    document = take(packed)
    assert (document["commit"], document["files"]) == (head, 1)


def test_comment_that_is_no_commit_is_not_passed_on(tmp_path: Path) -> None:
    header = regular("test_a.py", TEST)
    header.pax_headers = {"comment": COMMIT + "<script>"}
    assert take(tar_of(tmp_path / "a", [(header, TEST)]))["commit"] is None


def test_progress_grows_and_is_told_at_most_a_hundred_times(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    archive = tar(tmp_path / "a", {f"test_{n}.py": TEST for n in range(500)}, "w")
    take(archive, progress=lambda fraction, message: told.append((fraction, message)))
    fractions = [fraction for fraction, _ in told]
    assert 2 <= len(told) <= 101
    assert fractions == sorted(set(fractions))
    assert 0 < fractions[0] <= fractions[-1] <= 1
    assert told[-1][1].endswith("test files read")


def test_what_progress_raises_ends_the_reading(archive: Path) -> None:
    def stop(_fraction: float, _message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(archive, progress=stop)


def run(*arguments: str) -> tuple[int, list[dict[str, object]]]:
    ended = subprocess.run(
        [sys.executable, "-m", "src.inventory", *arguments], capture_output=True, text=True, check=False
    )
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


def test_command_prints_the_document_last(archive: Path) -> None:
    code, lines = run(str(archive), "--commit", COMMIT)
    assert (code, lines[-1]) == (0, {"result": take(archive, commit=COMMIT)})
    assert all(set(line) == {"progress"} for line in lines[:-1])


def test_command_prints_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no archive")
    code, lines = run(str(tmp_path / "a"))
    assert code == 1
    assert lines == [
        {
            "error": {
                "type": "archive-unknown-format",
                "title": "Not an archive that can be read",
                "detail": "The file is not a tar (plain, gzip, bzip2, xz, zstd) or a ZIP.",
            }
        }
    ]


def test_command_survives_a_file_that_needs_more_memory_than_it_may_have(tmp_path: Path) -> None:
    files = {"test_a.py": TEST, "test_wide.py": b"a," * 500_000}
    code, lines = run(str(tar(tmp_path / "a", files)), "--memory-mib", "200")
    assert (code, lines[-1]["result"]["files"]) == (0, 1)  # type: ignore[index]
    assert "too large to parse" in str(lines[-1])
