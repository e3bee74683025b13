"""Why a whole archive is refused: one small tree of errors."""

from typing import ClassVar


class ArchiveRefused(ValueError):
    """An archive that is not read at all; nothing of it was unpacked to disk.

    `type` is for machines and stays the same between releases, `title` and `detail` are for people.
    """

    type: ClassVar[str] = "archive-refused"
    title: ClassVar[str] = "The archive was refused"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class UnknownFormat(ArchiveRefused):
    """The content is neither a tar (plain, gzip, bzip2, xz, zstd) nor a ZIP."""

    type = "archive-unknown-format"
    title = "Not an archive that can be read"


class Damaged(ArchiveRefused):
    """Truncated, failing its checksum, or contradicting itself."""

    type = "archive-damaged"
    title = "The archive is damaged"


class Encrypted(ArchiveRefused):
    """A ZIP with encrypted entries."""

    type = "archive-encrypted"
    title = "The archive is encrypted"


class UnsafePath(ArchiveRefused):
    """An entry whose path leaves the folder, or is no usable path at all."""

    type = "archive-unsafe-path"
    title = "A path of the archive is unsafe"


class TooLarge(ArchiveRefused):
    """More entries or unpacked bytes than the limits allow."""

    type = "archive-too-large"
    title = "The archive is too large"


class Bomb(ArchiveRefused):
    """Unpacks to far more than its size on disk explains, or its entries share their bytes."""

    type = "archive-bomb"
    title = "The archive is a decompression bomb"


class Unsupported(ArchiveRefused):
    """A feature of the format that sources do not need and that is not read."""

    type = "archive-unsupported"
    title = "The archive uses an unsupported feature"
