"""How much of an archive is read before it is refused."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one archive; all sizes in bytes.

    `ratio` bounds unpacked by packed size once more than `ratio_from_bytes` are unpacked: sources pack 4 to
    20 times, a bomb of zeros 1,000 times. A single file over `file_bytes` is reported as unreadable; every
    other excess refuses the archive. `header_bytes` bounds the extended headers of one tar altogether.
    """

    entries: int = 100_000
    file_bytes: int = MIB
    total_bytes: int = 1024 * MIB
    ratio: int = 100
    ratio_from_bytes: int = 16 * MIB
    path_bytes: int = 4 * KIB
    header_bytes: int = 64 * KIB
    global_header_bytes: int = MIB
    unpacker_bytes: int = 128 * MIB

    def unpacked_bytes(self, packed: int) -> int:
        """The most that `packed` bytes may unpack to."""
        return min(self.total_bytes, max(self.ratio_from_bytes, self.ratio * packed))
