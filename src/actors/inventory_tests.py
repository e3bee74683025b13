import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from sooner import (
    Failure,
    Invalid,
    Upload,
    fetch_upload,
    job,
    network,
    progress,
    scratch_folder,
    written_json,
    wrong,
)
from src.inventory import Inventory, process

if TYPE_CHECKING:
    from src.sources import Source

#: What comes before the archive is read, as a part of the whole.
FETCHING = 0.5


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("an address begins with https:// and names a host")
    if parts.username is not None:
        raise ValueError("an address carries no user name or password: there is `token` for that")
    return url


def _ref(name: str) -> str:
    if not REF.fullmatch(name):
        raise ValueError("this names no branch, tag or commit")
    return name


def _printable(token: SecretStr) -> SecretStr:
    if not token.get_secret_value() or not all("!" <= each <= "~" for each in token.get_secret_value()):
        raise ValueError("a token consists of visible ASCII characters")
    return token


#: What git takes (git-check-ref-format(1)) and no program for an option.
REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\/.+-][^\x00-\x20\x7f~^:?*\[\\]*")

Address = Annotated[
    str, Field(max_length=2000, json_schema_extra={"format": "uri"}), AfterValidator(_address)
]
Ref = Annotated[
    str, Field(max_length=250, json_schema_extra={"pattern": f"^{REF.pattern}$"}), AfterValidator(_ref)
]
Token = Annotated[SecretStr, Field(max_length=4000), AfterValidator(_printable)]


def _one_source(
    upload: UUID | None = None,
    url: str | None = None,
    ref: str | None = None,
    compare: str | None = None,
    token: SecretStr | None = None,
) -> None:
    if upload is None and url is None:
        raise Invalid([wrong("#", "either `upload` or `url` is needed")])
    given = {"url": url, "ref": ref, "compare": compare, "token": token}
    if upload is not None and (extra := [name for name, value in given.items() if value is not None]):
        raise Invalid([wrong(f"#/{name}", "does not go with `upload`") for name in extra])


@job(time_limit=600, check=_one_source)
async def inventory_tests(
    upload: Annotated[Upload | None, Field(description="An archive that was uploaded.")] = None,
    url: Annotated[
        Address | None, Field(description="An archive's or a git repository's https address.")
    ] = None,
    ref: Annotated[Ref | None, Field(description="The repository's branch, tag or commit; its HEAD.")] = None,
    compare: Annotated[
        Ref | None, Field(description="The branch, tag or commit to compare with.")
    ] = None,
    token: Annotated[
        Token | None, Field(description="What the server wants; `name:password` for both.")
    ] = None,
) -> Inventory:
    """Counts the tests of a repository's archive: files, suites, tests and their status, by framework and language."""
    async with scratch_folder() as folder:
        if upload is not None:
            return await _inventory(await fetch_upload(upload, folder), None, progress)
        base = None
        if compare is not None:
            # First: it fails where there are no refs, before an archive is downloaded.
            former = await _fetch(cast(str, url), compare, token, folder, _part(0, FETCHING / 2))
            base = process.Base(former.archive, compare, former.commit)
        source = await _fetch(cast(str, url), ref, token, folder, _part(FETCHING / 2 if base else 0, FETCHING))
        return await _inventory(source.archive, source.commit, _part(FETCHING, 1), base)


async def _fetch(
    url: str,
    ref: str | None,
    token: SecretStr | None,
    folder: Path,
    told: Callable[[float | None, str], None],
) -> "Source":
    # It brings httpx, which web, where actors are only declared, has no use for.
    from src import sources

    try:
        return await sources.fetch(network(), url, folder, ref=ref, token=token, progress=told)
    except sources.SourceFailed as failed:
        raise Failure(failed.detail, type=failed.type, title=failed.title) from None


async def _inventory(
    archive: Path, commit: str | None, told: Callable[[float, str], None], base: process.Base | None = None
) -> Inventory:
    try:
        return cast(Inventory, written_json(await process.take(archive, progress=told, commit=commit, base=base)))
    except process.InventoryFailed as failed:
        raise Failure(failed.detail, type=failed.type, title=failed.title) from None


def _part(start: float, end: float) -> Callable[[float | None, str], None]:
    """Tells the progress of a part of the job, which goes from `start` to `end` of the whole."""

    def tell(fraction: float | None, message: str) -> None:
        progress(None if fraction is None else start + (end - start) * fraction, message)

    return tell
