"""BLOB_URL: a folder or a bucket, read by obstore; credentials come from the variables that it knows (AWS_ACCESS_KEY_ID and so on)."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

SCHEMES: Final = ("file", "s3", "gs", "az")


def checked(url: str) -> str:
    """The address without a slash at its end. Raises ValueError for an address that names no store."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError("not a file://, s3://, gs:// or az:// address")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("takes a bucket and a path alone: credentials have variables of their own")
    if parts.scheme == "file":
        _check_folder(parts.netloc, unquote(parts.path))
    elif not parts.netloc:
        raise ValueError(f"names no bucket ({parts.scheme}://bucket/path)")
    _check_opening(url)
    return url.rstrip("/")


def _check_folder(host: str, path: str) -> None:
    if host or not path.strip("/"):
        raise ValueError("names no folder (file:///path/to/folder)")
    if not Path(path).is_dir():
        raise ValueError("names no folder that is here")
    if not os.access(path, os.W_OK | os.X_OK):
        raise ValueError("names a folder that this process may not write to")


def _check_opening(url: str) -> None:
    # Imported here: most deployments have no store.
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    try:
        from_url(url)
    except (BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0].rpartition("error: ")[2]
        raise ValueError(f"cannot be opened: {reason}") from None
