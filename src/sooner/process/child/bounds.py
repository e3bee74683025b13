"""What a child may use."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds on each process of a child; at 0 there is none.

    memory_bytes: address space. cpu_seconds: of processor time; the kernel then ends it with SIGXCPU.
    file_bytes: of each file it writes; the kernel then ends it with SIGXFSZ.
    output_bytes: of standard output altogether, what is read of it.
    """

    memory_bytes: int = 0
    cpu_seconds: int = 0
    file_bytes: int = 0
    output_bytes: int = 16 * MIB
