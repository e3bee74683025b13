"""Child programs, which cannot block, bloat or hang the process that starts them."""

from sooner.process.child.bounds import Bounds
from sooner.process.child.child import Child, OutputTooLarge, run

__all__ = ["Bounds", "Child", "OutputTooLarge", "run"]
