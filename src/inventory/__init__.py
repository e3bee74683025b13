"""How much of a repository is tested, read from an archive of it without running any of it.

Pure: the standard library and tree-sitter, no database, no HTTP.
"""

from src.inventory.archives.limits import Limits
from src.inventory.archives.refusal import ArchiveRefused
from src.inventory.document import Inventory
from src.inventory.survey import Progress, take

__all__ = ["ArchiveRefused", "Inventory", "Limits", "Progress", "take"]
