"""From an address to an archive on disk."""

from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr

from sooner.outgoing import Network
from src.sources.download import download
from src.sources.failure import SourceFailed, told
from src.sources.progress import Progress
from src.sources.repository import Repository

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")


@dataclass(frozen=True, slots=True)
class Source:
    """An archive that was fetched; `commit` where it was made from one that is known."""

    archive: Path
    commit: str | None


async def fetch(
    network: Network, url: str, folder: Path, *, ref: str | None, token: SecretStr | None, progress: Progress
) -> Source:
    """Bring what is behind an address into `folder`.

    An address that ends like an archive, or has a query, is one. Any other is asked whether it is a git repository
    (`/info/refs`, git's smart protocol) and is an archive when it is none.
    Raises SourceFailed.
    """
    with told():
        address = network.check(url).copy_with(fragment=None)
        repository = None if is_archive(address) else await Repository.find(network, address, token)
    if repository is not None:
        return Source(*await repository.archive(folder, ref, progress))
    if ref is not None:
        detail = "This is no git repository, so it has no branches, tags or commits."
        raise SourceFailed("source-without-refs", "The source has no refs", detail)
    with told():
        return Source(await download(network, address, folder, token, progress), None)


def is_archive(address: httpx.URL) -> bool:
    """Whether an address says by itself that it is no repository."""
    return bool(address.query) or address.path.lower().endswith(ARCHIVES)
