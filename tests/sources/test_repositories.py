"""Git repositories, served by git itself."""

from __future__ import annotations

import base64
import json
import ssl
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import SecretStr

from sooner.outgoing import Network
from sooner.process.child import Bounds, run
from src.sources import SourceFailed, fetch, git
from src.sources.fetch import Source
from tests.inventory.build import TEST
from tests.support import repositories
from tests.support.sites import Exchange, Site, site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPEN = Network(allow_private=True)


def quiet(_fraction: float | None, _message: str) -> None:
    """Nobody listens."""


async def bring(url: str, folder: Path, **options: Any) -> Source:
    (folder / "here").mkdir()
    options = {"network": OPEN, "ref": None, "token": None, "progress": quiet, **options}
    return await fetch(options.pop("network"), url, folder / "here", **options)


async def failure(url: str, folder: Path, **options: Any) -> SourceFailed:
    with pytest.raises(SourceFailed) as failed:
        await bring(url, folder, **options)
    return failed.value


def names(source: Source) -> set[str]:
    with tarfile.open(source.archive) as tar:
        return {member.name for member in tar if member.isfile()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the repository `project`: two commits on main, one on a branch, a tag."""
    project = tmp_path / "root" / "project"
    project.parent.mkdir()
    repositories.commit(project, {"test_first.py": TEST})
    repositories.git(project, "tag", "--annotate", "--message", "one", "v1")
    repositories.git(project, "checkout", "--quiet", "-b", "side/branch")
    repositories.commit(project, {"test_side.py": TEST})
    repositories.git(project, "checkout", "--quiet", "main")
    repositories.commit(project, {"test_second.py": TEST})
    return project.parent


@pytest.fixture
def server(root: Path) -> Iterator[Site]:
    with site(lambda exchange: repositories.serve(exchange, root)) as running:
        yield running


def id_of(root: Path, ref: str) -> str:
    return repositories.git(root / "project", "rev-parse", f"{ref}^{{commit}}")


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (None, {"test_first.py", "test_second.py"}),
        ("main", {"test_first.py", "test_second.py"}),
        ("refs/heads/main", {"test_first.py", "test_second.py"}),
        ("side/branch", {"test_first.py", "test_side.py"}),
        ("v1", {"test_first.py"}),
    ],
)
async def test_branches_and_tags(
    ref: str | None, expected: set[str], root: Path, server: Site, tmp_path: Path
) -> None:
    source = await bring(f"{server.url}/project", tmp_path, ref=ref)
    assert names(source) == expected
    assert source.commit == id_of(root, ref or "main")


async def test_a_commit_by_its_id(root: Path, server: Site, tmp_path: Path) -> None:
    first = id_of(root, "v1")
    source = await bring(f"{server.url}/project/.git/", tmp_path, ref=first)
    assert (names(source), source.commit) == ({"test_first.py"}, first)


@pytest.mark.parametrize("ref", ["nothing", "0" * 40, "1" * 40, "a..b", "main@{1}"])
async def test_a_ref_that_is_not_there(ref: str, server: Site, tmp_path: Path) -> None:
    failed = await failure(f"{server.url}/project", tmp_path, ref=ref)
    assert failed.type == "source-ref-not-found"
    assert repr(ref) in failed.detail


async def test_an_empty_repository_is_told_so(root: Path, server: Site, tmp_path: Path) -> None:
    repositories.git(root, "init", "--quiet", "--initial-branch=main", "empty")
    failed = await failure(f"{server.url}/empty", tmp_path)
    assert (failed.type, failed.detail) == (
        "source-ref-not-found",
        "The repository is empty, or its default branch is not there: name a `ref` that is.",
    )


async def test_a_tag_of_a_file_is_no_commit(root: Path, server: Site, tmp_path: Path) -> None:
    blob = repositories.git(root / "project", "rev-parse", "HEAD:test_first.py")
    repositories.git(root / "project", "tag", "a-file", blob)
    failed = await failure(f"{server.url}/project", tmp_path, ref="a-file")
    assert failed.type == "source-ref-is-no-commit"
    assert failed.detail.startswith("'a-file' names no commit but a file or a folder")


async def test_a_repository_by_sha256_is_told_so(root: Path, server: Site, tmp_path: Path) -> None:
    repositories.git(root, "init", "--quiet", "--object-format=sha256", "--initial-branch=main", "modern")
    repositories.commit(root / "modern", {"test_first.py": TEST})
    failed = await failure(f"{server.url}/modern", tmp_path)
    assert failed.type == "source-unsupported"
    assert "SHA-256" in failed.detail


async def test_one_commit_is_fetched_and_no_history(server: Site, tmp_path: Path) -> None:
    await bring(f"{server.url}/project", tmp_path)
    _, count, _ = await git.git(tmp_path / "here", "rev-list", "--count", "refs/sooner/fetched")
    assert count == "1"


@pytest.mark.parametrize(("first", "second"), [("v1", None), (None, "v1"), ("v1", "side/branch")])
async def test_a_second_commit_in_the_same_folder_brings_what_the_first_has_not(
    first: str | None, second: str | None, root: Path, server: Site, tmp_path: Path
) -> None:
    one = await bring(f"{server.url}/project", tmp_path, ref=first)
    two = await fetch(
        OPEN, f"{server.url}/project", tmp_path / "here", ref=second, token=None, progress=quiet
    )
    assert (one.commit, two.commit) == (id_of(root, first or "main"), id_of(root, second or "main"))
    assert len(names(one) ^ names(two)) == 1
    _, counted, _ = await git.git(tmp_path / "here", "count-objects", "-v")
    _, objects, _ = await git.git(tmp_path / "here", "cat-file", "--batch-all-objects", "--batch-check")
    assert f"in-pack: {len(objects.splitlines())}\n" in counted


async def test_a_repositorys_attributes_hide_and_change_nothing(
    root: Path, server: Site, tmp_path: Path
) -> None:
    attributes = b"test_*.py export-ignore\n*.txt export-subst text eol=crlf ident\n"
    repositories.commit(root / "project", {".gitattributes": attributes, "a.txt": b"$Format:%H$ $Id$\n"})
    source = await bring(f"{server.url}/project", tmp_path)
    assert names(source) == {"test_first.py", "test_second.py", ".gitattributes", "a.txt"}
    with tarfile.open(source.archive) as tar:
        text = tar.extractfile("a.txt")
        assert text is not None
        assert text.read() == b"$Format:%H$ $Id$\n"


async def test_submodules_and_links_are_not_followed(root: Path, server: Site, tmp_path: Path) -> None:
    project = root / "project"
    (project / "test_link.py").symlink_to("/etc/passwd")
    modules = f'[submodule "sub"]\n\tpath = sub\n\turl = {server.url}/other\n'.encode()
    repositories.git(project, "update-index", "--add", "--cacheinfo", f"160000,{id_of(root, 'v1')},sub")
    repositories.commit(project, {".gitmodules": modules})
    source = await bring(f"{server.url}/project", tmp_path)
    assert "test_link.py" not in names(source)
    assert not any("/other" in path for _, path, _ in server.seen)


async def test_nothing_of_the_machines_own_git_is_used(
    server: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "trap"
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".gitconfig").write_text(
        f'[core]\n\thooksPath = /\n[credential]\n\thelper = "!touch {trap}"\n[bad\n'
    )
    for name, text in {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_SSH_COMMAND": f"touch {trap}",
        "GIT_ASKPASS": f"touch {trap}",
        "GIT_DIR": str(home),
        "http_proxy": "http://127.0.0.1:1",
        "GIT_TRACE_CURL": str(trap),
    }.items():
        monkeypatch.setenv(name, text)
    assert names(await bring(f"{server.url}/project", tmp_path))
    assert not trap.exists()


def guarded(root: Path, authorization: str) -> Any:
    def handle(exchange: Exchange) -> None:
        if exchange.headers.get("Authorization") == authorization:
            repositories.serve(exchange, root)
        else:
            exchange.rfile.read(int(exchange.headers.get("Content-Length") or 0))
            exchange.answer(401, WWW_Authenticate='Basic realm="git"')

    return handle


@pytest.mark.parametrize(
    ("token", "pair"), [("canary-1", "x-access-token:canary-1"), ("me:canary-2", "me:canary-2")]
)
async def test_a_token_opens_a_private_repository(token: str, pair: str, root: Path, tmp_path: Path) -> None:
    expected = "Basic " + base64.b64encode(pair.encode()).decode()
    with site(guarded(root, expected)) as private:
        assert names(await bring(f"{private.url}/project", tmp_path, token=SecretStr(token)))


@pytest.mark.parametrize("token", [None, SecretStr("canary-wrong")])
async def test_without_the_right_token_it_is_refused(
    token: SecretStr | None, root: Path, tmp_path: Path
) -> None:
    with site(guarded(root, "Basic none")) as private:
        failed = await failure(f"{private.url}/project", tmp_path, token=token)
    assert failed.type == "source-unauthorized"
    assert "canary" not in json.dumps(vars(failed))


async def test_a_token_is_on_no_command_line_and_not_on_disk(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[tuple[str, ...]] = []

    async def note(command: Any, **options: Any) -> Any:
        commands.append(tuple(command))
        return await run(command, **options)

    monkeypatch.setattr(git, "run", note)
    encoded = base64.b64encode(b"x-access-token:canary").decode()
    with site(guarded(root, f"Basic {encoded}")) as private:
        await bring(f"{private.url}/project", tmp_path, token=SecretStr("canary"))
    files = b"".join(path.read_bytes() for path in (tmp_path / "here").rglob("*") if path.is_file())
    assert len(commands) >= 4
    assert encoded not in repr(commands)
    assert "canary" not in repr(commands)
    assert encoded.encode() not in files


async def test_redirects_of_the_first_question_lead_to_the_repository(
    root: Path, server: Site, tmp_path: Path
) -> None:
    def moved(exchange: Exchange) -> None:
        exchange.answer(301, Location=server.url + exchange.path.replace("/old", "/project"))

    with site(moved) as old:
        source = await bring(f"{old.url}/old", tmp_path, token=SecretStr("canary"))
    assert names(source)
    assert "Authorization" in old.seen[0][2]
    assert not any("Authorization" in headers for _, _, headers in server.seen)


async def test_a_redirect_after_the_first_question_is_not_followed(root: Path, tmp_path: Path) -> None:
    with site(lambda exchange: exchange.answer(200)) as elsewhere:
        asked = iter(range(100))

        def turn(exchange: Exchange) -> None:
            if next(asked) == 0:
                repositories.serve(exchange, root)
            else:
                exchange.answer(302, Location=elsewhere.url + exchange.path)

        with site(turn) as turncoat:
            failed = await failure(f"{turncoat.url}/project", tmp_path)
    assert failed.type == "source-failed"
    assert elsewhere.seen == []


async def test_git_goes_to_the_address_that_was_checked(
    server: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(allow_private=True)

    async def resolve(self: Network, url: Any) -> list[str]:
        return ["127.0.0.99", "127.0.0.1"]

    monkeypatch.setattr(Network, "resolve", resolve)
    source = await bring(f"http://nowhere.invalid:{server.port}/project", tmp_path, network=network)
    assert names(source)
    assert {headers["Host"] for _, _, headers in server.seen} == {f"nowhere.invalid:{server.port}"}


async def test_private_addresses_are_refused(server: Site, tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{server.port}/project"
    failed = await failure(url, tmp_path, network=Network())
    assert (failed.type, server.seen) == ("source-refused", [])
    assert "private network" in failed.detail


async def test_a_server_that_was_public_when_asked_and_then_is_not(
    server: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(allow_private=True)
    check = git.check

    async def close(folder: Path) -> None:
        network.allow_private = False
        await check(folder)

    monkeypatch.setattr("src.sources.repository.git.check", close)
    assert (await failure(f"{server.url}/project", tmp_path, network=network)).type == "source-refused"


async def test_a_repository_that_is_too_large(
    root: Path, server: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = b"".join(number.to_bytes(8, "big") * 3 for number in range(20_000))
    repositories.commit(root / "project", {"noise": noise})
    monkeypatch.setattr(git, "BOUNDS", Bounds(file_bytes=100_000))
    assert (await failure(f"{server.url}/project", tmp_path)).type == "source-too-large"


async def test_a_server_that_is_busy_is_asked_again(root: Path, tmp_path: Path) -> None:
    asked = iter(range(100))

    def handle(exchange: Exchange) -> None:
        if next(asked) in {0, 2}:
            exchange.rfile.read(int(exchange.headers.get("Content-Length") or 0))
            exchange.answer(503)
        else:
            repositories.serve(exchange, root)

    with site(handle) as busy:
        assert names(await bring(f"{busy.url}/project", tmp_path))


async def test_a_deployment_without_git_says_so(
    server: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert (await failure(f"{server.url}/project", tmp_path)).type == "git-missing"


async def test_an_old_git_cannot_be_held_to_an_address(
    server: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "PINNING", (99, 0))
    failed = await failure(f"{server.url}/project", tmp_path)
    assert failed.type == "git-too-old"
    assert "99.0 or later is needed" in failed.detail


async def test_over_https_the_certificate_is_the_names(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))

    async def resolve(self: Network, url: Any) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(Network, "resolve", resolve)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("right.example").configure_cert(tls)
    with site(lambda exchange: repositories.serve(exchange, root), tls) as running:
        source = await bring(f"https://right.example:{running.port}/project", tmp_path, network=Network())
        (tmp_path / "again").mkdir()
        failed = await failure(
            f"https://wrong.example:{running.port}/project", tmp_path / "again", network=Network()
        )
    assert names(source)
    assert (failed.type, "certificate" in failed.detail) == ("source-unreachable", True)
