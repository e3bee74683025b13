"""`./ops/reference`: writes `ops/docs/reference.md`, the names that a team imports, from their docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import sooner

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent / "docs" / "reference.md"
HEAD = "# Reference\n\nMade by `./ops/reference`; edit the docstrings instead. The [guides](guides/actors.md) have examples.\n"
#: The modules beside `sooner` itself.
MODULES = ("sooner.client", "sooner.testing")
#: Classes whose objects a team gets and does not make.
GOT = {"Cron", "Handle", "JobError", "ProblemError", "Testbed"}
PYDANTICS = "pydantic's own. A parameter of this type is sealed: the table has its ciphertext, and a worker alone opens it."

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page())


def page() -> str:
    """The page, from the docstrings as they are. Options that several functions take come once."""
    parts = [HEAD, "## sooner\n"]
    for name in sooner.__all__:
        parts += entry(name, *sooner._HOMES[name])  # noqa: SLF001 - the face's own list
    for module in MODULES:
        loaded = importlib.import_module(module)
        parts.append(f"## {module}\n\n{text(loaded.__doc__, module)}")
        for name in loaded.__all__:
            parts += entry(name, module, name)
    return "\n".join(dict.fromkeys(parts))


def entry(name: str, module: str, there: str) -> Iterator[str]:
    """What the page says of a name."""
    value = getattr(importlib.import_module(module), there)
    if inspect.isclass(value) or inspect.isfunction(value):
        module = value.__module__.removesuffix(".types")
    source = Path(inspect.getfile(importlib.import_module(module))).read_text()
    if module == "pydantic":
        yield f"### {name}\n\n{PYDANTICS}\n"
    elif (found := definition(source, there)) is None:
        # A name that is assigned has its words in a comment.
        comment = re.search(rf"^#: (.*)\n{there}\b", source, re.MULTILINE)
        yield f"### {name}\n\n{text(comment and comment[1], name)}"
    else:
        yield f"### {call(name, found)}\n\n{text(ast.get_docstring(found), name)}"
        if isinstance(found, ast.ClassDef) and (lines := list(members(found))):
            yield "".join(lines)
        for options in re.findall(r"Unpack\[(\w+)\]", ast.unparse(found)):
            yield from option_texts(options, module)


def definition(source: str, name: str) -> Definition | None:
    """The last definition of a name, which follows its overloads."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in ast.parse(source).body if isinstance(node, kinds) and node.name == name]
    return found[-1] if found else None


def members(found: ast.ClassDef) -> Iterator[str]:
    """The public methods of a class, one line each."""
    for node in found.body:
        if isinstance(node, Function) and not node.name.startswith("_") and (doc := ast.get_docstring(node)):
            yield f"- {call(node.name, node)}: {' '.join(doc.split())}\n"


def call(name: str, found: Definition) -> str:
    """A name as it is used: `await submit(actor, params=None)`."""
    decorators = {ast.unparse(decorator) for decorator in found.decorator_list}
    if isinstance(found, ast.ClassDef):
        return f"`{name}`" if name in GOT else f"`{name}({', '.join(fields(found))})`"
    if "property" in decorators:
        return f"`{name}`"
    start = "async with " if "asynccontextmanager" in decorators else ""
    if isinstance(found, ast.AsyncFunctionDef) and not start:
        generates = ast.unparse(found.returns or ast.Constant(value="")).startswith("AsyncIterator")
        start = "async for … in " if generates else "await "
    return f"`{start}{name}({arguments(found)})`"


def fields(found: ast.ClassDef) -> list[str]:
    """What a class is made from: its `__init__`'s arguments, or its fields."""
    made = [node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    if made:
        return [arguments(made[0])]
    named = [node for node in found.body if isinstance(node, ast.AnnAssign)]
    return [ast.unparse(node) for node in named if not ast.unparse(node.target).startswith("_")]


def arguments(found: Function) -> str:
    """A function's arguments as its source has them, without the first of a method."""
    written = re.sub(r": '([^']*)'", r": \1", ast.unparse(found.args))
    return re.sub(r"^(?:self|cls)(?:, )?(?:/, )?", "", written)


def option_texts(name: str, module: str) -> Iterator[str]:
    """What the options of a function mean; a class of options may begin with another's."""
    loaded = importlib.import_module(module)
    home = getattr(loaded, name).__module__
    found = definition(Path(inspect.getfile(importlib.import_module(home))).read_text(), name)
    if not isinstance(found, ast.ClassDef):
        raise SystemExit(f"{name} is no class of options")
    for base in found.bases:
        if (other := ast.unparse(base)) != "TypedDict":
            yield from option_texts(other, home)
    yield f"#### {name}\n\n{text(ast.get_docstring(found), name)}"


def text(docstring: str | None, name: str) -> str:
    """A docstring as Markdown. Ends the program where there is none: what a team imports says what it does."""
    if not docstring:
        raise SystemExit(f"{name} has no docstring")
    return docstring.replace("::\n", ":\n").strip() + "\n"


if __name__ == "__main__":
    main()
