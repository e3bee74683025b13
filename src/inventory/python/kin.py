"""What a Python class is by itself and by all of its bases, in whatever file they are."""

from typing import NamedTuple

from src.inventory.document import Status
from src.inventory.python import known
from src.inventory.python.facts import Class, Function, Made
from src.inventory.python.resolver import BoundAt, ClassAt, Meaning, Outside, Resolver, Unclear
from src.inventory.python.status import of_mark, strongest

_MOST_BASES = 50
_CONSTRUCTORS = frozenset({"__init__", "__new__"})


class Kin(NamedTuple):
    """What a class inherits; `unclear` names the base that only running would tell, `outside` the one that is not here."""

    is_test_case: bool = False
    is_trial: bool = False
    has_constructor: bool = False
    wish: bool | None = None
    status: Status = "active"
    unclear: str = ""
    outside: str = ""


class Kinship:
    """Looks at each class once, after its bases."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._found: dict[ClassAt, Kin] = {}
        self._lacking: dict[ClassAt, frozenset[str]] = {}

    def forget(self) -> None:
        """Look at everything anew: there are more summaries than before."""
        self._found.clear()
        self._lacking.clear()

    def of(self, at: ClassAt) -> Kin:
        """What a class is. A chain of thousands takes no recursion, a circle ends."""
        self._look_at(at)
        self._resolver.missing |= self._lacking[at]
        return self._found[at]

    def _look_at(self, at: ClassAt) -> None:
        pending, begun = [at], {at}
        while pending:
            each = pending[-1]
            if each in self._found:
                pending.pop()
                continue
            bases, lacking = self._resolver.noting(lambda at=each: self._bases(at))  # type: ignore[misc]
            first = [base for base in bases if isinstance(base, ClassAt) and base not in self._found]
            if ahead := [base for base in first if base not in begun]:
                begun.update(ahead)
                pending += ahead
                continue
            self._note(each, bases, lacking)
            pending.pop()

    def _note(self, at: ClassAt, bases: list[Meaning], lacking: frozenset[str]) -> None:
        self._found[at], more = self._resolver.noting(lambda: self._joined(at, bases))
        of_bases = (self._lacking.get(base, frozenset()) for base in bases if isinstance(base, ClassAt))
        self._lacking[at] = lacking.union(more, *of_bases)

    def marks(self, path: str, references: tuple[str, ...], *, trial: bool) -> Status:
        """The status by marks; trial's own attributes count for its tests alone."""
        if not references:
            return "active"
        return strongest(
            of_mark(name)
            for name in self._resolver.marks(path, references)
            if trial or not name.startswith("trial.")
        )

    def is_function(self, at: ClassAt) -> bool:
        """Whether a decorator makes a function of a class."""
        marks = self._resolver.class_at(at).marks
        return any(self._makes_function(self._resolver.meaning(at.path, mark)) for mark in marks)

    def _makes_function(self, decorator: Meaning) -> bool:
        match decorator:
            case Outside(name):
                return known.makes_function(name)
            case BoundAt(path, Function(marks=marks)):
                return any(map(known.makes_function, self._resolver.marks(path, marks)))
            case ClassAt():
                line = self._resolver.line(decorator)
                own = [self._resolver.class_at(each) for each in line if isinstance(each, ClassAt)]
                outside = [each.name for each in line if isinstance(each, Outside)]
                # A class that is called in its own way may well give classes back.
                return any(map(known.makes_function, outside)) and not any(
                    "__call__" in each.body for each in own
                )
            case _:
                return False

    def _bases(self, at: ClassAt) -> list[Meaning]:
        return [
            self._resolver.meaning(at.path, base) for base in self._resolver.class_at(at).bases[:_MOST_BASES]
        ]

    def _joined(self, at: ClassAt, bases: list[Meaning]) -> Kin:
        own = self._resolver.class_at(at)
        kin = [self._base(base) for base in bases]
        is_trial = any(each.is_trial for each in kin)
        wishes = (wish for wish in (own.wish, *(each.wish for each in kin)) if wish is not None)
        return Kin(
            is_test_case=any(each.is_test_case for each in kin),
            is_trial=is_trial,
            has_constructor=any(each.has_constructor for each in kin) or self._constructs(at.path, own),
            wish=next(wishes, None),
            status=strongest(
                (self.marks(at.path, own.marks, trial=is_trial), *(each.status for each in kin))
            ),
            unclear=next((each.unclear for each in kin if each.unclear), ""),
            outside=next((each.outside for each in kin if each.outside), ""),
        )

    def _base(self, base: Meaning) -> Kin:
        match base:
            case ClassAt():
                return self._found.get(base, Kin())
            case Outside(name):
                return Kin(
                    is_test_case=known.is_test_case(name),
                    is_trial=known.is_trial(name),
                    has_constructor=known.has_constructor(name),
                    outside="" if known.is_plain(name) or known.is_test_case(name) else name,
                )
            case Unclear(reason):
                return Kin(unclear=reason)
            case BoundAt(_, Made(by)):
                return Kin(unclear=f"{by.lstrip('?@')}()")
            case _:
                return Kin(unclear="a value")

    def _constructs(self, path: str, own: Class) -> bool:
        if any(isinstance(own.body.get(name), Function) for name in _CONSTRUCTORS):
            return True
        return any(known.makes_constructor(name) for name in self._resolver.marks(path, own.marks))
