"""The classes and tests of one Kotlin file."""

from collections.abc import Iterator

from tree_sitter import Node

from src.inventory.classes.facts import Class, ClassFacts
from src.inventory.jvm.imports import Imports, simple_of
from src.inventory.jvm.marks import Mark, statuses
from src.inventory.jvm.reader import Around, JvmReader
from src.inventory.kotlin.specs import Spec, lambda_of
from src.inventory.kotlin.styles import ANY, FACTORIES, STYLES
from src.inventory.syntax.facts import strongest
from src.inventory.syntax.parsing import Source, line_of

_CLASSES = {"class_declaration", "object_declaration"}
_BODIES = {"class_body", "enum_class_body", "ERROR"}
#: What lies between a declaration and its result.
_RESULTS = {"function_body", "block", "return_expression"}
_ABSTRACT = {"abstract", "sealed", "interface"}


def read(source: Source) -> ClassFacts:
    """The facts of a file."""
    reader = _Reader(source, _imports(source))
    classes = list(reader.classes(source.root, Around()))
    factories = [each for each in reader.factories(source.root) if each.cases]
    # A class that only may be a spec tells less than a marked test of the same file, wherever that stands.
    may_be_kotest = not reader.used and any(
        not each.is_marked and each.name not in reader.old for each in classes
    )
    return ClassFacts(
        framework="kotest" if reader.has_style or factories or may_be_kotest else reader.framework,
        classes=_visible(classes, reader.private_specs),
        cases=tuple(case for each in factories for case in each.cases),
        suites=sum(each.suites for each in factories),
        first_error=source.first_error,
        able=() if reader.has_style or factories or may_be_kotest else reader.able,
    )


class _Reader(JvmReader):
    hidden = frozenset({"private", "abstract"})

    def __init__(self, source: Source, imports: Imports) -> None:
        super().__init__(source, imports)
        self.has_style = False
        """A class derives one of Kotest's own."""
        self.private_specs: set[str] = set()
        """Kotest leaves them out, though others of their file may derive them."""

    def classes(self, body: Node, around: Around) -> Iterator[Class]:
        """Each class in there that a framework could run, and those inside it."""
        for node in _members(body):
            if node.type in _CLASSES:
                own, words = self._marks(node), self._words(node)
                if _is_reachable(own, words, around):
                    inside = around.inside(self._name(node), own)
                    yield self._class(node, inside, own, words)
                    yield from self.classes(node, inside)

    def factories(self, body: Node) -> Iterator[Spec]:
        """The tests of functions and properties that specs include: `fun tests() = funSpec { }`."""
        for node in _members(body):
            if node.type in {"function_declaration", "property_declaration"}:
                style, made = self._made(node)
                if style and made and self._imports.framework([style]) == "kotest":
                    spec = Spec(self._source, FACTORIES[style])
                    spec.read(made, (self._name(node),))
                    yield spec

    def _made(self, declaration: Node) -> tuple[str, Node | None]:
        """The factory that a function or a property is the result of, and the body that the factory is given."""
        value: Node | None = declaration
        while value and value.type in {*_RESULTS, declaration.type}:
            value = next(reversed(value.named_children), None)
        if value is None or value.type != "call_expression" or len(value.named_children) < 2:
            return "", None
        called, argument = self._source.text(value.named_children[0]), value.named_children[-1]
        return (called, lambda_of(argument)) if called in FACTORIES else ("", None)

    def _class(self, node: Node, around: Around, own: tuple[Mark, ...], words: set[str]) -> Class:
        bases = tuple(self._bases(node))
        methods = list(self._methods(node))
        cases = tuple(self._cases(methods, around, own))
        line = line_of(node.child_by_field_name("name") or node)
        found = Class("::".join(around.names), bases, cases, is_abstract=bool(words & _ABSTRACT), line=line)
        if cases:
            return found
        spec = self._spec(node, found, around, words)
        is_old = self._is_old(bases) or (self._super(node) and spec.is_marked and not spec.cases)
        # A spec of Kotest's may have methods by any name.
        is_old = is_old and not any(base in STYLES for base in bases)
        return self._old_class(spec, methods, around) if is_old else spec

    def _spec(self, node: Node, found: Class, around: Around, words: set[str]) -> Class:
        """The class with the tests of Kotest's calls, if it is a spec or may derive one."""
        style = next((STYLES[base] for base in found.bases if base in STYLES), None)
        spec = Spec(self._source, style or ANY)
        status = strongest(*statuses(around.marks))
        for body in self._spec_bodies(node):
            spec.read(body, around.names, status)
        self.has_style = self.has_style or style is not None
        is_private = bool("private" in words and (style or spec.cases))
        if is_private:
            self.private_specs.add(found.name)
        return found._replace(
            cases=tuple(spec.cases),
            suites=spec.suites,
            is_abstract=found.is_abstract or is_private,
            is_marked=style is not None or not spec.cases,
        )

    def _spec_bodies(self, node: Node) -> Iterator[Node]:
        """The lambdas that a class gives its base, and its `init` blocks."""
        base = self._super(node)
        if base is None:
            return
        for each in base.named_children[-1].named_children:
            if body := lambda_of(each):
                yield body
        for each in _members(node):
            if each.type == "anonymous_initializer":
                yield each

    def _super(self, node: Node) -> Node | None:
        """The call of the base class's constructor: interfaces have none."""
        calls = (each for each in self._delegations(node) if each.type == "constructor_invocation")
        return next(calls, None)

    def _methods(self, node: Node) -> Iterator[Node]:
        return (each for each in _members(node) if each.type == "function_declaration" and _has_body(each))

    def _bases(self, node: Node) -> Iterator[str]:
        for each in self._delegations(node):
            base = each if each.type == "user_type" else next(iter(each.named_children), None)
            yield simple_of(self._source.text(base).partition("<")[0].strip())

    def _delegations(self, node: Node) -> Iterator[Node]:
        for specifiers in node.named_children:
            if specifiers.type == "delegation_specifiers":
                for each in specifiers.named_children:
                    yield from each.named_children[:1]

    def _marks(self, node: Node) -> tuple[Mark, ...]:
        modifiers = _child(node, "modifiers")
        annotations = [each for each in (modifiers.named_children if modifiers else ()) if _is_own_mark(each)]
        return tuple(self._mark(each) for annotation in annotations for each in annotation.named_children)

    def _mark(self, node: Node) -> Mark:
        """An annotation: a type, or the call of its constructor."""
        arguments = _child(node, "value_arguments")
        kind = _child(node, "user_type") if node.type == "constructor_invocation" else node
        return Mark(self._source.text(kind), self._source.compact(arguments))

    def _words(self, node: Node) -> set[str]:
        modifiers = _child(node, "modifiers")
        words = {self._source.text(each) for each in (modifiers.named_children if modifiers else ())}
        return words | {each.type for each in node.children if not each.is_named}

    def _is_public(self, words: set[str]) -> bool:
        return not words & {"private", "protected", "internal"}

    def _is_plain(self, method: Node, words: set[str]) -> bool:
        has_no_result = self._returned(method) is not None or _block(method) is not None
        return has_no_result and self._is_void(method) and self._is_public(words)

    def _is_void(self, method: Node) -> bool:
        """An expression as a body may be any type's: it is taken for a call of an assertion."""
        returned = self._returned(method)
        return returned is None or self._source.text(returned) == "Unit"

    def _returned(self, method: Node) -> Node | None:
        return next((each for each in method.named_children if each.type.endswith("_type")), None)

    def _parameters(self, method: Node) -> Node | None:
        return _child(method, "function_value_parameters")

    def _first(self, method: Node) -> Node | None:
        return next(_members(_block(method)), None)

    def _name(self, node: Node) -> str:
        name = node.child_by_field_name("name") or _child(node, "variable_declaration")
        return self._source.text(name).partition(":")[0].strip().strip("`")


def _visible(classes: list[Class], private: set[str]) -> tuple[Class, ...]:
    """The classes without the private ones that no other class derives. (Elsewhere another one may have their name.)"""
    bases = {base for each in classes for base in each.bases}
    return tuple(each for each in classes if each.name not in private or each.simple_name in bases)


def _imports(source: Source) -> Imports:
    names: dict[str, str] = {}
    packages: list[str] = []
    for node in source.root.named_children:
        if node.type == "import" and node.named_children:
            whole = source.text(node.named_children[0])
            alias = source.text(node.named_children[1]) if len(node.named_children) > 1 else ""
            if any(each.type == "*" for each in node.children):
                packages.append(whole)
            else:
                names[alias or simple_of(whole)] = whole
    return Imports(names, tuple(packages))


def _is_reachable(marks: tuple[Mark, ...], words: set[str], around: Around) -> bool:
    """Whether a runner makes objects of a class: an inner one needs its outer one's, unless it is marked so."""
    if "expect" in words:
        return False
    is_nested = any(mark.simple == "Nested" for mark in marks)
    return not around.names or ("private" not in words and ("inner" not in words or is_nested))


def _is_own_mark(annotation: Node) -> bool:
    """Whether an annotation is of what it stands before: `@get:Rule` is not."""
    return annotation.type == "annotation" and _child(annotation, "use_site_target") is None


def _members(node: Node | None) -> Iterator[Node]:
    """What a file, a class or a block declares, as far as it can be read."""
    for each in node.named_children if node else ():
        if each.type in _BODIES:
            yield from _members(each)
        elif not each.is_extra:
            yield each


def _block(method: Node) -> Node | None:
    body = _child(method, "function_body")
    return _child(body, "block") if body else None


def _has_body(method: Node) -> bool:
    return _child(method, "function_body") is not None


def _child(node: Node, kind: str) -> Node | None:
    return next((each for each in node.named_children if each.type == kind), None)
