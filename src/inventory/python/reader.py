"""Reads the summary of a Python file off its syntax tree, statement by statement as an import would run them."""

import ast
import re
from collections.abc import Callable, Iterable
from typing import ClassVar, TypeVar

from src.inventory.python.body import LONGEST_REFERENCE, Body
from src.inventory.python.facts import (
    Alias,
    Binding,
    Class,
    ClassNumber,
    Function,
    Generated,
    Marks,
    Module,
)
from src.inventory.python.source import parse
from src.inventory.python.statements import Step, steps

_SKIPPERS = ("skip", "SkipTest", "importorskip")
_TRIAL = ("skip", "todo")
_IMPORT_OF_PYTEST = re.compile(rb"(?m)^[ \t]+(?:from|import)[ \t]+_?pytest")
_IMPORT_OF_UNITTEST = re.compile(
    rb"(?m)^[ \t]+(?:import[ \t]+unittest\b(?!\.mock)|from[ \t]+unittest(?:[ \t]+import[ \t]+(?!mock\b)|\.(?!mock\b)))"
)


def summary(source: bytes) -> Module:
    """The summary of a file. Raises SourceUnreadable if it does not parse."""
    tree = parse(source)
    reader = _Reader()
    reader.read(tree)
    if reader.lacks_import(source):
        reader.import_all(tree)
    return reader.module()


Told = TypeVar("Told", Function, Class)


class _Reader:
    def __init__(self) -> None:
        self._module = Body()
        self._classes: list[Class] = []
        self._stars: list[str] = []
        self._exported: tuple[str, ...] | None = None
        self._skips: list[str] = []
        self._generated: list[Generated] = []
        self._ignored: dict[str, list[str]] = {"collect_ignore": [], "collect_ignore_glob": []}
        self._imported: set[str] = set()

    def read(self, tree: ast.Module) -> None:
        """Read the module's own statements and those of its classes."""
        self._read(self._module, tree.body, "")

    def lacks_import(self, source: bytes) -> bool:
        """Whether a function seems to import a framework that the module does not."""
        return (
            b"pytest" in source
            and not self._imports_pytest()
            and _IMPORT_OF_PYTEST.search(source) is not None
        ) or (
            b"unittest" in source
            and not self._imports_unittest()
            and _IMPORT_OF_UNITTEST.search(source) is not None
        )

    def module(self) -> Module:
        """The summary of what was read."""
        body = self._module
        return Module(
            bindings=body.bindings,
            classes=tuple(self._classes),
            stars=tuple(self._stars),
            exported=self._exported,
            marks=tuple(dict.fromkeys(body.marks)),
            wish=body.wish,
            skips=tuple(dict.fromkeys(self._skips)),
            generated=tuple(self._generated),
            ignored=(tuple(self._ignored["collect_ignore"]), tuple(self._ignored["collect_ignore_glob"])),
            imports_pytest=self._imports_pytest(),
            imports_unittest=self._imports_unittest(),
        )

    def _read(self, body: Body, statements: list[ast.stmt], prefix: str) -> None:
        for step in steps(statements):
            if kind := self._KINDS.get(type(step.statement)):
                kind(self, body, step.statement, step, prefix)

    # Definitions

    def _function(
        self, body: Body, node: ast.FunctionDef | ast.AsyncFunctionDef, step: Step, _prefix: str
    ) -> None:
        marks = _known(body.reference(decorator) for decorator in node.decorator_list)
        body.bindings[node.name] = Function(node.name, node.lineno, marks, gives=_gives(node))

    def _class(self, body: Body, node: ast.ClassDef, step: Step, prefix: str) -> None:
        number = len(self._classes)
        bases = body.bases(node)
        marks = _known(body.reference(decorator) for decorator in node.decorator_list)
        found = Class(prefix + node.name, node.lineno, bases, marks, None, {})
        self._classes.append(found)
        inner = Body(self._module)
        self._read(inner, node.body, f"{found.name}::")
        marks = tuple(dict.fromkeys((*marks, *inner.marks)))
        self._classes[number] = found._replace(marks=marks, wish=inner.wish, body=inner.bindings)
        body.bindings[node.name] = ClassNumber(number)

    # Assignments

    def _assign(self, body: Body, node: ast.Assign, step: Step, _prefix: str) -> None:
        for target in node.targets:
            self._set(body, step, target, node.value)

    def _assign_annotated(self, body: Body, node: ast.AnnAssign, step: Step, _prefix: str) -> None:
        if node.value is not None:
            self._set(body, step, node.target, node.value)

    def _assign_augmented(self, body: Body, node: ast.AugAssign, step: Step, _prefix: str) -> None:
        if isinstance(node.target, ast.Name):
            self._extend(body, step, node.target.id, node.value)

    def _set(self, body: Body, step: Step, target: ast.expr, value: ast.expr) -> None:
        match target:
            case ast.Name(name):
                self._set_name(body, step, name, value)
            case ast.Attribute(ast.Name(name), attribute):
                self._set_attribute(body, name, attribute, value)
            case ast.Tuple(targets) | ast.List(targets):
                for each in targets:
                    if isinstance(each, ast.Name):
                        _bind(body, step, each.id, None)

    def _set_name(self, body: Body, step: Step, name: str, value: ast.expr) -> None:
        if name in ("pytestmark", "__all__") or name in self._ignored:
            self._reset(step, name)
            self._extend(body, step, name, value)
            return
        if name == "__test__" and isinstance(value, ast.Constant):
            body.wish = bool(value.value)
        elif name in _TRIAL and _holds(value):
            body.marks.append(f"trial.{name}")
        bound = body.value(value, name)
        if body is self._module and isinstance(value, ast.Call):
            self._note_skip(body, value)
        _bind(body, step, name, bound)

    def _reset(self, step: Step, name: str) -> None:
        if name == "__all__":
            self._exported = ()
        elif name in self._ignored and not step.is_conditional:
            self._ignored[name].clear()

    def _extend(self, body: Body, step: Step, name: str, value: ast.expr) -> None:
        """Add a list to one of the lists that tell of tests."""
        if name == "pytestmark":
            body.marks += body.listed(value)
            body.bindings[name] = Marks(tuple(dict.fromkeys(body.marks)))
        elif body is self._module and name == "__all__":
            names = _strings(value)
            self._exported = None if names is None or self._exported is None else (*self._exported, *names)
        elif body is self._module and name in self._ignored and not step.is_conditional:
            self._ignored[name] += _strings(value) or []

    def _set_attribute(self, body: Body, name: str, attribute: str, value: ast.expr) -> None:
        bound = body.bindings.get(name)
        wish = bool(value.value) if attribute == "__test__" and isinstance(value, ast.Constant) else None
        marks: tuple[str, ...] = ()
        if attribute in _TRIAL and _holds(value):
            marks = (f"trial.{attribute}",)
        elif attribute == "pytestmark":
            marks = body.listed(value)
        if isinstance(bound, Function):
            body.bindings[name] = _told(bound, marks, wish=wish)
        elif isinstance(bound, ClassNumber):
            self._classes[bound.number] = _told(self._classes[bound.number], marks, wish=wish)

    def _delete(self, body: Body, node: ast.Delete, step: Step, _prefix: str) -> None:
        for target in node.targets:
            match target:
                case ast.Name(name) if not step.is_conditional:
                    body.bindings.pop(name, None)
                case ast.Attribute(ast.Name(name), attribute) if not step.is_conditional:
                    bound = body.bindings.get(name)
                    if isinstance(bound, ClassNumber):
                        self._classes[bound.number].body.pop(attribute, None)

    # Calls

    def _expression(self, body: Body, node: ast.Expr, step: Step, _prefix: str) -> None:
        match node.value:
            case ast.Call(ast.Attribute(ast.Name(name), "append"), [value]):
                self._extend(body, step, name, ast.List([value]))
            case ast.Call(ast.Attribute(ast.Name(name), "extend"), [value]):
                self._extend(body, step, name, value)
            case ast.Call(ast.Attribute(ast.Call(ast.Name("globals")), "update"), [ast.Call(made)]):
                self._note_generated(body, made)
            case ast.Call() as call if body is self._module:
                self._note_skip(body, call)

    def _note_generated(self, body: Body, made: ast.expr) -> None:
        if isinstance(made, ast.Attribute) and (of := body.reference(made.value)):
            self._generated.append(Generated(of, made.attr, made.lineno))

    def _raise(self, body: Body, node: ast.Raise, step: Step, _prefix: str) -> None:
        if body is self._module and node.exc is not None:
            self._note_skip(body, node.exc)

    def _note_skip(self, body: Body, value: ast.expr) -> None:
        called = body.reference(value.func if isinstance(value, ast.Call) else value)
        if called and called.rpartition(".")[2].removeprefix("@") in _SKIPPERS:
            self._skips.append(called)

    # Imports

    def _import(self, body: Body, node: ast.Import, step: Step, _prefix: str) -> None:
        for alias in node.names:
            if len(alias.name) <= LONGEST_REFERENCE:
                self._imported.add(alias.name)
                bound = alias.name if alias.asname else alias.name.partition(".")[0]
                body.bindings[alias.asname or bound] = Alias(bound)

    def _import_from(self, body: Body, node: ast.ImportFrom, step: Step, _prefix: str) -> None:
        module = "." * node.level + (node.module or "")
        if len(module) > LONGEST_REFERENCE:
            return
        self._note_imports(node)
        for alias in node.names:
            if alias.name == "*":
                self._stars.append(module)
                continue
            target = f"{module}.{alias.name}" if node.module else module + alias.name
            body.bindings[alias.asname or alias.name] = Alias(target)
            if alias.asname is None and alias.name == "pytestmark":
                body.marks.append(target)

    def import_all(self, tree: ast.Module) -> None:
        """Note every import, wherever it stands."""
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                self._note_imports(node)
            elif isinstance(node, ast.Import):
                self._imported.update(alias.name for alias in node.names)

    def _note_imports(self, node: ast.ImportFrom) -> None:
        if not node.level:
            self._imported.update(f"{node.module}.{alias.name}" for alias in node.names)

    def _imports_pytest(self) -> bool:
        modules = {name.partition(".")[0] for name in self._imported}
        return any(module in ("pytest", "_pytest") or module.startswith("pytest_") for module in modules)

    def _imports_unittest(self) -> bool:
        # unittest.mock is used with both frameworks, so it tells nothing.
        return any(
            name.split(".")[0] == "unittest" and name.split(".")[1:2] != ["mock"] for name in self._imported
        )

    #: On the class: in an instance its methods would hold it in a circle, which only looking for garbage breaks.
    _KINDS: ClassVar[dict[type[ast.stmt], Callable[..., None]]] = {
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
        ast.Assign: _assign,
        ast.AnnAssign: _assign_annotated,
        ast.AugAssign: _assign_augmented,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.Delete: _delete,
        ast.Expr: _expression,
        ast.Raise: _raise,
    }


def _bind(body: Body, step: Step, name: str, bound: Binding) -> None:
    """Bind a name; a stand-in for what could not be had, and a value on a condition, replace nothing."""
    if name in body.bindings and (step.is_fallback or (bound is None and step.is_conditional)):
        return
    body.bindings[name] = bound


def _told(of: Told, marks: tuple[str, ...], *, wish: bool | None) -> Told:
    return of._replace(wish=of.wish if wish is None else wish, marks=(*of.marks, *marks))


def _known(references: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(reference for reference in references if reference)


def _holds(value: ast.expr) -> bool:
    return not isinstance(value, ast.Constant) or bool(value.value)


def _strings(value: ast.expr) -> list[str] | None:
    """The strings of a list; None for what is no list."""
    if not isinstance(value, ast.List | ast.Tuple):
        return None
    return [
        each.value for each in value.elts if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


def _gives(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function returns a function that it holds."""
    inner: set[str] = set()
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            inner.add(statement.name)
        elif isinstance(statement, ast.Return):
            value = statement.value
            return isinstance(value, ast.Lambda) or (isinstance(value, ast.Name) and value.id in inner)
    return False
