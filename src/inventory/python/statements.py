"""The statements of one scope."""

import ast
from collections.abc import Iterator
from typing import NamedTuple


class Step(NamedTuple):
    """A statement, and whether it stands where a condition failed: `except` and `else` hold stand-ins."""

    statement: ast.stmt
    is_fallback: bool = False
    is_conditional: bool = False


def steps(body: list[ast.stmt]) -> Iterator[Step]:
    """The statements of one scope in source order, those under `if`, `try`, `with`, loops and `match` too.

    Leaves out what no import runs: `if TYPE_CHECKING`, `if __name__ == "__main__"`, `if False`.
    """
    pending = [Step(statement) for statement in reversed(body)]
    while pending:
        step = pending.pop()
        yield step
        if not isinstance(step.statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            pending.extend(reversed(_inner(step)))


def _inner(step: Step) -> list[Step]:
    statement = step.statement
    first: list[ast.stmt] = getattr(statement, "body", [])
    other: list[ast.stmt] = getattr(statement, "orelse", [])
    last: list[ast.stmt] = getattr(statement, "finalbody", [])
    if isinstance(statement, ast.If) and _never_true(statement.test):
        return [step._replace(statement=each, is_conditional=True) for each in other]
    inside = step._replace(is_conditional=step.is_conditional or not isinstance(statement, ast.With))
    fallback = inside._replace(is_fallback=True)
    alternative = fallback if isinstance(statement, ast.If) else inside
    return [
        *(inside._replace(statement=each) for each in first),
        *(fallback._replace(statement=each) for each in _handled(statement)),
        *(alternative._replace(statement=each) for each in other),
        *(inside._replace(statement=each) for each in last),
    ]


def _handled(statement: ast.stmt) -> Iterator[ast.stmt]:
    for handler in getattr(statement, "handlers", getattr(statement, "cases", [])):
        yield from handler.body


def _never_true(test: ast.expr) -> bool:
    match test:
        case ast.Constant():
            return not test.value
        case ast.Compare(ast.Name("__name__"), [ast.Eq()], [ast.Constant("__main__")]):
            return True
        case ast.Name(name) | ast.Attribute(_, name):
            return name == "TYPE_CHECKING"
        case _:
            return False
