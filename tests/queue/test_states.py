"""The state machine in the docs is the one that the statements make."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args, get_type_hints

import asyncpg

from sooner.jobs.states import PUBLIC, State
from sooner.queue.finish import Ending
from sooner.queue.transitions import TRANSITIONS
from tests.support import ROOT

PAGE = ROOT / "ops" / "docs" / "states.md"
ENGINE = ROOT / "src" / "sooner"
#: A move between databases adds and removes rows as they are.
MOVING = ENGINE / "jobs" / "moving"
NO_ROW = "[*]"
FINAL = [state.stored for state in State if state.is_final]
#: What `finish` may be told; other endings go by other statements.
ENDINGS = [state for state in get_args(get_type_hints(Ending)["state"]) if state in FINAL]

WRITE = re.compile(r"\b(insert into|update|delete from)\s+(?:only\s+)?dramatiq\.queue\b")
COMMENT = re.compile(r"--[^\n]*")
ASSIGNED = re.compile(r"\bset\b(.*?)(?=\b(?:from|where|returning)\b|$)", re.DOTALL)
STATE = re.compile(r"(?:^|,)\s*state\s*=([^,]*)")
IS_STATE = re.compile(r"\bstate(?:::text)?\s*=\s*'(\w+)'")
IS_ONE_OF = re.compile(r"\bstate(?:::text)?\s+in\s*\(([^)]*)\)")

#: Evaluates what a statement assigns, for every state that it takes and every fact that it looks at.
EVALUATED = """
select distinct before.state::text as before, ({})::text as after
from unnest($1::text[]::dramatiq.state[]) as before (state),
  unnest($2::text[]::dramatiq.state[]) as outcome (ending),
  unnest('{{t, f}}'::boolean[]) as cancelling (cancel_requested),
  unnest('{{t, f}}'::boolean[]) as overdue (idle),
  unnest('{{t, f}}'::boolean[]) as orphan (hopeless)
"""


class Transition(NamedTuple):
    """One change of one statement, by the public names."""

    before: str
    after: str
    statement: str


class Write(NamedTuple):
    """One write to the table of jobs: `earlier` is what stands before it in its statement, `body` all of its own."""

    verb: str
    earlier: str
    body: str


async def statements(sql: "asyncpg.Connection[asyncpg.Record]") -> list[tuple[str, str]]:
    """Every statement that may change a state, by its name: the queries of the one file, and the functions of the schema."""
    rows = await sql.fetch(
        """
        select nspname || '.' || proname, prosrc from pg_proc join pg_namespace as space on space.oid = pronamespace
        where nspname in ('dramatiq', 'sooner', 'sooner_directory')
        """
    )
    return [(query.name, query.text) for query in TRANSITIONS] + [(name, text) for name, text in rows]


def writes(text: str) -> Iterator[Write]:
    """The writes of a statement to the table of jobs."""
    text = COMMENT.sub("", text)
    for found in WRITE.finditer(text):
        depths = depth(text[found.start() :])
        end = next((place for place, deep in enumerate(depths) if deep < 0), len(depths))
        yield Write(found[1], text[: found.start()], text[found.start() :][:end])


def depth(text: str) -> list[int]:
    """How many parentheses are open behind each character."""
    deep, depths = 0, []
    for character in text:
        deep += (character == "(") - (character == ")")
        depths.append(deep)
    return depths


def outer(text: str) -> str:
    """The text with blanks for all that stands in parentheses: as long, so that places in it hold in the text."""
    return "".join(
        "_" if deep or character == ")" else character
        for character, deep in zip(text, depth(text), strict=True)
    )


def assigned(write: Write) -> str | None:
    """What an UPDATE sets the state to; None where it leaves it."""
    found = ASSIGNED.search(outer(write.body))
    assert found is not None, write.body
    state = STATE.search(found[1])
    start = found.start(1)
    return write.body[start + state.start(1) : start + state.end(1)].strip() if state else None


def taken(write: Write) -> list[str]:
    """The states in which an UPDATE takes jobs: those that its conditions name; every one where they name none."""
    found = ASSIGNED.search(outer(write.body))
    assert found is not None, write.body
    conditions = write.earlier + write.body[found.end() :].partition("returning")[0]
    named = IS_STATE.findall(conditions)
    for several in IS_ONE_OF.findall(conditions):
        named += re.findall(r"'(\w+)'", several)
    return sorted(set(named)) or sorted(PUBLIC)


def inserted(write: Write) -> str | None:
    """What an INSERT says of the state; None where it leaves that to the default."""
    columns, _, rest = write.body.partition("(")[2].partition(")")
    names = [name.strip() for name in columns.split(",")]
    if "state" not in names:
        return None
    selected = rest.partition("select")[2]
    pieces = outer(selected).split(",")
    start = sum(len(piece) + 1 for piece in pieces[: names.index("state")])
    return selected[start:].partition(",")[0].strip()


async def changes(sql: "asyncpg.Connection[asyncpg.Record]", write: Write) -> set[tuple[str, str]]:
    """From which state to which a write brings jobs, by the names of the table."""
    if write.verb == "delete from":
        # A CHECK holds that these are the final ones.
        assert "finished_at is not null" in write.earlier + write.body
        return {(state, NO_ROW) for state in FINAL}
    if write.verb == "insert into":
        after = await sql.fetchval(f"select ({inserted(write) or await default(sql)})::text")
        return {(NO_ROW, after)}
    expression = assigned(write)
    if expression is None:
        return set()
    plain = re.sub(r"\b(?!dramatiq\b)\w+\.", "", expression.replace("outcome.state", "ending"))
    rows = await sql.fetch(EVALUATED.format(plain), taken(write), ENDINGS)
    return {(row["before"], row["after"]) for row in rows if row["before"] != row["after"]}


async def default(sql: "asyncpg.Connection[asyncpg.Record]") -> str:
    """The state of a row whose INSERT names none."""
    said: str = await sql.fetchval(
        "select pg_get_expr(adbin, adrelid) from pg_attrdef join pg_attribute on attrelid = adrelid and attnum = adnum"
        " where adrelid = 'dramatiq.queue'::regclass and attname = 'state'"
    )
    return said


async def derived(sql: "asyncpg.Connection[asyncpg.Record]") -> set[Transition]:
    """Every transition of every statement."""
    return {
        Transition(PUBLIC.get(before, before), PUBLIC.get(after, after), name)
        for name, text in await statements(sql)
        for write in writes(text)
        for before, after in await changes(sql, write)
    }


def documented() -> set[Transition]:
    """Every transition of the page's table."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.replace("`", "").strip("|").split("|")] for line in lines[2:]]
    return {
        Transition(before, after, statement)
        for befores, afters, several, _ in rows
        for before in befores.split(", ")
        for after in afters.split(", ")
        for statement in several.split(", ")
    }


async def test_the_table_is_what_the_statements_do(sql: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert sorted(documented()) == sorted(await derived(sql))


def test_the_diagram_is_the_table() -> None:
    drawn = re.findall(r"^ +(\S+) --> (\S+)$", PAGE.read_text(), re.MULTILINE)
    assert sorted(drawn) == sorted({(each.before, each.after) for each in documented()})


def test_no_write_to_a_job_stands_outside_the_sql_files() -> None:
    sources = [path for path in (ROOT / "src").rglob("*.py") if WRITE.search(path.read_text().lower())]
    assert sources == []


def changes_a_state(path: Path) -> bool:
    """Whether a statement of a file adds or removes jobs, or assigns their state."""
    return any(write.verb != "update" or assigned(write) is not None for write in writes(path.read_text()))


def test_every_change_of_a_state_stands_in_one_file() -> None:
    found = [path for path in sorted((ROOT / "src").rglob("*.sql")) if changes_a_state(path)]
    assert [path for path in found if MOVING not in path.parents] == [
        ENGINE / "queue" / "sql" / "transitions.sql"
    ]


def test_a_move_brings_jobs_to_another_database_in_the_state_in_which_they_are() -> None:
    updates = [
        write
        for path in MOVING.rglob("*.sql")
        for write in writes(path.read_text())
        if write.verb == "update"
    ]
    assert updates
    assert [write.body for write in updates if assigned(write) is not None] == []
