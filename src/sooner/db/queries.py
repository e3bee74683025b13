"""Named queries: SQL lives in .sql files, where each query has a name and a line with its purpose.

A file reads::

    -- name: claim
    -- Takes due jobs of one lane for one worker.
    select ... where lane = :lane

Parameters are `:name`; a cast is `::type`. One text serves both drivers.

Queries of one file share texts as parts: `{{columns}}` is replaced by the part `columns`, which may use the parts above it::

    -- part: columns
    -- The columns of a claimed job.
    message_id, actor
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

_HEAD = re.compile(r"^-- (name|part): (\w+)$", re.MULTILINE)
_USE = re.compile(r"\{\{(\w+)\}\}")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")

#: The separator of the members of a column that is sent as one text.
SEPARATOR = chr(30)
#: The most characters of one text: they are up to 1 GB in UTF-8, and PostgreSQL hangs up on a message of 1 GiB.
LONGEST = 250_000_000


@dataclass(frozen=True)
class Query:
    """One named query, as it stands in its file."""

    name: str
    purpose: str
    text: str

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters in order of first use."""
        return tuple(dict.fromkeys(_PARAMETER.findall(self.text)))

    @cached_property
    def positional(self) -> str:
        """The text with `$1`, `$2`, as asyncpg takes it."""
        numbers = {name: f"${i}" for i, name in enumerate(self.parameters, 1)}
        return _PARAMETER.sub(lambda match: numbers[match[1]], self.text)

    @cached_property
    def pyformat(self) -> str:
        """The text with `%(name)s`, as psycopg2 takes it."""
        return _PARAMETER.sub(r"%(\1)s", self.text.replace("%", "%%"))

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of `positional`. Raises KeyError for a missing value."""
        return [values[name] for name in self.parameters]


class Queries:
    """The queries of one .sql file of a package, as attributes; `parts` are parts beside the file's own.

    Raises AttributeError for an unknown name, ValueError for a file that is no list of queries.
    """

    def __init__(self, package: str, path: str, **parts: str) -> None:
        self._queries = dict(_parse(files(package).joinpath(path).read_text(), f"{package}/{path}", parts))

    def __getattr__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise AttributeError(f"no query named {name}") from None

    def __iter__(self) -> Any:
        return iter(self._queries.values())


def joined(column: Sequence[str | None]) -> str:
    """A column of texts as one text, which a query splits by `string_to_array(:column, chr(30), '')`.

    asyncpg looks at each member of an array several times, but at a text once. None and an empty text become null. Raises
    ValueError for a text with the separator in it (JSON escapes it: RFC 7464), and for a text that is too long.
    """
    text = SEPARATOR.join([value or "" for value in column])
    if text.count(SEPARATOR) >= len(column):
        raise ValueError("a record separator in what is one text of many")
    if len(text) > LONGEST:
        raise ValueError(f"more than {LONGEST:,} characters in one text")
    return text


def transposed(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows as columns for `unnest`: an array for each name."""
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _parse(text: str, where: str, given: Mapping[str, str]) -> list[tuple[str, Query]]:
    """Read a file's queries. Raises ValueError for a missing or unused part, and for two entries of one name."""
    _, *entries = _HEAD.split(text)
    parts = dict(given)
    used: set[str] = set()
    queries: dict[str, Query] = {}
    for kind, name, body in zip(entries[::3], entries[1::3], entries[2::3], strict=True):
        purpose, _, sql = body.strip().partition("\n")
        if not purpose.startswith("-- ") or not sql.strip():
            raise ValueError(f"{where}: {name} needs a line that says what it is for, and a text")
        if name in parts or name in queries:
            raise ValueError(f"{where}: two entries are named {name}")
        used.update(_USE.findall(sql))
        whole = _filled_in(sql.strip().rstrip(";"), parts, f"{where}: {name}")
        if kind == "part":
            parts[name] = whole
        else:
            queries[name] = Query(name, purpose[3:], whole)
    if not queries:
        raise ValueError(f"{where}: no queries")
    if unused := sorted(parts.keys() - used):
        raise ValueError(f"{where}: no query uses the parts {', '.join(unused)}")
    return list(queries.items())


def _filled_in(sql: str, parts: Mapping[str, str], where: str) -> str:
    """The text with its parts filled in. Raises ValueError for a part that is not above it."""
    if missing := sorted(set(_USE.findall(sql)) - parts.keys()):
        raise ValueError(f"{where} uses parts that do not stand above it: {', '.join(missing)}")
    return _USE.sub(lambda match: parts[match[1]], sql)
