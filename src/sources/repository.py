"""Git repositories over HTTP."""

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import httpx
import tenacity
from pydantic import SecretStr

from sooner.outgoing import Network, briefly
from src.sources import git
from src.sources.failure import SourceFailed, told, too_large, unauthorized, unreachable
from src.sources.progress import Progress
from src.sources.token import basic
from src.sources.verdict import MOST_BYTES, Away, verdict

FETCH_SECONDS = 240

_PROBE = "/info/refs?service=git-upload-pack"
_ADVERTISEMENT = "application/x-git-upload-pack-advertisement"

_REF = "refs/sooner/fetched"

#: A repository's own attributes would leave files out (tests, often) or change them.
_ATTRIBUTES = "* -export-ignore -export-subst -filter -ident -text -working-tree-encoding\n"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that was found. See `find`."""

    network: Network
    address: httpx.URL
    authorization: str | None

    @classmethod
    async def find(cls, network: Network, address: httpx.URL, token: SecretStr | None) -> Self | None:
        """The repository at an address, where its redirects lead; None where there is none.

        It is one when it answers as git's smart HTTP protocol has it (gitprotocol-http(5)). A token goes no further than
        the host it was given for. Raises SourceFailed, Refused and what httpx raises.
        """
        headers = {"Git-Protocol": "version=2", **({"Authorization": basic(token)} if token else {})}
        async with network.client(follow_redirects=True, headers=headers) as client:
            found: httpx.URL | None = await briefly()(_probe, client, str(address).rstrip("/") + _PROBE)
        if found is None:
            return None
        own = (found.scheme, found.host, found.port) == (address.scheme, address.host, address.port)
        return cls(network, found, basic(token) if token and own else None)

    async def archive(self, folder: Path, ref: str | None, progress: Progress) -> tuple[Path, str]:
        """A tar of a branch, a tag or a commit (by default the remote's HEAD) in `folder`, and its commit's id.

        A second one in the same folder costs no more than what it has and the first has not.
        Raises SourceFailed.
        """
        await git.check(folder)
        progress(None, "fetching the repository")
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                await self._fetch(folder, ref)
        except TimeoutError:
            raise unreachable(f"The repository did not arrive within {FETCH_SECONDS} s.") from None
        progress(1.0, "repository fetched")
        commit = await _commit(folder, ref)
        path = folder / f"{commit}.tar"
        await git.output(folder, "archive", "--format=tar", f"--output={path}", commit)
        return path, commit

    async def _fetch(self, folder: Path, ref: str | None) -> None:
        await git.output(folder, "init", "--quiet", "--bare", "--template=", str(folder / "repository"))
        await asyncio.to_thread(_write_attributes, folder / "repository" / "info")
        trying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(Away),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=5),
            stop=tenacity.stop_after_attempt(3),
            reraise=True,
        )
        try:
            await trying(self._fetch_once, folder, ref)
        except Away as away:
            raise unreachable(str(away)) from None

    async def _fetch_once(self, folder: Path, ref: str | None) -> None:
        command = (
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
        )
        code, _, errors = await git.git(
            folder,
            *command,
            "--",
            str(self.address),
            f"+{ref or 'HEAD'}:{_REF}",
            settings=await self._settings(),
            protocols="https:http" if self.network.allow_private else "https",
        )
        if code != 0:
            # index-pack is ended by the bound, and git says no more than that its answer was invalid.
            full = await asyncio.to_thread(_holds_a_full_pack, folder / "repository" / "objects" / "pack")
            raise too_large(MOST_BYTES) if full else verdict(errors, ref)

    async def _settings(self) -> dict[str, str]:
        with told():
            found = await self.network.resolve(self.address)
        host, port = self.address.raw_host.decode("ascii"), self.address.port or _PORTS[self.address.scheme]
        settings = (
            {}
            if _is_ip(host)
            else {"http.curloptResolve": f"{host}:{port}:{','.join(map(_bracketed, found))}"}
        )
        if self.authorization:
            settings["http.extraHeader"] = f"Authorization: {self.authorization}"
        return settings


_PORTS = {"http": 80, "https": 443}


async def _probe(client: httpx.AsyncClient, url: str) -> httpx.URL | None:
    async with client.stream("GET", url) as response:
        if response.status_code in {401, 403}:
            raise unauthorized()
        if response.status_code >= 500 or response.status_code == 429:
            response.raise_for_status()
        is_repository = response.headers.get("Content-Type") == _ADVERTISEMENT
        base, found, _ = str(response.url).rpartition(_PROBE)
        return httpx.URL(base) if is_repository and found and response.is_success else None


async def _commit(folder: Path, ref: str | None) -> str:
    code, commit, _ = await git.git(folder, "rev-parse", "--verify", "--quiet", f"{_REF}^{{commit}}")
    if code != 0:
        raise SourceFailed(
            "source-ref-is-no-commit",
            "The ref is no commit",
            f"{ref or 'HEAD'!r} names no commit but a file or a folder, as a tag may: give a ref that names a commit.",
        )
    return commit


def _holds_a_full_pack(packs: Path) -> bool:
    return any(pack.stat().st_size >= git.BOUNDS.file_bytes for pack in packs.glob("tmp_pack_*"))


def _write_attributes(info: Path) -> None:
    info.mkdir(exist_ok=True)
    (info / "attributes").write_text(_ATTRIBUTES)


def _is_ip(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
