"""What pytest, unittest, Django and trial would collect from an archive's Python files.

A test counts once, where it is written: neither its parameters, nor the classes that inherit it, nor the files that
import it multiply it.
"""

from dataclasses import dataclass
from typing import NamedTuple

from src.inventory.document import Case, Entry, Status, Undecided
from src.inventory.python import known
from src.inventory.python.configuration import Rule
from src.inventory.python.facts import Alias, Binding, ClassNumber, Function, Generated, Made, Module
from src.inventory.python.finds import Finds, Found
from src.inventory.python.kin import Kin, Kinship
from src.inventory.python.resolver import BoundAt, ClassAt, Resolver
from src.inventory.python.status import skips_module, strongest

#: Classes in classes; a class can hold itself.
_DEEPEST = 20


class Collection:
    """Gathers the tests of file after file."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._kinship = Kinship(resolver)
        self.is_last = False
        """Whether to take what is found even where files are missing."""
        self.found = Finds()
        self._undecided: dict[ClassAt, _Doubt] = {}
        self._new: dict[str, Found] = {}
        self._seen: set[tuple[ClassAt, Status]] = set()
        self._doubts: dict[ClassAt, _Doubt] = {}

    def forget(self) -> None:
        """Look names up anew: there are more summaries than before."""
        self._resolver.forget()
        self._kinship.forget()

    def collect(self, path: str, rule: Rule) -> set[str]:
        """Collect a file as its rule says; gives the files that must be read first, if there are any."""
        self._new, self._doubts, self._seen = {}, {}, set()
        self._resolver.missing.clear()
        if (module := self._resolver.wanted(path)) is not None and module.wish is not False:
            place = _Place(rule, self._module_status(path, module))
            for name, binding in self._resolver.names(path).items():
                self._collect(path, name, binding, place)
            for generated in module.generated:
                self._collect_generated(path, generated, place)
        if self._resolver.missing and not self.is_last:
            return set(self._resolver.missing)
        for each, found in self._new.items():
            self.found.join(each, found)
        self._undecided.update(self._doubts)
        return set()

    def entry(self, path: str, *, is_test_file: bool) -> Entry | None:
        """What was found in a file, if anything counts; it can be had once."""
        found = self.found.pop(path)
        if found is None or not (found.tests or (is_test_file and found.suites)):
            return None
        cases = [
            Case(name=name, line=line, status=status) for (line, _), (name, status) in found.tests.items()
        ]
        cases.sort(key=lambda case: (case["line"], case["name"]))
        return Entry(
            path=path,
            language="python",
            framework=self._framework(path, found),
            suites=len(found.suites),
            tests=len(cases),
            cases=cases,
        )

    def undecided(self) -> list[Undecided]:
        """The classes of which only running would tell whether they are tests, unless others run their tests."""
        doubts = {
            at: doubt for at, doubt in self._undecided.items() if doubt.is_counted or not self._is_run(at)
        }
        return [self._shown(at, doubts[at].reason) for at in sorted(doubts)]

    def _shown(self, at: ClassAt, reason: str) -> Undecided:
        own = self._resolver.class_at(at)
        return Undecided(path=at.path, line=own.line, name=own.name, reason=reason)

    def _is_run(self, at: ClassAt) -> bool:
        found = self.found.get(at.path) or Found()
        own = self._resolver.class_at(at)
        methods = (each for each in own.body.values() if isinstance(each, Function))
        return at.number in found.suites or any(
            (each.line, f"{own.name}::{each.name}") in found.tests for each in methods
        )

    def _framework(self, path: str, found: Found) -> str:
        """By the imports, pytest before unittest, then by the bases of the classes."""
        module = self._resolver.module(path)
        if module is None or module.imports_pytest:
            return "pytest"
        return "unittest" if module.imports_unittest or found.has_test_case else "pytest"

    def _module_status(self, path: str, module: Module) -> Status:
        if any(skips_module(call) for call in self._resolver.marks(path, module.skips)):
            return "skipped"
        return self._kinship.marks(path, module.marks, trial=False)

    def _found(self, path: str) -> Found:
        if (found := self._new.get(path)) is None:
            found = self._new[path] = Found()
        return found

    def _collect(self, path: str, name: str, binding: Binding, place: "_Place") -> None:
        """Collect what a name of a module, or of a class that is not unittest's, stands for."""
        if isinstance(binding, Alias | Made):
            if not self._may_be_test(path, name, binding, place.rule):
                return
            meaning = self._resolver.bound(path, binding)
        else:
            meaning = (
                ClassAt(path, binding.number) if isinstance(binding, ClassNumber) else BoundAt(path, binding)
            )
        match meaning:
            case ClassAt():
                self._collect_class(name, meaning, place)
            case BoundAt(at, Function() as function) if place.rule.is_function(name):
                self._add(at, name, function, "", place.status, trial=False)
            case BoundAt(at, Made(by, line)) if place.rule.is_function(name) and self._gives(at, by):
                self._found(at).add((line, name), name, place.status)

    def _collect_generated(self, path: str, generated: Generated, place: "_Place") -> None:
        meaning = self._resolver.meaning(path, generated.of)
        if not isinstance(meaning, ClassAt) or meaning.number in self._found(meaning.path).suites:
            return
        if known.makes_test_cases(generated.method):
            kin = self._kinship.of(meaning)._replace(is_test_case=True, is_trial=True)
            self._collect_as(meaning, kin, place)
        else:
            self._doubts[meaning] = _Doubt(
                f"only running would tell which classes its {generated.method}() makes"
            )

    def _may_be_test(self, path: str, name: str, binding: Alias | Made, rule: Rule) -> bool:
        """Whether it is worth reading further files for what a name stands for."""
        if rule.is_function(name) or rule.is_class(name):
            return True
        # A class whose name begins with a small letter is never imported in practice, modules and functions are often.
        if isinstance(binding, Made) or name[:1].islower():
            return False
        return isinstance(self._resolver.glimpse(path, binding), ClassAt)

    def _gives(self, path: str, by: str) -> bool:
        """Whether a call returns a function that its maker defines."""
        match self._resolver.meaning(path, by):
            case BoundAt(_, Function(gives=gives)):
                return gives
            case _:
                return False

    def _collect_class(self, name: str, at: ClassAt, place: "_Place") -> None:
        kin = self._kinship.of(at)
        if kin.wish is False or place.depth > _DEEPEST or self._kinship.is_function(at):
            return
        if not kin.is_test_case and not (
            place.rule.is_class(name) or (kin.wish and not place.rule.is_unittest)
        ):
            self._note_undecided(at, kin, place.rule)
            return
        if not kin.is_test_case and kin.has_constructor:
            return
        if kin.unclear:
            reason = (
                f"only running would tell its base {kin.unclear}, so nothing tells which tests it inherits"
            )
            self._doubts[at] = _Doubt(reason, is_counted=True)
        self._collect_as(at, kin, place)

    def _collect_as(self, at: ClassAt, kin: Kin, place: "_Place") -> None:
        # The same class in the same place tells nothing new, and a class may hold itself.
        if (at, place.status) in self._seen:
            return
        self._seen.add((at, place.status))
        found = self._found(at.path)
        found.suites.add(at.number)
        inner = _Place(place.rule, strongest((place.status, kin.status)), place.depth + 1)
        if kin.is_test_case:
            self._collect_test_case(at, kin, inner)
        else:
            for member, (owner, binding) in self._members(at).items():
                self._collect_member(member, owner, binding, inner)

    def _collect_test_case(self, at: ClassAt, kin: Kin, place: "_Place") -> None:
        # Neither pytest nor unittest looks for classes inside a unittest.TestCase.
        members = self._members(at)
        tests = [each for each in members if each.startswith("test")]
        ran = [self._collect_method(each, *members[each], place, kin) for each in tests]
        if not any(ran) and "runTest" in members:
            self._collect_method("runTest", *members["runTest"], place, kin)

    def _collect_member(self, name: str, owner: ClassAt, binding: Binding, place: "_Place") -> None:
        if isinstance(binding, ClassNumber):
            self._collect_class(name, ClassAt(owner.path, binding.number), place)
        elif place.rule.is_function(name):
            self._collect_method(name, owner, binding, place, Kin())
        elif isinstance(binding, Alias) and place.rule.is_class(name):
            meaning = self._resolver.bound(owner.path, binding)
            if isinstance(meaning, ClassAt):
                self._collect_class(name, meaning, place)

    def _collect_method(self, name: str, owner: ClassAt, binding: Binding, place: "_Place", kin: Kin) -> bool:
        """Collect a method if it is one."""
        prefix = f"{self._resolver.class_at(owner).name}::"
        match self._resolver.bound(owner.path, binding):
            case BoundAt(path, Function() as function):
                self._found(path).has_test_case |= kin.is_test_case
                return self._add(path, name, function, prefix, place.status, trial=kin.is_trial)
            case BoundAt(path, Made(by, line)) if self._gives(path, by):
                self._found(path).add((line, name), prefix + name, place.status)
                return True
            case _:
                return False

    def _members(self, at: ClassAt) -> dict[str, tuple[ClassAt, Binding]]:
        """What a class and its bases hold, each name where it is found first."""
        found: dict[str, tuple[ClassAt, Binding]] = {}
        for owner in reversed(self._resolver.line(at)):
            if isinstance(owner, ClassAt):
                found.update(
                    {name: (owner, each) for name, each in self._resolver.class_at(owner).body.items()}
                )
        return found

    def _add(
        self, path: str, name: str, function: Function, prefix: str, outer: Status, *, trial: bool
    ) -> bool:
        if function.wish is False:
            return False
        status = outer
        if function.marks:
            if any(known.is_no_test(mark) for mark in self._resolver.marks(path, function.marks)):
                return False
            status = strongest((outer, self._kinship.marks(path, function.marks, trial=trial)))
        self._found(path).add((function.line, prefix + function.name), prefix + name, status)
        return True

    def _note_undecided(self, at: ClassAt, kin: Kin, rule: Rule) -> None:
        base = kin.unclear or kin.outside
        if base and any(
            name.startswith("test") and isinstance(binding, Function)
            for name, (_, binding) in self._members(at).items()
        ):
            where = "only running would tell" if kin.unclear else "is not in the archive"
            reason = f"its base {base} {where}, so nothing tells whether it is a unittest.TestCase"
            self._doubts[at] = _Doubt(reason)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something is collected: by which rule, with which status around it, how deep."""

    rule: Rule
    status: Status
    depth: int = 0


class _Doubt(NamedTuple):
    """Why only running would tell of a class; `is_counted` says that its own tests count all the same."""

    reason: str
    is_counted: bool = False
