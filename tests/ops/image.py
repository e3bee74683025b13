"""The image that ops/Containerfile makes, built without a registry: on a Debian of this machine's own, from wheels downloaded before."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import ROOT
from tests.support.missing import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("buildah", "mmdebstrap", "unshare")
#: Debian 12's Python is the oldest that the service runs on.
PYTHON = "3.11"
BASE = "localhost/sooner-test-base"
BUILD = "localhost/sooner-test-build"
IMAGE = "localhost/sooner-test"
#: Alpine's base in Debian's packages, and what builds the image beside that.
PACKAGES = "python3,git,ca-certificates,busybox,base-files"
BUILDERS = "python3-venv,binutils,findutils"
#: What Debian puts beside it and Alpine does not: text to read, character sets, Berkeley DB, the package manager, and Perl with what it is for.
UNUSED = (
    "usr/share/doc/*", "usr/share/locale/*", "usr/share/man/*", "usr/share/info/*", "usr/share/bash-completion/*",
    "usr/bin/dpkg*", "usr/bin/openssl", "usr/bin/perl*", "usr/lib/*/libperl*", "usr/lib/*/perl/*", "usr/lib/*/perl-base/*",
    "usr/share/perl/*", "usr/share/perl5/*", "usr/share/gitweb/*", "usr/lib/*/gconv/*", "lib/*/libmvec*", "usr/lib/*/libdb-*",
)  # fmt: skip
#: Of what the packages' own scripts would do, the two that Alpine's base has done.
CONFIGURE = """
busybox --install -s /bin
cat /usr/share/ca-certificates/mozilla/*.crt > /etc/ssl/certs/ca-certificates.crt
"""
PIP = "[global]\nno-index = true\nfind-links = /wheels\ndisable-pip-version-check = true\n"
#: A root that nobody writes to, a scratch folder, and neither the user nor the rights of whoever starts it.
ENTER = """
mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"
mount -t tmpfs tmpfs "$0/tmp"; mount --bind /proc "$0/proc"; mount --rbind /dev "$0/dev"
exec chroot --userspec=10001:10001 "$0" /bin/env PATH=/opt/sooner/bin:/usr/bin:/bin HOME=/tmp sh -c 'cd /srv/sooner; exec "$0" "$@"' "$@"
"""


@dataclass(frozen=True)
class Image:
    """A built image, its files laid open in a folder."""

    root: Path

    def command(self, *words: str) -> str:
        """A shell's command that runs the image's entry point as a container's runtime does."""
        return "exec " + shlex.join(
            ["unshare", "--mount", "sh", "-c", ENTER, str(self.root), "ops/start", *words]
        )

    def megabytes(self, *folders: str) -> float:
        """What folders of the image hold."""
        files = (file for folder in folders for file in (self.root / folder).rglob("*") if file.is_file())
        return sum(file.lstat().st_size for file in files if not file.is_symlink()) / 1e6


@contextmanager
def image(folder: Path) -> Iterator[Image]:
    """The image. Skips the test where a program for it is missing; with CI set it fails instead."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            missing(f"{program} is not installed")
    if os.geteuid() != 0:
        missing("a root of its own is for root alone")
    _wheels(folder)
    _debian(folder, BASE, PACKAGES)
    _debian(folder, BUILD, f"{PACKAGES},{BUILDERS}")
    container = ""
    try:
        _build(folder)
        container = _run("buildah", "from", IMAGE)
        yield Image(Path(_run("buildah", "mount", container)))
    finally:
        if container:
            _run("buildah", "rm", container)
        _run("buildah", "rmi", "--force", IMAGE, BASE, BUILD)


def _wheels(folder: Path) -> None:
    (folder / "pip.conf").write_text(PIP)
    platforms = [
        f"--platform=manylinux{version}_{os.uname().machine}" for version in ("2014", "_2_17", "_2_28")
    ]
    _run(
        sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--requirement", str(ROOT / "requirements.txt"),
        "--dest", str(folder / "wheels"), "--only-binary=:all:", f"--python-version={PYTHON}", *platforms,
    )  # fmt: skip


def _debian(folder: Path, name: str, packages: str) -> None:
    files = str(folder / "base.tar")
    unused = [f"--dpkgopt=path-exclude=/{path}" for path in UNUSED]
    _run("mmdebstrap", "--variant=extract", f"--include={packages}", *unused, "bookworm", files)
    container = _run("buildah", "from", "scratch")
    _run("buildah", "add", "--quiet", container, files, "/")
    _run("buildah", "run", container, "busybox", "sh", "-c", CONFIGURE)
    _run("buildah", "commit", "--quiet", "--rm", container, name)


def _build(folder: Path) -> None:
    _run(
        "buildah", "bud", "--quiet", "--network=none", "--file", str(ROOT / "ops" / "Containerfile"),
        "--ignorefile", str(ROOT / "ops" / "Containerfile.dockerignore"), f"--build-arg=BASE={BASE}", f"--build-arg=BUILD={BUILD}",
        f"--volume={folder}/wheels:/wheels:ro", f"--volume={folder}/pip.conf:/etc/pip.conf:ro", "--tag", IMAGE, str(ROOT),
    )  # fmt: skip


def _run(*command: str) -> str:
    """Its standard output, in a line. Raises AssertionError with all that it said where it fails."""
    own = {"BUILDAH_ISOLATION": "chroot"}
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()
