"""A framework's settings: which files it runs, by a package's own files of settings."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from src.inventory.javascript.literals import Value, exported, json_of, regexes, strings, yaml_of
from src.inventory.syntax.parsing import Grammar, parse

_FILE = re.compile(
    r"(?:^|/)(?:package\.json|(jest|vitest|vite|playwright|cypress)\.config\.(?:[cm]?[jt]s|json)|"
    r"\.mocharc(?:\.(?:[cm]?js|ya?ml|jsonc?))?|\.borp\.ya?ml|cypress\.json)\Z"
)
#: What a package depends on, and which framework that is.
_PACKAGES = {
    "vitest": "vitest",
    "vite-plus": "vitest",
    "jest": "jest",
    "react-scripts": "jest",
    "jest-cli": "jest",
    "@playwright/test": "playwright",
    "cypress": "cypress",
    "mocha": "mocha",
    "jasmine": "jasmine",
    "ava": "ava",
    "tap": "tap",
    "tape": "tape",
    "qunit": "qunit",
    "uvu": "uvu",
}
#: Which files a framework runs where nothing says otherwise.
DEFAULTS: dict[str, tuple[str, ...]] = {
    "vitest": ("**/*.{test,spec}.?(c|m)[jt]s?(x)",),
    "jest": ("**/__tests__/**/*.?([mc])[jt]s?(x)", "**/?(*.)(spec|test).?([mc])[jt]s?(x)"),
    "playwright": ("**/*.(spec|test).?(c|m)[jt]s?(x)",),
    "cypress": ("cypress/e2e/**/*.cy.[jt]s?(x)", "**/*.cy.[jt]s?(x)", "cypress/integration/**/*.[jt]s?(x)"),
    "mocha": ("test/*.{js,cjs,mjs,ts}",),
    "node:test": (
        "**/*.test.?(c|m)[jt]s", "**/*-test.?(c|m)[jt]s", "**/*_test.?(c|m)[jt]s", "**/test-*.?(c|m)[jt]s",
        "**/test.?(c|m)[jt]s", "**/test/**/*.?(c|m)[jt]s",
    ),
    "jasmine": ("spec/**/*[sS]pec.?(m)js",),
    "ava": ("test.?(c|m)js", "{src,source}/test.?(c|m)js", "**/__tests__/**/*", "**/*.test.*", "**/test-*.*", "**/test/**/*", "**/tests/**/*"),
    "tap": ("**/*.test.*", "**/*.tap.*", "**/test/**/*", "**/__tests__/**/*", "**/test.*"),
}  # fmt: skip
#: Options of mocha's and node's command lines that a value follows.
_VALUED = frozenset(
    {"-r", "--require", "-R", "--reporter", "-t", "--timeout", "-u", "--ui", "-g", "--grep", "-f", "--fgrep", "--config", "--package",
     "--file", "--ignore", "--exclude", "--extension", "-O", "--reporter-option", "--reporter-options", "-s", "--slow", "-j", "--jobs",
     "--import", "--loader", "--test-reporter", "--retries", "--experimental-loader"}
)  # fmt: skip


_MOCHA = re.compile(r"(?:^|/)_?mocha(?:\.js)?$")
_MOST_WORDS = 200


class Rule(NamedTuple):
    """Which files below its folder a framework runs."""

    framework: str
    folder: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_regexes: tuple[str, ...] = ()
    exclude_regexes: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    """Folders, relative to its own, outside of which it runs none."""

    @property
    def is_bare(self) -> bool:
        """Whether it names a framework and nothing else."""
        return self == Rule(self.framework, self.folder)

    @property
    def names_files(self) -> bool:
        """Whether its framework's default patterns do not hold."""
        return bool(self.include or self.include_regexes)


def is_settings(path: str) -> bool:
    return bool(_FILE.search(path))


def rules(path: str, content: bytes) -> tuple[Rule, ...]:
    """The rules in one file of settings. Raises SourceUnreadable."""
    folder, _, name = path.rpartition("/")
    if name == "package.json":
        return tuple(_package(folder, json_of(content)))
    values = _values(name, content)
    if name.startswith(".mocharc"):
        return tuple(_mocha(folder, values))
    if name.startswith(".borp"):
        return (Rule("node:test", folder, strings(values.get("files"))),)
    return tuple(_CONFIGS[name.partition(".")[0]](folder, values))


def _values(name: str, content: bytes) -> dict[str, Value]:
    ending = name.rpartition(".")[2]
    if ending in {"yml", "yaml"}:
        return yaml_of(content)
    if ending in {"json", "jsonc"}:
        return json_of(content)
    if ending == "mocharc":
        return json_of(content) or yaml_of(content)
    grammar: Grammar = "typescript" if ending.endswith("ts") else "javascript"
    return exported(parse(grammar, content))


def _package(folder: str, values: dict[str, Value]) -> Iterable[Rule]:
    jest, mocha = values.get("jest"), values.get("mocha")
    if isinstance(jest, dict):
        yield from _jest(folder, jest)
    if isinstance(mocha, dict):
        yield from _mocha(folder, mocha)
    scripts = values.get("scripts")
    if isinstance(scripts, dict):
        yield from _scripts(folder, {name: line for name, line in scripts.items() if isinstance(line, str)})
    for name in sorted(_dependencies(values).intersection(_PACKAGES)):
        yield Rule(_PACKAGES[name], folder)


def _dependencies(values: dict[str, Value]) -> set[str]:
    listed = (values.get("dependencies"), values.get("devDependencies"), values.get("peerDependencies"))
    return {name for each in listed[:2] if isinstance(each, dict) for name in each}


def _scripts(folder: str, scripts: dict[str, str]) -> Iterable[Rule]:
    """What command lines name: `mocha --require setup test/`, `node --test "lib/*.js"`."""
    found: dict[str, list[str]] = {}
    for command in _commands(scripts):
        words = [each.strip("\"'\\") for each in command.split()[:_MOST_WORDS]]
        for number, word in enumerate(words):
            if _MOCHA.search(word):
                found.setdefault("mocha", []).extend(_operands(words[number + 1 :]))
                break
            if word == "--test" and "node" in words[:number]:
                found.setdefault("node:test", []).extend(_operands(words[number + 1 :]))
                break
    for framework, operands in found.items():
        yield Rule(framework, folder, _specs(operands, _extensions(framework)))


def _commands(scripts: dict[str, str]) -> Iterable[str]:
    """Every command of the scripts, those written out that a script runs with words of its own: `npm run test -- lib/`."""
    for line in list(scripts.values())[:_MOST_WORDS]:
        for command in re.split(r"&&|\|\||[;&|]", line):
            for _ in range(3):
                if not (
                    run := re.match(r"\s*(?:npm|pnpm|yarn) run (?:-s |--silent )?([\w:.-]+) -- (.*)", command)
                ):
                    break
                command = f"{scripts.get(run[1], '')} {run[2]}"  # noqa: PLW2901 - written out step by step
            yield command


def _operands(words: list[str]) -> list[str]:
    found, is_value = [], False
    for word in words:
        if not is_value and not word.startswith("-"):
            found.append(word)
        is_value = word in _VALUED
    return found


def _extensions(framework: str) -> tuple[str, ...]:
    return ("js", "cjs", "mjs") if framework == "mocha" else ("js", "cjs", "mjs", "ts", "mts", "cts")


def _specs(
    operands: Iterable[str], extensions: tuple[str, ...], *, recursive: bool = False
) -> tuple[str, ...]:
    """Globs of files; a folder stands for the modules in it, a name without its ending for a module."""
    globs: list[str] = []
    for each in operands:
        plain = each.removeprefix("./").rstrip("/")
        if re.search(r"\.\w+$", plain) or "*" in plain.rpartition("/")[2]:
            globs.append(plain)
        else:
            within = "**/*" if recursive else "*"
            globs += [f"{plain}/{within}.{ending}" for ending in extensions] + [
                f"{plain}.{ending}" for ending in extensions
            ]
    return tuple(globs)


def _mocha(folder: str, values: dict[str, Value]) -> Iterable[Rule]:
    spec = (*strings(values.get("spec")), *strings(values.get("file")))
    extensions = strings(values.get("extension") or values.get("extensions")) or _extensions("mocha")
    endings = tuple(each.lstrip(".") for each in extensions)
    recursive = values.get("recursive") in {True, "true"}
    ignore = strings(values.get("ignore") or values.get("exclude"))
    yield Rule(
        "mocha",
        folder,
        _specs(spec or (["./test"] if recursive or ignore else []), endings, recursive=recursive),
        tuple(each.removeprefix("./") for each in ignore),
    )


def _jest(folder: str, values: dict[str, Value]) -> Iterable[Rule]:
    projects = values.get("projects")
    inner = [each for each in projects if isinstance(each, dict)] if isinstance(projects, list) else []
    if inner:
        for each in inner:
            yield from _jest(folder, each)
        return
    root = _within(folder, values.get("rootDir"))
    include = tuple(_rooted(each) for each in strings(values.get("testMatch")))
    found = (*strings(values.get("testRegex")), *regexes(values.get("testRegex")))
    exclude = tuple(_rooted(each) for each in strings(values.get("testPathIgnorePatterns")))
    roots = tuple(_rooted(each) for each in strings(values.get("roots")))
    yield Rule(
        "jest",
        root,
        tuple(each for each in include if not each.startswith("!")),
        tuple(each[1:] for each in include if each.startswith("!")),
        tuple(map(_rooted, found)),
        exclude,
        tuple(each for each in roots if each not in {"", "."}),
    )


def _rooted(pattern: str) -> str:
    """`<rootDir>/src` as a path from there."""
    if pattern.startswith("<rootDir>"):
        return pattern.removeprefix("<rootDir>").lstrip("/")
    return pattern.replace("<rootDir>", "")


def _within(folder: str, relative: Value) -> str:
    if not isinstance(relative, str):
        return folder
    parts = folder.split("/") if folder else []
    for each in relative.replace("<rootDir>", ".").split("/"):
        if each == ".." and parts:
            parts.pop()
        elif each not in {"", ".", ".."}:
            parts.append(each)
    return "/".join(parts)


def _vitest(folder: str, values: dict[str, Value]) -> Iterable[Rule]:
    test = values.get("test")
    if not isinstance(test, dict):
        return
    projects = test.get("projects") or test.get("workspace")
    inner = [each for each in projects if isinstance(each, dict)] if isinstance(projects, list) else []
    if inner:
        for each in inner:
            yield from _vitest(_within(folder, each.get("root")), each)
        return
    root = _within(folder, test.get("root") or values.get("root"))
    include, exclude = strings(test.get("include")), strings(test.get("exclude"))
    folders = strings(test.get("dir"))
    yield Rule("vitest", root, include, exclude, roots=folders)


def _playwright(folder: str, values: dict[str, Value]) -> Iterable[Rule]:
    projects = values.get("projects")
    inner = [each for each in projects if isinstance(each, dict)] if isinstance(projects, list) else []
    for each in inner or [{}]:
        joined = {**values, **each}
        match, ignore = joined.get("testMatch"), joined.get("testIgnore")
        include = strings(match)
        yield Rule(
            "playwright",
            folder,
            tuple(_anywhere(one) for one in include),
            tuple(_anywhere(one) for one in strings(ignore)),
            regexes(match),
            regexes(ignore),
            strings(joined.get("testDir")),
        )


def _anywhere(pattern: str) -> str:
    return pattern if pattern.startswith("**/") else f"**/{pattern.removeprefix('./')}"


def _cypress(folder: str, values: dict[str, Value]) -> Iterable[Rule]:
    for name in ("e2e", "component"):
        kind = values.get(name)
        if isinstance(kind, dict):
            include, exclude = strings(kind.get("specPattern")), strings(kind.get("excludeSpecPattern"))
            yield Rule("cypress", folder, include, exclude)
    if "integrationFolder" in values:
        yield Rule("cypress", folder, roots=strings(values.get("integrationFolder")))


_CONFIGS = {
    "jest": _jest,
    "vitest": _vitest,
    "vite": _vitest,
    "playwright": _playwright,
    "cypress": _cypress,
}
