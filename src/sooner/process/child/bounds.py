"""The resources that a child program may use."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds on each process of a child program; 0 means no bound.

    memory_bytes: address space. cpu_seconds: processor time, after which the kernel sends SIGXCPU.
    file_bytes: the size of each written file, beyond which the kernel sends SIGXFSZ.
    output_bytes: the standard output that is read.
    """

    memory_bytes: int = 0
    cpu_seconds: int = 0
    file_bytes: int = 0
    output_bytes: int = 16 * MIB
