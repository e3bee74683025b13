"""The calls of macros, as if each was replaced by what it stands for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import takewhile

from src.inventory.document import Undecided
from src.inventory.rust.items import Call, Items, Macro, nothing, read
from src.inventory.rust.patterns import Steps, TooMuch, expand
from src.inventory.rust.tokens import Group, Part

#: Macros may call each other this deep, and take this many steps in a file and in an archive.
_DEEPEST, _MOST_STEPS_OF_FILE, _MOST_STEPS = 12, 100_000, 1_000_000
#: The tokens and groups of all the macros that are kept in memory.
_MOST_PARTS = 1_000_000
_TOO_MANY_PARTS = "the archive's macros are too large to keep all of them"
_TOO_MANY_STEPS = "its macros take too many steps to expand"


def slimmed(macro: Macro) -> Macro:
    """The macro, without its rules if no test or module can come of them."""
    words = set(_words(macro))
    return macro if "!" in words or _makes(words) else macro._replace(rules=())


class Macros:
    """The macros of an archive that may make tests or modules."""

    def __init__(self, found: Iterable[Macro]) -> None:
        self.undecided: dict[str, Undecided] = {}
        """Of each file the first macro or call that is not followed."""
        self._room = _MOST_PARTS
        self._macros: dict[str, dict[str, list[Macro]]] = defaultdict(dict)
        for each in found:
            if self._has_room(each):
                self._macros[each.name].setdefault(each.path, []).append(each)
        self._useful = _useful(self._macros)
        self._left = _MOST_STEPS
        self._steps = Steps(0)

    def items(self, path: str, calls: Iterable[Call]) -> Items:
        """What the calls of a file stand for. Those for which no steps are left stand for nothing, and are `undecided`."""
        into = nothing()
        given = min(_MOST_STEPS_OF_FILE, self._left)
        self._steps = Steps(given)
        for call in calls:
            try:
                self._expand(path, call, into, 0)
            except (TooMuch, RecursionError):
                self._doubt(path, call, _TOO_MANY_STEPS)
                break
        self._left -= given - max(self._steps.left, 0)
        return into

    def _has_room(self, macro: Macro) -> bool:
        self._room -= 1 + sum(1 for _ in _words(macro))
        if self._room < 0:
            self._doubt(macro.path, macro, _TOO_MANY_PARTS)
        return self._room >= 0

    def _doubt(self, path: str, at: Call | Macro, reason: str) -> None:
        """Note the first macro or call of a file that is not followed."""
        self.undecided.setdefault(path, Undecided(path=path, line=at.line, name=f"{at.name}!", reason=reason))

    def _expand(self, path: str, call: Call, into: Items, depth: int) -> None:
        if depth > _DEEPEST:
            return
        made = self._outcome(path, call)
        own = nothing()
        if made is None:
            # A macro of another package, such as `cfg_if!` and `proptest!`, is taken for one that gives its items.
            read(call.parts, call.place._replace(macro=call.place.macro or call.name), own)
        else:
            read(made, call.place, own)
        into.tests.extend(own.tests)
        into.modules.extend(own.modules)
        into.included.extend(own.included)
        for each in own.calls:
            self._steps.take()
            self._expand(path, each, into, depth + 1)

    def _outcome(self, path: str, call: Call) -> tuple[Part, ...] | None:
        if call.name not in self._useful:
            return None
        for macro in self._meant(path, call):
            if not macro.rules and macro.path == path:
                return None
            for rule in macro.rules:
                self._steps.take()
                made = expand(rule, call.parts, self._steps)
                if made is not None:
                    return made
        return None

    def _meant(self, path: str, call: Call) -> Iterator[Macro]:
        """The macros of a name: first the one above the call in its file, then those of the nearest folders."""
        found = self._macros[call.name]
        own = found.get(path, [])
        self._steps.take(len(own) + len(found))
        yield from sorted(own, key=lambda macro: (macro.line > call.line, -macro.line))
        for other in sorted(found.keys() - {path}, key=lambda other: (-_shared(other, path), other)):
            yield from found[other]


def _shared(path: str, other: str) -> int:
    """How many folders two files have in common."""
    folders = zip(path.split("/")[:-1], other.split("/")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], folders))


def _useful(macros: dict[str, dict[str, list[Macro]]]) -> set[str]:
    """The macros whose outcome may hold a test or a module, or the call of such a macro."""
    words = {
        name: {word for own in found.values() for each in own for word in _words(each)}
        for name, found in macros.items()
    }
    callers = defaultdict(list)
    for name, said in words.items():
        for word in said & macros.keys():
            callers[word].append(name)
    pending = [name for name, said in words.items() if _makes(said)]
    useful: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in useful:
            useful.add(name)
            pending += callers[name]
    return useful


def _makes(words: set[str]) -> bool:
    """Whether such words may make a test or a module."""
    return "mod" in words or any("test" in word for word in words)


def _words(macro: Macro) -> Iterator[str]:
    for rule in macro.rules:
        for parts in rule:
            yield from _texts(parts)


def _texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Group):
            yield part.opening
            yield from _texts(part.parts)
        else:
            yield part.text
