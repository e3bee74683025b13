"""Names outside an archive whose meaning for tests is known."""

import builtins
import sys

#: The classes that are unittest's or derive it, by module.
_TEST_CASES = {
    "unittest": "TestCase IsolatedAsyncioTestCase FunctionTestCase",
    "unittest.case": "TestCase FunctionTestCase",
    "unittest.async_case": "IsolatedAsyncioTestCase",
    "unittest2": "TestCase",
    "absl.testing.absltest": "TestCase",
    "absl.testing.parameterized": "TestCase CoopTestCase",
    "aiohttp.test_utils": "AioHTTPTestCase",
    "aiounittest": "AsyncTestCase",
    "asynctest": "TestCase ClockedTestCase",
    "channels.testing": "ChannelsLiveServerTestCase",
    "django.contrib.admin.tests": "AdminSeleniumTestCase",
    "django.contrib.staticfiles.testing": "StaticLiveServerTestCase",
    "django.test": "SimpleTestCase TransactionTestCase TestCase LiveServerTestCase",
    "django.test.selenium": "SeleniumTestCase",
    "django.test.testcases": "SimpleTestCase TransactionTestCase TestCase LiveServerTestCase",
    "django_webtest": "WebTest TransactionWebTest",
    "fixtures": "TestWithFixtures",
    "flask_testing": "TestCase LiveServerTestCase",
    "flask_unittest": "ClientTestCase AppTestCase AppClientTestCase LiveTestCase",
    "graphene_django.utils.testing": "GraphQLTestCase GraphQLTransactionTestCase",
    "hypothesis.extra.django": "TestCase TransactionTestCase LiveServerTestCase StaticLiveServerTestCase",
    "numpy.testing": "TestCase",
    "odoo.tests": "TransactionCase SingleTransactionCase HttpCase BaseCase",
    "odoo.tests.common": "TransactionCase SavepointCase SingleTransactionCase HttpCase BaseCase",
    "oslotest.base": "BaseTestCase",
    "pyfakefs.fake_filesystem_unittest": "TestCase",
    "rest_framework.test": "APISimpleTestCase APITransactionTestCase APITestCase APILiveServerTestCase",
    "snapshottest": "TestCase",
    "tensorflow": "test.TestCase",
    "testscenarios": "TestWithScenarios",
    "testtools": "TestCase",
    "testtools.testcase": "TestCase",
    "torch.testing._internal.common_utils": "TestCase",
    "tornado.testing": "AsyncTestCase AsyncHTTPTestCase AsyncHTTPSTestCase",
    "twisted.trial._asynctest": "TestCase",
    "twisted.trial._synctest": "SynchronousTestCase",
    "twisted.trial.unittest": "TestCase SynchronousTestCase",
    "wagtail.test.utils": "WagtailPageTestCase WagtailPageTests",
}
_UNITTEST = frozenset(f"{module}.{name}" for module, names in _TEST_CASES.items() for name in names.split())
_CONSTRUCTED = frozenset(
    [f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")]
    + [
        f"{module}.{name}"
        for module in ("typing", "typing_extensions")
        for name in ("NamedTuple", "Protocol", "TypedDict")
    ]
    + ["collections.namedtuple", "collections.OrderedDict", "collections.UserDict", "collections.defaultdict"]
    + [
        "threading.Thread",
        "collections.UserList",
        "collections.deque",
        "pydantic.BaseModel",
        "ast.NodeVisitor",
    ]
)
_BUILTINS = frozenset(f"@{name}" for name, value in vars(builtins).items() if isinstance(value, type))
_DATACLASSES = frozenset(
    {
        *("dataclasses.dataclass", "attr.s", "attr.attrs", "attr.define", "attr.dataclass", "attr.frozen"),
        *("attrs.define", "attrs.frozen", "attrs.mutable", "pydantic.dataclasses.dataclass"),
    }
)
_CONTEXTS = frozenset(
    {
        *("contextlib.ContextDecorator", "contextlib.AsyncContextDecorator"),
        *("contextlib.contextmanager", "contextlib.asynccontextmanager"),
        *("django.utils.translation.override", "django.utils.timezone.override"),
        *("django.db.transaction.atomic", "django.db.transaction.Atomic"),
    }
)
_NO_TESTS = frozenset(
    {
        *("pytest.fixture", "pytest.yield_fixture", "_pytest.fixtures.fixture"),
        *("pytest_asyncio.fixture", "@property", "functools.cached_property"),
    }
)


def is_test_case(name: str) -> bool:
    """Whether a class is unittest's, or derives it."""
    return name in _UNITTEST


def makes_test_cases(method: str) -> bool:
    """Whether a method makes a unittest.TestCase of its class for each of several set-ups, as twisted's reactor tests do."""
    return method == "makeTestCaseClasses"


def is_trial(name: str) -> bool:
    """Whether a class is trial's."""
    return name.startswith("twisted.trial.") and is_test_case(name)


def has_constructor(name: str) -> bool:
    """Whether a class brings a constructor, so that pytest does not collect what derives it."""
    return name in _CONSTRUCTED or (name in _BUILTINS and name != "@object")


def makes_constructor(decorator: str) -> bool:
    """Whether a decorator gives a class a constructor."""
    return decorator in _DATACLASSES


def makes_function(decorator: str) -> bool:
    """Whether a decorator, or what derives it, makes a function of a class: no runner finds its tests."""
    return decorator in _CONTEXTS


def is_no_test(decorator: str) -> bool:
    """Whether a decorator makes a function something else than a test."""
    return decorator in _NO_TESTS


def is_plain(name: str) -> bool:
    """Whether a class is known not to be unittest's: the standard library has no other such class."""
    return name in _BUILTINS or name.partition(".")[0] in sys.stdlib_module_names
