"""The tests of one Python file, read off the source by the rules of pytest, unittest and trial."""

import sys
import tracemalloc

import pytest

from src.inventory.archives.limits import MIB
from src.inventory.document import Entry
from src.inventory.python.reader import summary
from src.inventory.unreadable import SourceUnreadable
from tests.inventory.build import TEST, inventory_of


def read(source: str | bytes) -> Entry:
    entries = inventory_of({"test_a.py": source})["entries"]
    nothing = Entry(path="test_a.py", language="python", framework="", suites=0, tests=0, cases=[])
    return entries[0] if entries else nothing


def names(source: str) -> list[str]:
    return [case["name"] for case in read(source)["cases"]]


def statuses(source: str) -> dict[str, str]:
    return {case["name"]: case["status"] for case in read(source)["cases"]}


@pytest.mark.parametrize(
    ("path", "is_test_file"),
    [
        ("test_a.py", True),
        ("deep/er/a_test.py", True),
        ("test_.py", True),
        ("tests.py", False),
        ("testa.py", False),
        ("a_tests.py", False),
        ("conftest.py", False),
        ("test_a.pyi", False),
        ("test_a.txt", False),
        ("tests/a.py", False),
        ("test_/a.py", False),
        ("node_modules/x/test_a.py", False),
        (".tox/test_a.py", False),
        ("p/build/lib/test_a.py", False),
        ("x.egg/test_a.py", False),
        ("builds/test_a.py", True),
    ],
)
def test_which_files(path: str, is_test_file: bool) -> None:
    entries = inventory_of({path: TEST, "README": ""})["entries"]
    assert [entry["path"] for entry in entries] == [path] * is_test_file


def test_functions_by_their_prefix() -> None:
    source = """
        def test(): ...
        def test_a(): ...
        def testing_is_fun(): ...
        async def test_b(): ...
        def helper_test(): ...
        def Test(): ...
        def outer():
            def test_inner(): ...
    """
    assert names(source) == ["test", "test_a", "testing_is_fun", "test_b"]


def test_line_is_that_of_the_def() -> None:
    source = "import pytest\n\n@pytest.mark.parametrize('a', [1, 2])\n@other\ndef test_a(a):\n    pass\n"
    assert read(source)["cases"] == [{"name": "test_a", "line": 5, "status": "active"}]


def test_parametrised_test_counts_once() -> None:
    source = """
        import pytest
        @pytest.mark.parametrize("a", range(100))
        @pytest.mark.parametrize("b", [pytest.param(1, marks=pytest.mark.skip), 2])
        def test_a(a, b): ...
    """
    assert statuses(source) == {"test_a": "active"}


def test_classes_by_name_and_constructor() -> None:
    source = """
        from dataclasses import dataclass
        class TestA:
            def test_a(self): ...
            def helper(self): ...
            async def test_b(self): ...
            @staticmethod
            def test_c(): ...
        class NotATest:
            def test_no(self): ...
        class TestWithInit:
            def __init__(self): ...
            def test_no(self): ...
        class TestWithNew:
            def __new__(cls): ...
            def test_no(self): ...
        class TestInheritsInit(TestWithInit):
            def test_no(self): ...
        @dataclass
        class TestCasedData:
            test_no: int
            def test_nor_this(self): ...
    """
    assert names(source) == ["TestA::test_a", "TestA::test_b", "TestA::test_c"]
    assert read(source)["suites"] == 1


@pytest.mark.parametrize(
    "base", ["enum.Enum", "typing.NamedTuple", "typing.Protocol", "typing.Protocol[int]", "Exception"]
)
def test_class_whose_base_brings_a_constructor(base: str) -> None:
    assert names(f"import enum, typing\nclass TestA({base}):\n    def test_no(self): ...\n") == []


def test_nested_classes() -> None:
    source = """
        class TestA:
            class TestB:
                def test_x(self): ...
                class Helper:
                    def test_no(self): ...
            def test_y(self): ...
    """
    assert names(source) == ["TestA::TestB::test_x", "TestA::test_y"]
    assert read(source)["suites"] == 2


def test_test_counts_where_it_is_written_not_where_it_is_inherited() -> None:
    source = """
        class TestBase:
            def test_a(self): ...
        class TestDerived(TestBase):
            def test_b(self): ...
        class Mixin:
            def test_c(self): ...
        class TestMixed(Mixin): ...
    """
    assert names(source) == ["TestBase::test_a", "TestDerived::test_b", "Mixin::test_c"]
    assert read(source)["suites"] == 3


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("import unittest", "unittest.TestCase"),
        ("import unittest as u", "u.TestCase"),
        ("import unittest", "unittest.IsolatedAsyncioTestCase"),
        ("from unittest import TestCase", "TestCase"),
        ("from unittest import TestCase as T", "T"),
        ("from unittest.case import TestCase", "TestCase"),
        ("import unittest.case", "unittest.case.TestCase"),
        ("from django.test import TestCase", "TestCase"),
        ("from twisted.trial.unittest import SynchronousTestCase", "SynchronousTestCase"),
        ("from twisted.trial import unittest", "unittest.SynchronousTestCase"),
        ("import unittest\nBase = unittest.TestCase", "Base"),
        ("import unittest\nclass Base(unittest.TestCase): pass", "Base"),
        ("import unittest\nclass A(unittest.TestCase): pass\nclass Base(Mixin, A): pass", "Base"),
        ("from unittest import TestCase\nclass TestCase(TestCase): pass", "TestCase"),
    ],
)
def test_unittest_classes_of_any_name(imports: str, base: str) -> None:
    source = f"{imports}\nclass Anything({base}):\n    def test_a(self): ...\n    def other(self): ...\n"
    assert names(source) == ["Anything::test_a"]
    assert read(source)["framework"] == "unittest"


def test_class_that_is_only_called_a_test_case() -> None:
    assert names("from mine import TestCase\nclass Anything(TestCase):\n    def test_a(self): ...\n") == []


def test_unittest_class_keeps_its_constructor_and_hides_nested_classes() -> None:
    source = """
        import unittest
        class Case(unittest.TestCase):
            def __init__(self, name): ...
            def test_a(self): ...
            class TestNested:
                def test_no(self): ...
    """
    assert names(source) == ["Case::test_a"]


def test_class_that_derives_itself_or_a_circle_ends() -> None:
    source = """
        class TestA(TestA):
            def test_a(self): ...
        class TestB(TestC): ...
        class TestC(TestB):
            def test_c(self): ...
    """
    assert names(source) == ["TestA::test_a", "TestC::test_c"]


def test_definitions_under_conditions() -> None:
    source = """
        import sys
        from typing import TYPE_CHECKING
        if sys.platform == "win32":
            def test_if(): ...
        elif sys.platform == "x":
            def test_elif(): ...
        else:
            def test_else(): ...
        try:
            def test_try(): ...
        except ImportError:
            def test_except(): ...
        finally:
            def test_finally(): ...
        with x:
            class TestWith:
                if True:
                    def test_in_class(self): ...
        for _ in x:
            def test_for(): ...
        match x:
            case 1:
                def test_match(): ...
        if TYPE_CHECKING:
            def test_no(): ...
        if __name__ == "__main__":
            def test_nor_this(): ...
    """
    assert names(source) == [
        "test_if", "test_elif", "test_else", "test_try", "test_except", "test_finally",
        "TestWith::test_in_class", "test_for", "test_match",
    ]  # fmt: skip


def test_later_definition_replaces_the_earlier() -> None:
    source = "def test_a(): ...\ndef test_a(): ...\n"
    assert read(source)["cases"] == [{"name": "test_a", "line": 2, "status": "active"}]


def test_fixtures_and_properties_are_no_tests() -> None:
    source = """
        import pytest
        from pytest import fixture as fix
        @pytest.fixture
        def test_client(): ...
        @fix(scope="module")
        def test_app(): ...
        class TestA:
            @property
            def test_data(self): ...
            def test_a(self): ...
    """
    assert names(source) == ["TestA::test_a"]


def test_dunder_test_says_what_is_a_test() -> None:
    source = """
        class TestOff:
            __test__ = False
            def test_no(self): ...
        class TestOffToo(TestOff):
            def test_no(self): ...
        class TestOnAgain(TestOff):
            __test__ = True
            def test_a(self): ...
        class Wanted:
            __test__ = True
            def test_b(self): ...
    """
    # TestOnAgain runs the test that it inherits, too.
    assert names(source) == ["TestOff::test_no", "TestOnAgain::test_a", "Wanted::test_b"]
    assert names("__test__ = False\ndef test_a(): ...\n") == []


# Status


@pytest.mark.parametrize(
    ("decorator", "status"),
    [
        ("pytest.mark.skip", "skipped"),
        ("pytest.mark.skip(reason='x')", "skipped"),
        ("pytest.mark.skipif(sys.version_info < (3, 9), reason='x')", "skipped"),
        ("pytest.mark.xfail", "xfail"),
        ("pytest.mark.xfail(strict=True)", "xfail"),
        ("pytest.mark.slow", "active"),
        ("mark.skip", "skipped"),
        ("on_linux", "skipped"),
        ("unittest.skip('x')", "skipped"),
        ("unittest.skipIf(x, 'x')", "skipped"),
        ("unittest.skipUnless(x, 'x')", "skipped"),
        ("skip_it('x')", "skipped"),
        ("unittest.expectedFailure", "xfail"),
        ("unittest.mock.patch('x')", "active"),
        ("decorators[0]", "active"),
        ("(lambda f: f)", "active"),
    ],
)
def test_status_by_decorator(decorator: str, status: str) -> None:
    source = f"""
        import pytest, sys, unittest, unittest.mock
        from pytest import mark
        from unittest import skip as skip_it
        on_linux = pytest.mark.skipif("linux" not in sys.platform, reason="x")
        @{decorator}
        def test_a(): ...
        class TestA:
            @{decorator}
            def test_b(self): ...
        @{decorator}
        class TestB:
            class TestC:
                def test_c(self): ...
    """
    assert set(statuses(source).values()) == {status}


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("pytestmark = pytest.mark.skip", "skipped"),
        ("pytestmark = [pytest.mark.slow, pytest.mark.xfail(reason='x')]", "xfail"),
        ("pytestmark = (pytest.mark.slow,)", "active"),
        ("pytestmark: list = [pytest.mark.skip]", "skipped"),
        ("pytestmark: list", "active"),
        ("M = [pytest.mark.skip]\npytestmark = M", "skipped"),
        ("M = [pytest.mark.skip]\npytestmark = M + [pytest.mark.slow]", "skipped"),
        ("M = [pytest.mark.skip]\nM = M + [pytest.mark.slow]\npytestmark = M", "skipped"),
        ("pytest.skip('x', allow_module_level=True)", "skipped"),
        ("if x:\n    pytest.skip('x', allow_module_level=True)", "skipped"),
        ("raise unittest.SkipTest('x')", "skipped"),
        ("pytest.importorskip('x')", "skipped"),
        ("x = pytest.importorskip('x')", "skipped"),
    ],
)
def test_status_by_module(statement: str, status: str) -> None:
    source = (
        f"import pytest, unittest\n{statement}\ndef test_a(): ...\nclass TestA:\n    def test_b(self): ...\n"
    )
    assert set(statuses(source).values()) == {status}


def test_status_by_class_and_its_bases_in_the_file() -> None:
    source = """
        import pytest
        class TestA:
            pytestmark = [pytest.mark.skip]
            def test_a(self): ...
        class TestB(TestA):
            def test_b(self): ...
        class TestC:
            def test_c(self): ...
    """
    assert statuses(source) == {
        "TestA::test_a": "skipped",
        "TestB::test_b": "skipped",
        "TestC::test_c": "active",
    }


def test_skipped_wins_over_xfail() -> None:
    source = "import pytest\npytestmark = pytest.mark.xfail\n@pytest.mark.skip\ndef test_a(): ...\n"
    assert statuses(source) == {"test_a": "skipped"}


# Framework


@pytest.mark.parametrize(
    ("imports", "framework"),
    [
        ("", "pytest"),
        ("import pytest", "pytest"),
        ("from pytest import mark", "pytest"),
        ("import unittest", "unittest"),
        ("from unittest import TestCase", "unittest"),
        ("import unittest\nimport pytest", "pytest"),
        ("import pytest_asyncio\nimport unittest", "pytest"),
        ("from unittest import mock", "pytest"),
        ("import unittest.mock", "pytest"),
        ("from unittest.mock import Mock", "pytest"),
        ("from unittest import mock, TestCase", "unittest"),
        ("from .unittest import x", "pytest"),
        ("def f():\n    import unittest", "unittest"),
    ],
)
def test_framework_by_the_imports(imports: str, framework: str) -> None:
    assert read(f"{imports}\ndef test_a(): ...\n")["framework"] == framework


# Sources


@pytest.mark.parametrize(
    "source",
    [
        "\ufeffdef test_é(): ...\n".encode(),
        "# -*- coding: latin-1 -*-\ndef test_é(): ...\n".encode("latin-1"),
        "#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\ndef test_é(): ...\n".encode("cp1252"),
        "def test_é(): ...\r\n".encode(),
    ],
)
def test_encodings(source: bytes) -> None:
    assert read(source)["cases"][0]["name"] == "test_é"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"def test_a(:\n", "line 1: "),
        (b"x = 1\nprint 'python 2'\n", "line 2: Missing parentheses"),
        (b"def test_a():\n\tif x:\n        pass\n", "line 3: inconsistent use of tabs"),
        (b"x = 'caf\xe9'\n", "line 1: invalid or missing encoding declaration"),
        (b"#\n#\n#\nx = 'caf\xe9'\n", "is not utf-8: invalid continuation byte at byte 14"),
        (b"# coding: klingon\n", "line 1: unknown encoding: klingon"),
        (b"# coding: punycode\n", "declares the encoding punycode"),
        (b"# coding: rot13\n", ""),
        (b"\xef\xbb\xbf# coding: latin-1\n", "line 1: encoding problem: utf-8"),
        (b"x = '\0'\n", "holds a NUL byte"),
        (b"-" * 100_000 + b"1", "is too deeply nested"),
        (b"a" + b".b" * 100_000, "is too deeply nested"),
        (b"(" * 10_000, "line 1: too many nested parentheses"),
        (b"1" * 10_000, "line 1: Exceeds the limit"),
    ],
)
def test_what_does_not_parse_has_a_reason(source: bytes, reason: str) -> None:
    with pytest.raises(SourceUnreadable) as raised:
        summary(source)
    assert str(raised.value).startswith(reason)
    assert 0 < len(str(raised.value)) <= 200


def test_parser_warnings_are_neither_shown_nor_errors() -> None:
    assert names("import re\nre.compile('\\d')\n1 is 1\ndef test_a(): ...\n") == ["test_a"]


def test_nothing_is_imported_or_run() -> None:
    assert names("import sooner_never_there\nraise SystemExit\ndef test_a(): ...\n") == ["test_a"]
    assert "sooner_never_there" not in sys.modules


@pytest.mark.parametrize(
    "source",
    [
        "class A0: ...\n" + "".join(f"class A{n}(A{n - 1}): ...\n" for n in range(1, 10_000)),
        "if a: ...\n" + "elif a: ...\n" * 300 + "else:\n    def test_a(): ...\n",
        "@" + "a" * 500_000 + "\ndef test_a(): ...\n",
    ],
)
def test_what_grows_with_the_file_ends(source: str) -> None:
    assert len(read(source)["cases"]) <= 1


def test_chain_of_aliases_takes_bounded_memory() -> None:
    source = "a0 = b\n" + "".join(f"a{n} = a{n - 1}.b\n" for n in range(1, 20_000))
    tracemalloc.start()
    summary(source.encode())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * MIB
