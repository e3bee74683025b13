"""Tests whose bases, marks and settings lie in other files of the archive."""

from __future__ import annotations

import pytest

from src.inventory import Inventory
from tests.inventory.build import TEST, inventory_of, statuses_of

CASE = "import unittest\nclass {}(unittest.TestCase):\n    def test_a(self): ...\n"


def found(document: Inventory) -> dict[str, list[str]]:
    return {entry["path"]: [case["name"] for case in entry["cases"]] for entry in document["entries"]}


def frameworks(document: Inventory) -> dict[str, str]:
    return {entry["path"]: entry["framework"] for entry in document["entries"]}


# Names, resolved over the whole archive


@pytest.mark.parametrize(
    ("path", "imports", "base", "others"),
    [
        ("test_a.py", "from mid import Mid", "Mid", {"mid.py": "from base import Own\nclass Mid(Own): ...\n"}),
        ("test_a.py", "import base", "base.Own", {}),
        ("test_a.py", "import base as b", "b.Own", {}),
        ("test_a.py", "from base import *", "Own", {}),
        ("test_a.py", "from star import Own", "Own", {"star.py": "from base import *\n"}),
        ("test_a.py", "from pkg import Own", "Own", {"pkg/__init__.py": "from .inner import Own\n", "pkg/inner.py": "from base import Own\n"}),
        ("test_a.py", "import pkg.inner", "pkg.inner.Own", {"pkg/__init__.py": "", "pkg/inner.py": "from base import Own\n"}),
        ("test_a.py", "from pkg import inner", "inner.Own", {"pkg/__init__.py": "", "pkg/inner.py": "from base import Own\n"}),
        ("t/test_a.py", "from .helpers import Own", "Own", {"t/__init__.py": "", "t/helpers.py": "from base import Own\n"}),
        ("t/u/test_a.py", "from ..helpers import Own", "Own", {"t/helpers.py": "from base import Own\n"}),
        ("t/u/test_a.py", "from .. import helpers", "helpers.Own", {"t/helpers.py": "from base import Own\n"}),
        ("t/test_a.py", "from lib import Own", "Own", {"src/lib/__init__.py": "from base import Own\n"}),
        ("test_a.py", "from helpers import Holder", "Holder.Inner", {"helpers.py": "from base import Own\nclass Holder:\n    class Inner(Own): ...\n"}),
        ("test_a.py", "from helpers import Alias", "Alias", {"helpers.py": "import base\nAlias = base.Own\n"}),
        ("test_a.py", "try:\n    from base import Own\nexcept ImportError:\n    Own = object", "Own", {}),
        ("test_a.py", "if True:\n    from base import Own", "Own", {}),
        ("test_a.py", "from base import Own\nfrom typing import Generic", "Own, Generic[int]", {}),
        ("test_a.py", "from six import with_metaclass\nfrom base import Own", "with_metaclass(type, Own)", {}),
    ],
)  # fmt: skip
def test_base_in_another_file(path: str, imports: str, base: str, others: dict[str, str]) -> None:
    base_file = {"base.py": "import unittest\nclass Own(unittest.TestCase): ...\n"}
    source = f"{imports}\nclass Check({base}):\n    def test_a(self): ...\n"
    document = inventory_of({path: source, **base_file, **others})
    assert (found(document), document["undecided"]) == ({path: ["Check::test_a"]}, [])
    assert frameworks(document) == {path: "unittest"}


def test_a_class_that_its_decorator_makes_a_function_of_is_none() -> None:
    helpers = """
        from contextlib import ContextDecorator, contextmanager
        class override(ContextDecorator): ...
        class settings(ContextDecorator):
            def __call__(self, decorated): return decorated
        @contextmanager
        def frozen(): yield
        """
    source = """
        import unittest, helpers
        from django.utils import translation
        @helpers.override("de")
        class A(unittest.TestCase):
            def test_never(self): ...
        @helpers.frozen()
        class B(unittest.TestCase):
            def test_never(self): ...
        @translation.override("de")
        class C(unittest.TestCase):
            def test_never(self): ...
        @helpers.settings(a=1)
        class D(unittest.TestCase):
            def test_one(self): ...
            @translation.override("de")
            def test_two(self): ...
        """
    document = inventory_of({"helpers.py": helpers, "test_a.py": source})
    assert (found(document), document["undecided"]) == ({"test_a.py": ["D::test_one", "D::test_two"]}, [])


def test_unittest_by_another_files_name() -> None:
    document = inventory_of(
        {
            "__init__.py": "",
            "helpers.py": "import unittest\n",
            "test_a.py": "from helpers import unittest\nclass Checks(unittest.TestCase):\n    def test_1(self): ...\n",
        }
    )
    assert (found(document), frameworks(document)) == (
        {"test_a.py": ["Checks::test_1"]},
        {"test_a.py": "unittest"},
    )


def test_methods_of_a_mixin_count_once_where_they_are_written() -> None:
    document = inventory_of(
        {
            "mixin.py": "class Mixin:\n    def test_1(self): ...\n    def test_hidden(self): ...\n",
            "test_a.py": """
                import unittest
                from mixin import Mixin
                class A(Mixin, unittest.TestCase):
                    def test_2(self): ...
                    def test_hidden(self): ...
                class B(A): ...
            """,
        }
    )
    assert found(document) == {"mixin.py": ["Mixin::test_1"], "test_a.py": ["A::test_2", "A::test_hidden"]}
    assert (document["suites"], frameworks(document)["mixin.py"]) == (2, "unittest")


def test_base_in_a_file_that_is_no_test_file() -> None:
    document = inventory_of(
        {
            "base.py": "class Base:\n    def test_1(self): ...\n    def test_2(self): ...\n",
            "test_a.py": "from base import Base\nclass TestA(Base):\n    def test_3(self): ...\n",
        }
    )
    assert found(document) == {"base.py": ["Base::test_1", "Base::test_2"], "test_a.py": ["TestA::test_3"]}
    assert document["suites"] == 1


def test_constructor_of_a_base_in_another_file() -> None:
    document = inventory_of(
        {
            "base.py": "class Base:\n    def __init__(self): ...\n",
            "test_a.py": "from base import Base\nclass TestA(Base):\n    def test_no(self): ...\n",
        }
    )
    assert document["tests"] == 0


def test_imported_tests_count_in_the_file_that_has_them() -> None:
    document = inventory_of(
        {
            "shared.py": "def test_shared(): ...\nclass TestShared:\n    def test_in(self): ...\n",
            "test_a.py": "from shared import test_shared, TestShared\n",
            "test_b.py": "from shared import *\n",
        }
    )
    assert found(document) == {"shared.py": ["test_shared", "TestShared::test_in"]}


def test_star_imports_heed_all() -> None:
    document = inventory_of(
        {
            "shared.py": "__all__ = ['test_a']\n__all__ += ['test_b']\ndef test_a(): ...\ndef test_b(): ...\ndef test_c(): ...\n",
            "test_x.py": "from shared import *\n",
        }
    )
    assert found(document) == {"shared.py": ["test_a", "test_b"]}


def test_marks_in_another_file() -> None:
    document = inventory_of(
        {
            "marks.py": "import pytest\nslow = pytest.mark.skip('slow')\nboth = [slow, pytest.mark.xfail]\n",
            "test_a.py": "from marks import slow\n@slow\ndef test_a(): ...\ndef test_b(): ...\n",
            "test_c.py": "import marks\npytestmark = marks.both\ndef test_c(): ...\n",
        }
    )
    assert statuses_of(document) == {"test_a": "skipped", "test_b": "active", "test_c": "skipped"}


def test_test_run_in_two_places_has_the_status_of_the_less_skipped() -> None:
    document = inventory_of(
        {
            "test_a.py": """
                import pytest
                class Mixin:
                    def test_a(self): ...
                class TestOff(Mixin):
                    pytestmark = pytest.mark.skip
                class TestOn(Mixin): ...
            """
        }
    )
    assert statuses_of(document) == {"Mixin::test_a": "active"}


@pytest.mark.parametrize(
    ("source", "others"),
    [
        ("class A(B): ...\nclass B(A): ...\n", {}),
        ("from b import *\nfrom b import X\nclass A(X): ...\n", {"b.py": "from test_a import *\nfrom test_a import X\n"}),
        ("from test_a import A\nclass B(A): ...\n", {}),
        ("x = y\ny = x\nclass A(x): ...\n", {}),
        ("class TestA:\n    class TestB(TestA): ...\n    TestC = TestB\n", {}),
    ],
)  # fmt: skip
def test_circles_end(source: str, others: dict[str, str]) -> None:
    assert inventory_of({"test_a.py": source + "def test_a(): ...\n", **others})["tests"] == 1


# What only running would tell


@pytest.mark.parametrize(
    ("head", "base", "reason"),
    [
        ("import unittest\ndef make(): return unittest.TestCase\n", "make()", "make()"),
        ("from far.away import Base\n", "Base", "far.away.Base"),
        ("from far.away import *\n", "Base", "far.away.Base"),
        ("import unittest\nBase = vars(unittest)['TestCase']\n", "Base", "Base"),
        ("from helpers import Base\n", "Base", "make()"),
        ("from broken import Base\n", "Base", "broken.Base"),
    ],
)
def test_undecided_base_is_named(head: str, base: str, reason: str) -> None:
    files: dict[str, str | bytes] = {
        "helpers.py": "def make(): ...\nBase = make()\n",
        "broken.py": "class (unittest\n",
        "test_a.py": f"{head}class Check({base}):\n    def test_a(self): ...\n",
    }
    document = inventory_of(files)
    [undecided] = document["undecided"]
    line = head.count("\n") + 1
    assert (undecided["path"], undecided["line"], undecided["name"]) == ("test_a.py", line, "Check")
    assert reason in undecided["reason"]
    assert (document["tests"], document["unreadable"]) == (0, [])


def test_class_by_its_name_counts_and_its_base_is_named() -> None:
    source = "class TestA(make()):\n    def test_a(self): ...\n"
    document = inventory_of({"test_a.py": source})
    assert document["tests"] == 1
    assert [(each["name"], each["line"]) for each in document["undecided"]] == [("TestA", 1)]


def test_nothing_is_undecided_about_a_class_without_tests_or_with_a_known_base() -> None:
    source = """
        import abc, collections, threading
        from far import Away
        class Helper(Away):
            def check(self): ...
        class Stub(threading.Thread):
            def test_no(self): ...
        class Plain(abc.ABC):
            def test_no(self): ...
        class Row(collections.namedtuple("Row", "a b")):
            def test_no(self): ...
        class TestRow(collections.namedtuple("TestRow", "a b")):
            def test_no(self): ...
    """
    document = inventory_of({"test_a.py": source})
    assert (document["tests"], document["undecided"]) == (0, [])


def test_classes_that_a_class_makes_of_itself() -> None:
    source = """
        from reactors import Builder
        class TimeTests(Builder):
            def test_a(self): ...
        class OtherTests(Builder):
            def test_b(self): ...
        globals().update(TimeTests.makeTestCaseClasses())
        globals().update(OtherTests.variants())
    """
    document = inventory_of({"test_a.py": source, "reactors.py": "class Builder: ...\n"})
    assert found(document) == {"test_a.py": ["TimeTests::test_a"]}
    assert [each["name"] for each in document["undecided"]] == ["OtherTests"]


@pytest.mark.parametrize(
    "base",
    [
        "rest_framework.test.APITestCase",
        "aiohttp.test_utils.AioHTTPTestCase",
        "tornado.testing.AsyncHTTPTestCase",
        "absl.testing.parameterized.TestCase",
        "twisted.trial.unittest.SynchronousTestCase",
        "testtools.TestCase",
        "django.contrib.staticfiles.testing.StaticLiveServerTestCase",
        "hypothesis.extra.django.TestCase",
    ],
)
def test_known_relatives_of_unittest(base: str) -> None:
    module, _, name = base.rpartition(".")
    source = f"from {module} import {name}\nclass Check({name}):\n    def test_a(self): ...\n"
    document = inventory_of({"test_a.py": source})
    assert (found(document), frameworks(document)) == (
        {"test_a.py": ["Check::test_a"]},
        {"test_a.py": "unittest"},
    )


# What is a test


def test_what_is_assigned() -> None:
    source = """
        def check(): pass
        test_alias = check
        test_lambda = lambda: None
        def _f(): pass
        test_partial = __import__("functools").partial(_f)
        def make():
            def inner(): ...
            return inner
        test_made = make()
        test_data = load()
        test_number = 1
        class TestA:
            def _x(self): pass
            test_y = _x
            test_z = 3
    """
    assert found(inventory_of({"test_a.py": source})) == {
        "test_a.py": ["test_alias", "test_lambda", "test_partial", "test_made", "TestA::test_y"]
    }


def test_what_is_deleted_or_overwritten() -> None:
    source = """
        def test_a(): pass
        def test_b(): pass
        del test_b
        test_c = None
        def test_d(): pass
        test_d = None
        class TestA:
            def test_e(self): ...
            def test_f(self): ...
            del test_f
        class TestB(TestA):
            test_e = None
        try:
            def test_g(): ...
        except ImportError:
            test_g = None
        class Base: ...
        class TestGone(Base):
            def test_h(self): ...
        del TestGone
    """
    assert found(inventory_of({"test_a.py": source})) == {"test_a.py": ["test_a", "TestA::test_e", "test_g"]}


def test_what_says_of_itself_that_it_is_no_test() -> None:
    source = """
        def test_a(): pass
        test_a.__test__ = False
        class TestX:
            __test__ = False
            def test_b(self): pass
        class TestY:
            def test_c(self): pass
        TestY.__test__ = False
    """
    assert inventory_of({"test_a.py": source})["tests"] == 0


def test_run_test_counts_where_it_is_the_only_test() -> None:
    source = """
        import unittest
        class One(unittest.TestCase):
            def runTest(self): ...
        class Other(unittest.TestCase):
            def runTest(self): ...
            def test_a(self): ...
    """
    assert found(inventory_of({"test_a.py": source})) == {"test_a.py": ["One::runTest", "Other::test_a"]}


def test_classes_that_cannot_be_made_without_arguments() -> None:
    source = """
        import enum, typing
        from dataclasses import dataclass
        class TestA:
            def __init__(self): pass
            def test_a(self): pass
        class TestB:
            def __new__(cls): pass
            def test_b(self): pass
        @dataclass
        class TestC:
            def test_c(self): pass
        class TestD(enum.Enum):
            def test_d(self): pass
        class TestE(typing.NamedTuple):
            def test_e(self): pass
        class TestG(Exception):
            def test_g(self): pass
        class TestH(typing.Protocol):
            def test_h(self): pass
        class TestI(dict):
            def test_i(self): pass
    """
    document = inventory_of({"test_a.py": source})
    assert (document["tests"], document["suites"], document["undecided"]) == (0, 0, [])


# Status


@pytest.mark.parametrize(
    "lines",
    [
        "pytestmark: list = [pytest.mark.skip]",
        "M = [pytest.mark.skip]\npytestmark = M",
        "M = [pytest.mark.skip]\npytestmark = M + [pytest.mark.slow]",
        "M = [pytest.mark.skip]\npytestmark = [*M, pytest.mark.slow]",
        "pytestmark = []\npytestmark += [pytest.mark.skip]",
        "pytestmark = []\npytestmark.append(pytest.mark.skip('x'))",
        "pytestmark = []\npytestmark.extend([pytest.mark.skip])",
        "pytestmark = pytest.mark.skip if x else []",
        "from marks import pytestmark",
        'pytest.importorskip("zz")',
        'zz = pytest.importorskip("zz")',
    ],
)
def test_spellings_of_a_skipped_module(lines: str) -> None:
    marks = "import pytest\npytestmark = pytest.mark.skip\n"
    document = inventory_of({"test_a.py": f"import pytest\n{lines}\ndef test_a(): pass\n", "marks.py": marks})
    assert statuses_of(document) == {"test_a": "skipped"}


def test_trials_attributes() -> None:
    source = """
        from twisted.trial.unittest import SynchronousTestCase
        from twisted.trial import unittest
        class A(SynchronousTestCase):
            def test_a(self): pass
            def test_skip(self): pass
            test_skip.skip = "later"
            def test_todo(self): pass
            test_todo.todo = "later"
            def test_on(self): pass
            test_on.skip = None
        class B(unittest.SynchronousTestCase):
            skip = "later"
            def test_b(self): pass
        class C(unittest.TestCase):
            if nothing:
                skip = "later"
            def test_c(self): pass
        class TestPlain:
            skip = "of no meaning"
            def test_d(self): pass
    """
    assert statuses_of(inventory_of({"test_a.py": source})) == {
        "A::test_a": "active",
        "A::test_skip": "skipped",
        "A::test_todo": "todo",
        "A::test_on": "active",
        "B::test_b": "skipped",
        "C::test_c": "skipped",
        "TestPlain::test_d": "active",
    }


# Settings


NAMES: dict[str, str | bytes] = {
    "check_a.py": "def check_a(): ...\nclass CheckX:\n    def check_b(self): ...\ndef test_no(): ...\n",
    "test_b.py": TEST,
}
CHECKS = {"check_a.py": ["check_a", "CheckX::check_b"]}
VALUES = "python_files = check_*.py\npython_classes = Check\npython_functions = check_\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pytest.ini", f"[pytest]\n{VALUES}"),
        (".pytest.ini", f"[pytest]\n{VALUES}"),
        ("tox.ini", f"[tox]\nenvlist = a\n[pytest]\n{VALUES}"),
        ("setup.cfg", f"[metadata]\nname = a\n[tool:pytest]\n{VALUES}"),
        ("pyproject.toml", '[tool.pytest.ini_options]\npython_files = "check_*.py"\npython_classes = ["Check"]\npython_functions = "check_"\n'),
        ("pyproject.toml", '[tool.pytest]\npython_files = ["check_*.py"]\npython_classes = ["Check*"]\npython_functions = ["check_*"]\n'),
        ("pytest.toml", '[pytest]\npython_files = ["check_*.py"]\npython_classes = ["Check"]\npython_functions = ["check_"]\n'),
    ],
)  # fmt: skip
def test_names_by_settings(name: str, content: str) -> None:
    assert found(inventory_of({**NAMES, name: content})) == CHECKS


@pytest.mark.parametrize(
    ("files", "is_checks"),
    [
        ({"pytest.ini": "", "pyproject.toml": f"[tool.pytest.ini_options]\n{VALUES}"}, False),
        ({"pytest.ini": f"[pytest]\n{VALUES}", "tox.ini": "[pytest]\n"}, True),
        ({"pyproject.toml": "[tool.other]\n", "tox.ini": f"[pytest]\n{VALUES}"}, True),
        ({"tox.ini": "[tox]\n", "setup.cfg": f"[tool:pytest]\n{VALUES}"}, True),
        ({"tox.ini": "[pytest]\n", "setup.cfg": f"[tool:pytest]\n{VALUES}"}, False),
        ({"setup.cfg": f"[pytest]\n{VALUES}"}, False),
    ],
)
def test_precedence_of_settings(files: dict[str, str | bytes], is_checks: bool) -> None:
    expected = CHECKS if is_checks else {"test_b.py": ["test_one"]}
    assert found(inventory_of(NAMES | files)) == expected


def test_folders_by_settings() -> None:
    settings = "[pytest]\ntestpaths = tests more/*\nnorecursedirs = skipme deep/er\n"
    files: dict[str, str | bytes] = dict.fromkeys(
        (
            *("tests/test_a.py", "tests/build/test_b.py", "more/one/test_c.py"),
            *("tests/skipme/test_x.py", "other/test_x.py", "tests/deep/er/test_x.py", "test_x.py"),
        ),
        TEST,
    )
    assert sorted(found(inventory_of({"pytest.ini": settings, **files}))) == [
        "more/one/test_c.py",
        "tests/build/test_b.py",
        "tests/test_a.py",
    ]


def test_paths_that_are_not_there_leave_pytest_where_it_is() -> None:
    assert inventory_of({"pytest.ini": "[pytest]\ntestpaths = nowhere\n", "test_a.py": TEST})["tests"] == 1


def test_what_a_conftest_ignores() -> None:
    files: dict[str, str | bytes] = {
        "conftest.py": "collect_ignore = ['test_b.py']\ncollect_ignore_glob = ['test_c*.py']\ncollect_ignore.append('sub')\n"
        "if nothing:\n    collect_ignore.append('test_a.py')\n",
        **dict.fromkeys(("test_a.py", "test_b.py", "test_c1.py", "sub/test_d.py", "other/test_b.py"), TEST),
    }
    assert sorted(found(inventory_of(files))) == ["other/test_b.py", "test_a.py"]


def test_what_options_ignore() -> None:
    files: dict[str, str | bytes] = {
        "pytest.ini": "[pytest]\naddopts = -q --ignore=old --ignore-glob 'gen*'\n",
        **dict.fromkeys(("test_a.py", "old/test_b.py", "gen1/test_c.py"), TEST),
    }
    assert sorted(found(inventory_of(files))) == ["test_a.py"]


def test_settings_nearest_to_a_file_hold() -> None:
    files: dict[str, str | bytes] = {
        "pytest.ini": "[pytest]\ntestpaths = tests\nnorecursedirs = samples\n",
        "tests/test_a.py": TEST,
        "examples/one/pytest.ini": f"[pytest]\n{VALUES}",
        "examples/one/check_b.py": "def check_b(): ...\n",
        "tests/samples/pytest.ini": "[pytest]\n",
        "tests/samples/test_c.py": TEST,
    }
    assert sorted(found(inventory_of(files))) == ["examples/one/check_b.py", "tests/test_a.py"]


def test_settings_that_cannot_be_read_are_told() -> None:
    document = inventory_of({"pyproject.toml": "[tool.pytest\n", "test_a.py": TEST})
    [unreadable] = document["unreadable"]
    assert (document["tests"], unreadable["path"]) == (1, "pyproject.toml")
    assert unreadable["reason"].startswith("has settings for pytest that cannot be read: ")


def test_files_that_unittest_and_django_find() -> None:
    files: dict[str, str | bytes] = {
        name: CASE.format("T") + TEST.decode()
        for name in ("tests.py", "testfoo.py", "test_a.py", "test-b.py")
    }
    document = inventory_of({**files, "other.py": CASE.format("T")})
    assert found(document) == {
        "test_a.py": ["T::test_a", "test_one"],
        "testfoo.py": ["T::test_a"],
        "tests.py": ["T::test_a"],
    }
    assert found(inventory_of({**files, "pytest.ini": ""})) == {"test_a.py": ["T::test_a", "test_one"]}


@pytest.mark.parametrize("folder", ["build", "dist", "venv", ".x", "node_modules"])
def test_name_of_the_leading_folder_says_nothing(folder: str) -> None:
    assert inventory_of({f"{folder}/tests/test_a.py": TEST, f"{folder}/setup.py": ""})["tests"] == 1
    assert inventory_of({f"{folder}/tests/test_a.py": TEST, "setup.py": ""})["tests"] == 0


def test_framework_by_the_base_of_the_classes() -> None:
    files: dict[str, str | bytes] = {
        "base.py": "import unittest\nclass B(unittest.TestCase): ...\n",
        "test_a.py": "from base import B\nclass TestX(B):\n    def test_1(self): ...\n",
        "test_b.py": "import pytest\nfrom base import B\nclass TestX(B):\n    def test_1(self): ...\n",
    }
    assert frameworks(inventory_of(files)) == {"test_a.py": "unittest", "test_b.py": "pytest"}
