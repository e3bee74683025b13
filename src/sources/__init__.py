"""Sources that strangers name: an archive or a git repository behind an https address, brought here as one archive."""

from src.sources.failure import SourceFailed
from src.sources.fetch import Source, fetch

__all__ = ["Source", "SourceFailed", "fetch"]
