"""The tests, modules, macros and calls of macros among the tokens of a file."""

from typing import NamedTuple

from src.inventory.rust.attributes import Attributes, attributes
from src.inventory.rust.patterns import Rule, rules
from src.inventory.rust.tokens import Group, Part, Token, is_group, is_word, text_of
from src.inventory.syntax.facts import Found, joined

#: Macros whose functions are tests, with or without an attribute.
_OF_FUNCTIONS = {"quickcheck": "quickcheck"}
#: Macros whose tests are not libtest's own.
_FRAMEWORKS = {"proptest": "proptest", "wasm_bindgen_test": "wasm-bindgen-test"} | _OF_FUNCTIONS


class Place(NamedTuple):
    """The modules around an item."""

    modules: tuple[Token, ...] = ()
    macro: str = ""
    """The macro around it that is not of the archive."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the modules."""
        return tuple(each.text for each in self.modules)


class Test(NamedTuple):
    """A test, in the file in which its name is written."""

    path: str
    found: Found
    framework: str
    modules: tuple[Token, ...]


class Module(NamedTuple):
    """`mod name;` within the modules `within`; `paths` is what its attributes say."""

    within: tuple[str, ...]
    name: str
    paths: tuple[str, ...]


class Macro(NamedTuple):
    """A `macro_rules!`."""

    name: str
    line: int
    path: str
    rules: tuple[Rule, ...]


class Call(NamedTuple):
    """The call of a macro where items may stand."""

    name: str
    line: int
    place: Place
    parts: tuple[Part, ...]


class Items(NamedTuple):
    """What was found."""

    tests: list[Test]
    modules: list[Module]
    included: list[str]
    macros: list[Macro]
    calls: list[Call]


def nothing() -> Items:
    return Items([], [], [], [], [])


def read(parts: tuple[Part, ...], place: Place, into: Items) -> None:
    """Add what the tokens declare."""
    _Reader(parts, place, into).read()


class _Reader:
    """One walk over the tokens of a file, a module, or a macro's outcome."""

    def __init__(self, parts: tuple[Part, ...], place: Place, into: Items) -> None:
        self._parts = parts
        self._place = place
        self._into = into
        self._at = 0
        self._marks: list[Group] = []

    def read(self) -> None:
        while (part := self._next()) is not None:
            if isinstance(part, Group):
                self._group(part)
            elif part.text == "#":
                if self._attribute():
                    return
            elif part.text in {"fn", "mod"}:
                self._declaration(part.text)
            elif part.text == ";":
                self._marks = []
            elif is_word(self._peek(), "!"):
                self._macro(part)

    def _group(self, group: Group) -> None:
        """The branches of `cfg_if!`, whose items stand in braces."""
        if group.opening == "{" and not self._taken().is_never:
            read(group.parts, self._place, self._into)

    def _attribute(self) -> bool:
        """Note an attribute. Gives whether it says of all around it that it is never built."""
        is_inner = is_word(self._peek(), "!")
        if is_inner:
            self._next()
        group = self._peek()
        if isinstance(group, Group) and group.opening == "[":
            self._next()
            if is_inner:
                return attributes([group]).is_never
            self._marks.append(group)
        return False

    def _declaration(self, word: str) -> None:
        marks = self._taken()
        name = self._name()
        if name is None or marks.is_never:
            self._skip_to_end()
        elif word == "fn":
            self._function(name, marks)
            self._skip_to_end()
        else:
            self._module(name, marks)

    def _function(self, name: Token, marks: Attributes) -> None:
        macro = self._place.macro
        framework = marks.framework or _OF_FUNCTIONS.get(macro, "")
        if framework == "libtest":
            framework = _FRAMEWORKS.get(macro, framework)
        if framework:
            found = Found(joined(self._place.names, name.text), name.line, marks.status)
            self._into.tests.append(Test(name.path, found, framework, self._place.modules))

    def _module(self, name: Token, marks: Attributes) -> None:
        body = self._next()
        if isinstance(body, Group):
            read(body.parts, self._place._replace(modules=(*self._place.modules, name)), self._into)
        else:
            self._into.modules.append(Module(self._place.names, name.text, marks.paths))

    def _macro(self, name: Token) -> None:
        marks = self._taken()
        self._next()
        defined = self._name() if name.text == "macro_rules" else None
        group = self._next()
        if not isinstance(group, Group) or marks.is_never:
            return
        if defined:
            self._into.macros.append(Macro(defined.text, defined.line, defined.path, rules(group.parts)))
        elif name.text == "include":
            self._into.included.append(text_of(group.parts).strip('"'))
        else:
            self._into.calls.append(Call(name.text, name.line, self._place, group.parts))

    def _name(self) -> Token | None:
        """A name, or `[<name s>]`, of which the macro `paste!` makes one."""
        part = self._peek()
        if isinstance(part, Token) and _is_name(part.text):
            self._next()
            return part._replace(text=part.text.removeprefix("r#"))
        if isinstance(part, Group) and is_group(part, "[") and is_word(next(iter(part.parts), None), "<"):
            self._next()
            named = [each for each in part.parts[1:-1] if isinstance(each, Token)]
            return named[0]._replace(text=text_of(named)) if named else None
        return None

    def _skip_to_end(self) -> None:
        """Go behind the body."""
        while (part := self._next()) is not None:
            if is_word(part, ";") or is_group(part, "{"):
                return

    def _taken(self) -> Attributes:
        """What the attributes before an item say; they hold for it alone."""
        found = attributes(self._marks)
        self._marks = []
        return found

    def _next(self) -> Part | None:
        part = self._peek()
        self._at += 1
        return part

    def _peek(self) -> Part | None:
        return self._parts[self._at] if self._at < len(self._parts) else None


def _is_name(text: str) -> bool:
    return text.removeprefix("r#").isidentifier()
