"""C#'s tests: xUnit, NUnit and MSTest, by what each of them runs."""

import pytest

from tests.inventory.build import entries_of, inventory_of, statuses_of


def statuses(source: str) -> dict[str, str]:
    return statuses_of(inventory_of({"p/tests/ThingTests.cs": source}))


def test_one_entry_has_the_suites_and_tests_of_a_file() -> None:
    source = """\
        using Xunit;

        namespace A.B;

        public class ThingTests : IDisposable
        {
            [Fact]
            public void One() { }

            [Theory, InlineData(1)]
            [InlineData(2)]
            public async Task Each(int number) { }

            [SkippableFact] public void Custom() => Assert.True(true);

            public class Inside { [Xunit.Fact] public void Nested() { } }
            internal class Hidden { [Fact] public void Unseen() { } }
            [property: Test] [Own.Test] private void Made() { } // [Fact] public void Comment() { }
            public void Helper() { var text = "[Fact] public void Text() { }"; }
        #if NET8_0_OR_GREATER
            [Fact] public void Newer() { }
        #else
            [Fact] public void Older() { }
        #endif
        #if NET8_0_OR_GREATER
            [Fact]
        #else
            [Fact(Skip = "old")]
        #endif
            [Trait("a", "b")]
            public void Either() { }
        #if false
            [Fact] public void Never() { }
        #endif
        }
    """
    assert entries_of({"p/ThingTests.cs": source})["p/ThingTests.cs"] == {
        "path": "p/ThingTests.cs",
        "language": "csharp",
        "framework": "xunit",
        "suites": 2,
        "tests": 7,
        "cases": [
            {"name": "ThingTests::One", "line": 8, "status": "active"},
            {"name": "ThingTests::Each", "line": 12, "status": "active"},
            {"name": "ThingTests::Custom", "line": 14, "status": "active"},
            {"name": "ThingTests::Inside::Nested", "line": 16, "status": "active"},
            {"name": "ThingTests::Newer", "line": 21, "status": "active"},
            {"name": "ThingTests::Older", "line": 23, "status": "active"},
            {"name": "ThingTests::Either", "line": 31, "status": "skipped"},
        ],
    }


def test_nunit() -> None:
    source = """\
        using NUnit.Framework;
        [TestFixture]
        class ThingTests {
            [Test] public void Active() { if (off) Assert.Ignore(); }
            [TestCase(1), TestCase(2)] public void Each(int number) { }
            [TestCase<int>(1)] public void Typed<T>(T value) { }
            [TestCaseSource(nameof(All))] public void FromSource() { }
            [Theory] public void Idea(bool value) { }
            [Test, Ignore("why")] public void Ignored() { }
            [Test] [Explicit] public void OnDemand() { }
            [Test] public void Ignores() { Assert.Ignore("why"); }
            [Test] public void Unsure() { Assert.Inconclusive(); }
            [SetUp] public void Before() { }
        }
        [Ignore("all")] public class OtherTests { [Test] public void One() { } }
    """
    assert statuses(source) == {
        "ThingTests::Active": "active",
        "ThingTests::Each": "active",
        "ThingTests::Typed": "active",
        "ThingTests::FromSource": "active",
        "ThingTests::Idea": "active",
        "ThingTests::Ignored": "skipped",
        "ThingTests::OnDemand": "skipped",
        "ThingTests::Ignores": "skipped",
        "ThingTests::Unsure": "skipped",
        "OtherTests::One": "skipped",
    }


def test_mstest_wants_its_classes_marked() -> None:
    source = """\
        using Microsoft.VisualStudio.TestTools.UnitTesting;
        [TestClass] public class ThingTests {
            [TestMethod] public void One() { }
            [DataTestMethod, DataRow(1)] public void Each(int number) { }
            [TestMethod, Ignore] public void Ignored() { }
        }
        [STATestClass] public sealed class OtherTests { [STATestMethod] public void Apart() { } }
        public class Unmarked { [TestMethod] public void Never() { } }
    """
    assert statuses(source) == {
        "ThingTests::One": "active",
        "ThingTests::Each": "active",
        "ThingTests::Ignored": "skipped",
        "OtherTests::Apart": "active",
    }


def test_skipped_facts() -> None:
    source = """\
        using Xunit;
        public class ThingTests {
            [Fact(Skip = "why")] public void One() { }
            [Theory(DisplayName = "x", Skip = Why)] public void Two() { }
            [Fact(Skip = null)] public void Three() { }
            [Fact] public void Four() { Assert.Skip("why"); }
        }
    """
    assert statuses(source) == {
        "ThingTests::One": "skipped",
        "ThingTests::Two": "skipped",
        "ThingTests::Three": "active",
        "ThingTests::Four": "skipped",
    }


def test_an_abstract_class_counts_where_it_is_written_once_another_one_derives_it() -> None:
    files = {
        "p/Base.cs": "using Xunit;\npublic abstract class Base<T> { [Fact] public void Inherited() { } }",
        "p/ThingTests.cs": "public class ThingTests : Base<int> { }",
        "p/AloneTests.cs": "using Xunit;\npublic abstract class AloneTests { [Fact] public void Never() { } }",
    }
    entries = entries_of(files)
    assert {path: (each["suites"], each["tests"]) for path, each in entries.items()} == {
        "p/Base.cs": (0, 1),
        "p/ThingTests.cs": (1, 0),
    }
    assert entries["p/ThingTests.cs"]["framework"] == "xunit"


@pytest.mark.parametrize(
    ("project", "marks", "framework"),
    [
        ('<PackageReference Include="NUnit" />', "[Theory]", "nunit"),
        ('<Using Include="Xunit" />', "[Theory]", "xunit"),
        ('<PackageReference Include="xunit.v3" />', "[Test]", "nunit"),
        ("", "[Theory]", "xunit"),
    ],
)
def test_a_project_names_the_framework_where_no_using_does(project: str, marks: str, framework: str) -> None:
    files = {
        "p/Directory.Build.props": '<PackageReference Include="MSTest" />',
        "p/tests/Tests.csproj": project,
        "p/tests/a/ATests.cs": f"public class ATests {{ {marks} public void One() {{ }} }}",
    }
    assert {path: each["framework"] for path, each in entries_of(files).items()} == {
        "p/tests/a/ATests.cs": framework
    }


def test_sources_in_utf16_and_directives_at_the_end_are_read() -> None:
    source = "using Xunit;\npublic class ATests { [Fact] public void One() { } }\n#pragma warning restore 618"
    inventory = inventory_of({"p/ATests.cs": source.encode("utf-16"), "p/BTests.cs": source})
    assert (inventory["tests"], inventory["unreadable"]) == (2, [])
