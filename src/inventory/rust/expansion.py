"""The calls of macros, as if each was replaced by what it stands for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import takewhile

from src.inventory.rust.items import Call, Items, Macro, nothing, read
from src.inventory.rust.patterns import Steps, TooMuch, expand, rules
from src.inventory.rust.tokens import Group, Part, Token

#: Macros may call each other this deep, and take this many steps in an archive.
_DEEPEST, _MOST_STEPS = 12, 1_000_000


class Macros:
    """The macros of an archive that may make tests or modules."""

    def __init__(self, found: Iterable[Macro]) -> None:
        self._macros: dict[str, dict[str, list[Macro]]] = defaultdict(dict)
        for each in found:
            self._macros[each.name].setdefault(each.path, []).append(each)
        self._useful = _useful(self._macros)
        self._steps = Steps(_MOST_STEPS)

    def items(self, path: str, calls: Iterable[Call]) -> Items:
        """What the calls of a file stand for. Those for which no steps are left stand for nothing."""
        into = nothing()
        try:
            for call in calls:
                self._expand(path, call, into, 0)
        except (TooMuch, RecursionError):
            pass
        return into

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
            for rule in rules(macro.rules):
                made = expand(rule, call.parts, self._steps)
                if made is not None:
                    return made
        return None

    def _meant(self, path: str, call: Call) -> Iterator[Macro]:
        """The macros of a name: first the one above the call in its file, then those of the nearest folders."""
        found = self._macros[call.name]
        own = found.get(path, [])
        yield from sorted(own, key=lambda macro: (macro.line > call.line, -macro.line))
        self._steps.take(len(found))
        for other in sorted(found.keys() - {path}, key=lambda other: (-_shared(other, path), other)):
            yield from found[other]


def _shared(path: str, other: str) -> int:
    """How many folders two files have in common."""
    folders = zip(path.split("/")[:-1], other.split("/")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], folders))


def _useful(macros: dict[str, dict[str, list[Macro]]]) -> set[str]:
    """The macros whose outcome may hold a test or a module, or the call of such a macro."""
    words = {
        name: {word for own in found.values() for each in own for word in _words(each.rules)}
        for name, found in macros.items()
    }
    callers = defaultdict(list)
    for name, said in words.items():
        for word in said & macros.keys():
            callers[word].append(name)
    pending = [name for name, said in words.items() if "mod" in said or any("test" in word for word in said)]
    useful: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in useful:
            useful.add(name)
            pending += callers[name]
    return useful


def _words(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Group):
            yield from _words(part.parts)
        elif isinstance(part, Token):
            yield part.text
