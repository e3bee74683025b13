"""Programs as child processes of a process that must not wait, grow or hang because of them."""

from sooner.process.child.bounds import Bounds
from sooner.process.child.child import Child, OutputTooLarge, run

__all__ = ["Bounds", "Child", "OutputTooLarge", "run"]
