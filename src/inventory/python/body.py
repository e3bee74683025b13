"""One scope of a Python file while it is read: what its names stand for so far."""

import ast
from collections.abc import Iterator

from src.inventory.python.facts import Alias, Binding, ClassNumber, Function, Made, Marks, Scope

#: A module's name is repeated for each name that is taken from it, and a chain of aliases grows by each.
LONGEST_REFERENCE = 200
_MOST_MARKS = 200
_SHOWN = 80
#: Calls that hand on the function that they are given.
_WRAPPERS = frozenset({"partial", "partialmethod", "staticmethod", "classmethod"})
_MARKS = frozenset({"skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure"})
_IMPORTERS = frozenset({"@__import__", "importlib.import_module", "pytest.importorskip"})
#: Calls whose result is a class with a constructor.
_CLASS_MAKERS = frozenset({"collections.namedtuple", "typing.NamedTuple", "enum.Enum", "enum.IntEnum"})


class Body:
    """A module or class body, in which names are looked up: its own, then those of the module around it."""

    def __init__(self, module: "Body | None" = None) -> None:
        self.bindings: Scope = {}
        self.marks: list[str] = []
        self.wish: bool | None = None
        self._outer = module.bindings if module else self.bindings

    def reference(self, expression: ast.expr) -> str | None:
        """What a name or attribute refers to; a call or subscript refers to what is called. None for anything else."""
        attributes: list[str] = []
        while not isinstance(expression, ast.Name):
            if isinstance(expression, ast.Attribute):
                attributes.append(expression.attr)
                expression = expression.value
            elif isinstance(expression, ast.Call):
                if (imported := self._imported(expression)) is not None:
                    return _joined(imported, attributes)
                expression = expression.func
            elif isinstance(expression, ast.Subscript):
                expression = expression.value
            else:
                return None
        return _joined(self._named(expression.id), attributes)

    def bases(self, node: ast.ClassDef) -> tuple[str, ...]:
        """References to a class's bases, as far as they can be read."""
        return tuple(base for expression in node.bases for base in self._bases(expression))

    def value(self, expression: ast.expr, name: str) -> Binding:
        """What `name = expression` binds."""
        match expression:
            case ast.Name(other):
                found = self._outer.get(other, Alias(f"@{other}"))
                return self.bindings.get(other, found)
            case ast.Attribute():
                target = self.reference(expression)
                return Alias(target) if target else None
            case ast.Lambda():
                return Function(name, expression.lineno)
            case ast.Call():
                return self._called(expression, name)
            case ast.IfExp():
                return self.value(expression.body, name) or self.value(expression.orelse, name)
            case ast.List() | ast.Tuple() | ast.Set() | ast.BinOp():
                return Marks(references) if (references := self.listed(expression)) else None
            case _:
                return None

    def listed(self, expression: ast.expr) -> tuple[str, ...]:
        """References to the marks of a mark, of a list, of a variable that holds one, and of sums of them."""
        found: dict[str, None] = {}
        pending = [expression]
        while pending and len(found) < _MOST_MARKS:
            match pending.pop():
                case ast.List(elements) | ast.Tuple(elements) | ast.Set(elements):
                    pending += reversed(elements)
                case ast.BinOp(left, _, right):
                    pending += [right, left]
                case ast.IfExp(_, value, otherwise):
                    pending += [otherwise, value]
                case ast.Starred(value):
                    pending.append(value)
                case other:
                    found.update(dict.fromkeys(self._marks(other)))
        return tuple(found)[:_MOST_MARKS]

    def _marks(self, expression: ast.expr) -> tuple[str, ...]:
        bound = self.value(expression, "") if isinstance(expression, ast.Name) else None
        if isinstance(bound, Marks):
            return bound.references
        reference = self.reference(expression)
        return (reference,) if reference else ()

    def _named(self, name: str) -> str | None:
        match self.bindings.get(name, self._outer.get(name, Alias(f"@{name}"))):
            case ClassNumber(number):
                return f"#{number}"
            case Alias(target):
                return target
            case Made(by):
                return by
            case Function() | Marks():
                return f"@{name}"
            case None:
                return None

    def _imported(self, call: ast.Call) -> str | None:
        """The module that `__import__("module")` and its like import."""
        match call.args:
            case [ast.Constant(str(module))] if isinstance(call.func, ast.Name | ast.Attribute):
                return module if self.reference(call.func) in _IMPORTERS else None
            case _:
                return None

    def _bases(self, expression: ast.expr) -> Iterator[str]:
        while isinstance(expression, ast.Subscript):
            expression = expression.value
        reference = self.reference(expression)
        if isinstance(expression, ast.Call) and reference not in _CLASS_MAKERS:
            if reference and reference.rpartition(".")[2] == "with_metaclass":
                for base in expression.args[1:]:
                    yield from self._bases(base)
                return
            reference = None
        if isinstance(expression, ast.Name) and self._is_made(expression.id):
            reference = None
        yield reference or f"?{_shown(expression)}"

    def _is_made(self, name: str) -> bool:
        bound = self.bindings.get(name, self._outer.get(name))
        return isinstance(bound, Function) or (isinstance(bound, Made) and bound.by not in _CLASS_MAKERS)

    def _called(self, call: ast.Call, name: str) -> Binding:
        if (module := self._imported(call)) is not None:
            return Alias(module)
        by = self.reference(call.func) or f"?{_shown(call.func)}"
        last = by.rpartition(".")[2].removeprefix("@")
        first = self.value(call.args[0], name) if call.args else None
        if last in _WRAPPERS and call.args:
            return first
        if isinstance(first, Function) and (isinstance(call.func, ast.Call) or last in _MARKS):
            return first._replace(marks=(*first.marks, by))
        maker = self.value(call.func, name) if isinstance(call.func, ast.Name) else None
        if isinstance(maker, Function) and maker.gives:
            return Function(name, call.lineno)
        return Made(by, call.lineno)


def _joined(reference: str | None, attributes: list[str]) -> str | None:
    if reference is None:
        return None
    joined = ".".join([reference, *reversed(attributes)])
    return joined if len(joined) <= LONGEST_REFERENCE else None


def _shown(expression: ast.expr) -> str:
    try:
        return ast.unparse(expression)[:_SHOWN]
    except RecursionError:
        return type(expression).__name__
