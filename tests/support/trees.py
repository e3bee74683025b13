"""The project's files as they were, are and may be, each tree in a folder of its own."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from sooner.local.sample import git_files, walked_files
from tests.support import ROOT

REVISIONS = Path("alembic/versions")

TOMORROW = '''"""What only the code of tomorrow's tomorrow needs."""

from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    op.execute("alter table dramatiq.queue add column of_tomorrow integer not null default 0")


def downgrade() -> None:
    op.execute("alter table dramatiq.queue drop column of_tomorrow")
'''


def newest_revision() -> Path:
    """The file of the newest revision, from the project's folder on."""
    return max(REVISIONS / path.name for path in (ROOT / REVISIONS).glob("*.py"))


def present(folder: Path) -> Path:
    """The project's files as they are, without what tools made."""
    for source in git_files(ROOT) or walked_files(ROOT):
        if source.is_file():
            target = folder / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


def with_one_more_revision(folder: Path) -> Path:
    """The project's files as they are, and one more revision, which only widens."""
    text = TOMORROW.format(newest=newest_revision().name.partition("_")[0])
    (present(folder) / REVISIONS / "9999_tomorrow.py").write_text(text)
    return folder


def with_newest_revision(folder: Path) -> Path:
    """The project's files as the newest revision came to them. Skips the test where the history is not there."""
    commit = _commit_of_newest_revision()
    return _extracted(commit, folder) if commit else present(folder)


def before_newest_revision(folder: Path) -> Path:
    """The project's files before the newest revision came to them. Skips the test where the history is not there."""
    commit = _commit_of_newest_revision()
    tree = _extracted(f"{commit}^" if commit else "HEAD", folder)
    assert not (tree / newest_revision()).exists()
    return tree


def _commit_of_newest_revision() -> str:
    """The commit that added the file; empty while none has."""
    path = newest_revision().as_posix()
    return _git("log", "-1", "--no-renames", "--diff-filter=A", "--format=%H", "--", path).decode().strip()


def _extracted(commit: str, folder: Path) -> Path:
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit))) as archive:
        # Python before 3.11.4 knows no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)  # noqa: S202 - of our own history
    return folder


def _git(*arguments: str) -> bytes:
    # The folder may be another user's than the one who tests.
    command = ["git", "-c", "safe.directory=*", *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("git is not installed, so there is no history")
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().splitlines()[-1]
        pytest.skip(f"this checkout has no history, or not enough of it: git {arguments[0]}: {why}")
    return done.stdout
