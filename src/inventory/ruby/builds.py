"""Which framework a file, and what says how its project is built, name."""

import re

from src.inventory.classes.facts import Settings

#: What says which framework runs the tests below its folder.
FILES = re.compile(r"(?:^|/)(?:Gemfile|gems\.rb|Rakefile|\.rspec|[^/]+\.gemspec)$")
HELPER = re.compile(r"(?:^|/)(?:\w+_)?helper\.rb$")
_COMMENT = re.compile(rb"(?m)^[ \t]*#.*$")
_NAMED = re.compile(
    rb"(?P<rspec>\bRSpec\b|require ['\"]rspec)"
    rb"|(?P<minitest>\bMini[Tt]est\b|require ['\"](?:mini|active_support/)test|require ['\"](?:rails/test_help|active_support/test_case)"
    rb"|\b(?:Active|Action)[A-Z]\w+::\w*(?:::\w+)*Test(?:Case)?\b|\bRails::Generators::TestCase)"
    rb"|(?P<testunit>\bTest::Unit\b|require ['\"]test[/-]unit)"
)
_GEMS = re.compile(
    rb"['\"](?:(?P<rspec>rspec(?:-rails|-core|/core/rake_task)?)|(?P<minitest>minitest[\w/-]*)|(?P<rails>rails)|(?P<testunit>test-unit))['\"]"
)
#: Rails brings minitest along, also for those that test with RSpec: it is believed last.
_CALLED = {"testunit": "test-unit", "rails": "minitest"}


def named(content: bytes) -> tuple[str, ...]:
    """The frameworks that a source file names, the first one first."""
    return _frameworks(_NAMED, content)


def settings(path: str, content: bytes) -> Settings:
    """The settings in a file."""
    if path.endswith(".rspec"):
        return Settings(("rspec",))
    return Settings(_frameworks(_GEMS, content))


def _frameworks(pattern: re.Pattern[bytes], content: bytes) -> tuple[str, ...]:
    found = (each.lastgroup or "" for each in pattern.finditer(_COMMENT.sub(b"", content)))
    believed = sorted(found, key="rails".__eq__)
    return tuple(dict.fromkeys(_CALLED.get(each, each) for each in believed))
