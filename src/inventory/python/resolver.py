"""What a reference means, followed from file to file through the archive."""

from collections.abc import Callable, Container, Iterator
from typing import NamedTuple, TypeAlias, TypeVar

from src.inventory.python import known
from src.inventory.python.facts import (
    Alias,
    Binding,
    Class,
    ClassNumber,
    Function,
    Made,
    Marks,
    Module,
    Scope,
)
from src.inventory.python.modules import Modules

#: Aliases followed in a row, and bases looked at per class; each of a thousand may name the next.
_DEEPEST = 50
_LONGEST_LINE = 50


class ClassAt(NamedTuple):
    """A class of the archive."""

    path: str
    number: int


class ModuleAt(NamedTuple):
    """A file of the archive."""

    path: str


class BoundAt(NamedTuple):
    """A function, call or list of marks in a file of the archive."""

    path: str
    bound: Function | Made | Marks | None


class Outside(NamedTuple):
    """Something that the archive does not hold. It may be known by its name."""

    name: str


class Absent(NamedTuple):
    """A name that a module of the archive does not have."""

    name: str


class Unclear(NamedTuple):
    """Something that only running would tell."""

    reason: str


Meaning: TypeAlias = ClassAt | ModuleAt | BoundAt | Outside | Absent | Unclear
Line: TypeAlias = tuple[ClassAt | Outside | Unclear, ...]
Found = TypeVar("Found")


class Resolver:
    """Looks up references in the summaries of an archive's files; `missing` gathers those files that have none yet."""

    def __init__(
        self, modules: Modules, summary: Callable[[str], Module | None], unreadable: Container[str]
    ) -> None:
        self._modules = modules
        self._summary = summary
        self._unreadable = unreadable
        self._meanings: dict[tuple[str, str], tuple[Meaning, frozenset[str]]] = {}
        self._lines: dict[ClassAt, tuple[Line, frozenset[str]]] = {}
        self.missing: set[str] = set()

    def forget(self) -> None:
        """Look everything up anew: there are more summaries than before."""
        self._meanings.clear()
        self._lines.clear()
        self.missing.clear()

    def noting(self, look: Callable[[], Found]) -> tuple[Found, frozenset[str]]:
        """What a look-up gives, and the files that it lacked: they are noted as missing."""
        before, self.missing = self.missing, set()
        found = look()
        lacking = frozenset(self.missing)
        self.missing = before
        self.missing |= lacking
        return found, lacking

    def module(self, path: str) -> Module | None:
        """The summary of a file; None where it is missing or unreadable."""
        return self._summary(path)

    def class_at(self, at: ClassAt) -> Class:
        """The summary of a class."""
        if (module := self._summary(at.path)) is None:
            raise LookupError(at)
        return module.classes[at.number]

    def meaning(self, path: str, reference: str, depth: int = 0) -> Meaning:
        """What a reference in a file means."""
        # Files of one folder import by the same names.
        of_file = reference[:1] in "#@?"
        key = (path if of_file else path.rpartition("/")[0], reference)
        if (known := self._meanings.get(key)) is None:
            if depth >= _DEEPEST:
                return Unclear(reference)
            known = self._meanings[key] = self.noting(lambda: self._looked_up(path, reference, depth))
        found, lacking = known
        self.missing |= lacking
        return found

    def glimpse(self, path: str, binding: Binding) -> Meaning:
        """What a binding in a file means by the summaries that are there."""
        missing = set(self.missing)
        meaning = self.bound(path, binding)
        self.missing = missing
        return meaning

    def bound(self, path: str, binding: Binding, depth: int = 0) -> Meaning:
        """What a binding in a file means."""
        match binding:
            case ClassNumber(number):
                return ClassAt(path, number)
            case Alias(target):
                return self.meaning(path, target, depth + 1)
            case _:
                return BoundAt(path, binding)

    def line(self, at: ClassAt) -> Line:
        """A class and its bases in the order in which attributes are looked up in them."""
        if (walked := self._lines.get(at)) is None:
            walked = self._lines[at] = self.noting(lambda: self._walk(at))
        found, lacking = walked
        self.missing |= lacking
        return found

    def names(self, path: str) -> Scope:
        """All that a module binds, through star imports too: each of those an alias."""
        module = self._summary(path)
        if module is None:
            return {}
        found: Scope = {}
        for star in module.stars:
            if isinstance(target := self._module_named(path, star), ModuleAt):
                found.update(
                    {
                        name: Alias(f"{star}{'' if star.endswith('.') else '.'}{name}")
                        for name in self._exports(target.path, {path})
                    }
                )
        return {**found, **module.bindings}

    def marks(self, path: str, references: tuple[str, ...], depth: int = 0) -> Iterator[str]:
        """The names of marks and decorators, followed through variables, lists and calls."""
        for reference in references:
            match self.meaning(path, reference):
                case Outside(name):
                    yield name
                case BoundAt(at, Made(by)) if depth < _DEEPEST:
                    yield from self.marks(at, (by,), depth + 1)
                case BoundAt(at, Marks(inner)) if depth < _DEEPEST:
                    yield from self.marks(at, inner, depth + 1)

    def _looked_up(self, path: str, reference: str, depth: int) -> Meaning:
        if reference.startswith("?"):
            return Unclear(reference[1:])
        if reference.startswith("#"):
            number, *rest = reference[1:].split(".")
            return self._steps(ClassAt(path, int(number)), rest, depth)
        if reference.startswith("@"):
            name, *rest = reference[1:].split(".")
            return self._steps(self._global(path, name, depth), rest, depth)
        if known.is_test_case(reference):
            return Outside(reference)
        return self._imported(path, reference, depth)

    def _imported(self, path: str, reference: str, depth: int) -> Meaning:
        names = reference.lstrip(".")
        level = len(reference) - len(names)
        parts = names.split(".") if names else []
        for count in range(0 if level else 1, len(parts) + 1):
            found = (
                self._modules.relative(level, parts[:count], path)
                if level
                else self._modules.absolute(parts[:count], path)
            )
            if found is not None:
                meaning = self._steps(ModuleAt(found), parts[count:], depth)
                if not isinstance(meaning, Absent):
                    return meaning
        return Outside(reference)

    def _steps(self, meaning: Meaning, names: list[str], depth: int) -> Meaning:
        for name in names:
            meaning = self._step(meaning, name, depth)
        return meaning

    def _step(self, meaning: Meaning, name: str, depth: int) -> Meaning:
        match meaning:
            case ModuleAt(path):
                return self._attribute(path, name, depth)
            case ClassAt():
                return self._member(meaning, name, depth)
            case Outside(outer):
                return Outside(f"{outer}.{name}")
            case Absent():
                return meaning
            case Unclear(reason):
                return Unclear(f"{reason}.{name}")
            case BoundAt(_, bound):
                return Unclear(f"{bound.by.lstrip('?@')}().{name}" if isinstance(bound, Made) else name)

    def _member(self, at: ClassAt, name: str, depth: int) -> Meaning:
        for owner in self.line(at):
            if isinstance(owner, ClassAt) and name in (body := self.class_at(owner).body):
                return self.bound(owner.path, body[name], depth)
        return Unclear(name)

    def _attribute(self, path: str, name: str, depth: int) -> Meaning:
        """A name of a module, seen from outside."""
        module = self.wanted(path)
        if module is not None and name in module.bindings:
            meaning = self.bound(path, module.bindings[name], depth)
            if meaning != BoundAt(path, None):
                return meaning
        if (inner := self._modules.inside(path, name)) is not None:
            return ModuleAt(inner)
        return self._starred(path, name, depth) or Absent(name)

    def _global(self, path: str, name: str, depth: int) -> Meaning:
        """A name that is used in a file."""
        module = self.wanted(path)
        if module is not None and module.bindings.get(name) not in (None, Alias(f"@{name}")):
            return self.bound(path, module.bindings[name], depth)
        return self._starred(path, name, depth) or Outside(f"@{name}")

    def _starred(self, path: str, name: str, depth: int) -> Meaning | None:
        """A name that a star import brings."""
        module = self.wanted(path)
        if module is None or depth >= _DEEPEST:
            return None
        outside = None
        for star in reversed(module.stars):
            target = self._module_named(path, star)
            if isinstance(target, ModuleAt):
                if self._exports_name(target.path, name):
                    found = self._attribute(target.path, name, depth + 1)
                    if not isinstance(found, Absent):
                        return found
            elif known.is_test_case(f"{star}.{name}"):
                return Outside(f"{star}.{name}")
            else:
                outside = Outside(f"{star}.{name}")
        return outside

    def _module_named(self, path: str, reference: str) -> Meaning:
        names = reference.lstrip(".")
        level = len(reference) - len(names)
        parts = names.split(".") if names else []
        find = self._modules.relative(level, parts, path) if level else self._modules.absolute(parts, path)
        return ModuleAt(find) if find is not None and find != path else Outside(reference)

    def _exports_name(self, path: str, name: str) -> bool:
        module = self.wanted(path)
        if module is None:
            return False
        return name in module.exported if module.exported is not None else not name.startswith("_")

    def _exports(self, path: str, seen: set[str]) -> Iterator[str]:
        module = self.wanted(path)
        if module is None or path in seen or len(seen) > _DEEPEST:
            return
        seen.add(path)
        if module.exported is not None:
            yield from module.exported
            return
        yield from (name for name in module.bindings if not name.startswith("_"))
        for star in module.stars:
            if isinstance(target := self._module_named(path, star), ModuleAt):
                yield from self._exports(target.path, seen)

    def wanted(self, path: str) -> Module | None:
        """The summary of a file, which is noted as missing where there is none yet."""
        if (module := self._summary(path)) is None and path not in self._unreadable:
            self.missing.add(path)
        return module

    def _walk(self, at: ClassAt) -> Line:
        """Depth first; a base that several share comes after the last of them."""
        found: list[ClassAt | Outside | Unclear] = []
        pending: list[tuple[Meaning, frozenset[ClassAt]]] = [(at, frozenset())]
        while pending and len(found) < _LONGEST_LINE:
            each, heirs = pending.pop()
            if isinstance(each, ClassAt):
                if each not in heirs:
                    found.append(each)
                    bases = self.class_at(each).bases[:_LONGEST_LINE]
                    inner = heirs | {each}
                    pending += [(self.meaning(each.path, base), inner) for base in reversed(bases)]
            elif isinstance(each, Outside | Unclear):
                found.append(each)
            else:
                found.append(Unclear("a value"))
        return tuple(reversed(dict.fromkeys(reversed(found))))
