"""The summary of one Python file: small enough to keep for every file of an archive.

A *reference* is a string that names something, as seen from the file that holds it:

- `a.b`, `.a.b`, `..a`: reached through an import, absolute or relative
- `#3.Inner`: the file's class number 3, and an attribute of it
- `@name.rest`: bound by no statement of the file: a star import or a builtin
- `?make()`: an expression that only running would tell
"""

from typing import NamedTuple, TypeAlias


class Function(NamedTuple):
    """A function or lambda. `gives` says that it returns a function of its own."""

    name: str
    line: int
    marks: tuple[str, ...] = ()
    wish: bool | None = None
    gives: bool = False


class ClassNumber(NamedTuple):
    """A class, by its place in `Module.classes`."""

    number: int


class Alias(NamedTuple):
    """Another name of what a reference names."""

    target: str


class Made(NamedTuple):
    """What a call of `by` returned."""

    by: str
    line: int


class Marks(NamedTuple):
    """A list, tuple or sum of marks."""

    references: tuple[str, ...]


Binding: TypeAlias = Function | ClassNumber | Alias | Made | Marks | None
"""What a name stands for; None for a value that is no test."""

Scope: TypeAlias = dict[str, Binding]


class Class(NamedTuple):
    """A class by its own body; `marks` are those of its decorators and of its `pytestmark`."""

    name: str
    line: int
    bases: tuple[str, ...]
    marks: tuple[str, ...]
    wish: bool | None
    body: Scope


class Generated(NamedTuple):
    """`globals().update(of.method())`: classes that a method makes out of its own class."""

    of: str
    method: str
    line: int


class Module(NamedTuple):
    """A file. `skips` are the calls that may skip it whole; `ignored` is a conftest's collect_ignore, then its globs."""

    bindings: Scope
    classes: tuple[Class, ...]
    stars: tuple[str, ...]
    exported: tuple[str, ...] | None
    marks: tuple[str, ...]
    wish: bool | None
    skips: tuple[str, ...]
    generated: tuple[Generated, ...]
    ignored: tuple[tuple[str, ...], tuple[str, ...]]
    imports_pytest: bool
    imports_unittest: bool
