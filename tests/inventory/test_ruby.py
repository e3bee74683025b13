"""Ruby: RSpec, minitest and test-unit, by what each of them runs."""

from __future__ import annotations

import pytest

from src.inventory import Inventory
from tests.inventory.build import entries_of, inventory_of


def statuses(source: str, path: str = "p/spec/thing_spec.rb") -> dict[str, str]:
    return {each["name"]: each["status"] for each in entries_of({path: source})[path]["cases"]}


def names(document: Inventory) -> dict[str, list[str]]:
    return {entry["path"]: [each["name"] for each in entry["cases"]] for entry in document["entries"]}


def test_one_entry_has_the_groups_and_examples_of_rspec() -> None:
    source = """\
        require "spec_helper"

        RSpec.describe Thing, "when new", :fast do
          let(:thing) { described_class.new { it "is no test" } }
          it "is one" do
            expect(thing).to eq(1)
          end
          it { is_expected.to be_empty }
          context "with #{more}" do
            specify("is two") { skip if windows? }
            [1, 2].each do |n|
              example "is #{n}", &check
            end
            if RUBY_ENGINE == "ruby"
              its(:size) { is_expected.to eq 1 }
            end
          end
        end
    """
    assert entries_of({"p/spec/thing_spec.rb": source})["p/spec/thing_spec.rb"] == {
        "path": "p/spec/thing_spec.rb",
        "language": "ruby",
        "framework": "rspec",
        "suites": 2,
        "tests": 5,
        "cases": [
            {"name": "Thing when new::is one", "line": 5, "status": "active"},
            {"name": "Thing when new::it { is_expected.to be_empty }", "line": 8, "status": "active"},
            {"name": "Thing when new::with #{more}::is two", "line": 10, "status": "active"},
            {"name": "Thing when new::with #{more}::is #{n}", "line": 12, "status": "active"},
            {"name": "Thing when new::with #{more}::size", "line": 15, "status": "active"},
        ],
    }


def test_statuses_of_rspec() -> None:
    source = """\
        describe "a" do
          it("plain", skip: false) { pending if broken? }
          it "later"
          xit("crossed") { }
          fit("alone") { }
          skip("out") { }
          skip "out without a block"
          pending("broken") { }
          it("tagged", :skip) { }
          it("told", skip: "why") { }
          it("breaks", pending: true) { }
          it("on", :focus) { }
          it("ends") { skip "why" }
          it "waits" do
            # for
            pending
            fail
          end
          xdescribe("off") { it("b") { } }
          fcontext("only") { it("c") { } }
          describe("quiet", skip: true) { fit("d") { } }
          describe "all" do
            before { skip }
            it("e") { }
          end
        end
    """
    assert statuses(source) == {
        "a::plain": "active",
        "a::later": "todo",
        "a::crossed": "skipped",
        "a::alone": "focused",
        "a::out": "skipped",
        "a::out without a block": "skipped",
        "a::broken": "xfail",
        "a::tagged": "skipped",
        "a::told": "skipped",
        "a::breaks": "xfail",
        "a::on": "focused",
        "a::ends": "skipped",
        "a::waits": "xfail",
        "a::off::b": "skipped",
        "a::only::c": "focused",
        "a::quiet::d": "skipped",
        "a::all::e": "skipped",
    }


@pytest.mark.parametrize(
    "source",
    [
        "it('a') { }",
        "foo.describe('a') { it('b') { } }",
        "describe 'a' do\n def it_works; it('b') { }; end\nend",
        "describe 'a' do\n let(:x) { it('b') { } }\nend",
        "describe 'a' do\n foo.it('b') { }\nend",
        "# describe('a') { it('b') { } }",
        "x = <<~RUBY\n  describe('a') { it('b') { } }\nRUBY",
        "def test_a; end",
        "RSpec.configure { |c| c.before { it('a') { } } }",
    ],
)  # fmt: skip
def test_no_test(source: str) -> None:
    assert inventory_of({"p/spec/a_spec.rb": f"{source}\n"})["tests"] == 0


def test_groups_stand_in_modules_and_classes() -> None:
    source = """\
        module Outer
          class Inner
            RSpec.describe(Thing) { it("a") { } }
            describe("plain") { it("b") { } }
          end
          describe("c") { it("d") { } }
        end
        """
    assert list(statuses(source)) == ["Outer::Inner::Thing::a", "Outer::Inner::plain::b", "Outer::c::d"]


def test_shared_examples_count_where_they_are_written_if_some_group_uses_them() -> None:
    files = {
        "p/.rspec": "--require spec_helper\n",
        "p/spec/support/shared.rb": """\
            RSpec.shared_examples "a store" do |size|
              it("stores") { }
              context("full") { it("refuses") { } }
              it_behaves_like "a list"
            end
            shared_examples_for("a list") { it("lists") { } }
            shared_examples("nobody's") { it("never") { } }
            shared_context("tagged", :tag) { it("is tagged") { } }
            describe("outside of a spec's file") { it("never") { } }
            """,
        "p/spec/a_spec.rb": """\
            describe A do
              include_examples "a store", 1
              it_behaves_like "a store", 2 do
                it("more") { }
              end
            end
            """,
    }
    assert names(inventory_of(files)) == {
        "p/spec/a_spec.rb": ["A::more"],
        "p/spec/support/shared.rb": [
            "a store::stores",
            "a store::full::refuses",
            "a list::lists",
            "tagged::is tagged",
        ],
    }


def test_one_entry_has_the_classes_and_methods_of_minitest() -> None:
    source = """\
        require "minitest/autorun"

        class ThingTest < Minitest::Test
          include Checks
          def setup; end
          def test_one; end
          def test_two
            skip "why"
          end
          def helper_test_three; end
          def self.test_four; end
          class << self
            def test_five; end
          end
          %w[a b].each do |name|
            define_method("test_#{name}") { assert name }
          end

          class Inner < ThingTest
            def test_six; end
          end

          private

          def test_seven; end
        end

        class Thing
          def test_connection; end
        end
    """
    assert entries_of({"p/test/thing_test.rb": source})["p/test/thing_test.rb"] == {
        "path": "p/test/thing_test.rb",
        "language": "ruby",
        "framework": "minitest",
        "suites": 2,
        "tests": 4,
        "cases": [
            {"name": "ThingTest::test_one", "line": 6, "status": "active"},
            {"name": "ThingTest::test_two", "line": 7, "status": "skipped"},
            {"name": "ThingTest::test_#{name}", "line": 16, "status": "active"},
            {"name": "ThingTest::Inner::test_six", "line": 20, "status": "active"},
        ],
    }


def test_bases_and_mixins_lie_in_any_file() -> None:
    files = {
        "p/test/test_helper.rb": "require 'minitest/autorun'\nclass AppCase < ActiveSupport::TestCase; end\n",
        "p/test/checks.rb": """\
            module Checks
              extend ActiveSupport::Concern
              included do
                test "mixed in" do
                end
              end
              def test_mixed_in; end
            end
            module Unused
              def test_never; end
            end
            """,
        "p/test/one_test.rb": """\
            require "test_helper"
            class OneTest < AppCase
              include Checks
              test "the truth" do
                assert true
              end
              test "left out" do skip end
              test :no_string
            end
            """,
        "p/test/two_test.rb": "class TwoTest < OneTest\nend\n",
        "p/test/made_test.rb": "MadeTest = Class.new(AppCase) do\n  def test_made; end\nend\n",
        "p/lib/probe.rb": "class Probe < Tool\n  def test_connection; end\nend\n",
    }
    document = inventory_of(files)
    assert names(document) == {
        "p/test/checks.rb": ["Checks::mixed in", "Checks::test_mixed_in"],
        "p/test/made_test.rb": ["MadeTest::test_made"],
        "p/test/one_test.rb": ["OneTest::the truth", "OneTest::left out"],
        "p/test/two_test.rb": [],
    }
    assert set(document["by_framework"]) == {"minitest"}
    assert document["by_status"]["skipped"] == 1


def test_minitests_specs() -> None:
    files = {
        "p/test/helper.rb": 'require "minitest/autorun"\n',
        "p/test/spec_a.rb": """\
            require_relative "helper"
            describe "a" do
              include Common
              before { @a = 1 }
              it("is one") { _(@a).must_equal 1 }
              it "is empty"
              describe("inner") { specify("is two") { skip } }
            end
            class BSpec < Minitest::Spec
              it("is in a class") { }
            end
            """,
        "p/test/common.rb": 'module Common\n  extend Minitest::Spec::DSL\n  it("is common") { }\nend\n',
    }
    document = inventory_of(files)
    assert names(document) == {
        "p/test/common.rb": ["Common::is common"],
        "p/test/spec_a.rb": ["a::is one", "a::is empty", "a::inner::is two", "BSpec::is in a class"],
    }
    assert [each["status"] for each in document["entries"][1]["cases"]] == [
        "active",
        "todo",
        "skipped",
        "active",
    ]
    assert list(document["by_framework"]) == ["minitest"]


def test_test_unit_and_shoulda() -> None:
    source = """\
        require "test/unit"
        class TestThing < Test::Unit::TestCase
          data("one", 1)
          data("two", 2)
          def test_data(n)
          end
          test "named" do
            omit("not here")
          end
          def test_pending
            pend
          end
          context "with a context" do
            setup { @a = 1 }
            should "do it" do
            end
            should validate_presence_of(:name)
            should_not allow_value("a b").
              for(:name)
            should belong_to :user
            should_eventually "do more" do
            end
            should "do all"
          end
          should have_many(:parts)
          sub_test_case "apart" do
            def test_apart
            end
            test "named apart" do
            end
          end
        end
    """
    assert statuses(source, "p/test/test_thing.rb") == {
        "TestThing::test_data": "active",
        "TestThing::named": "skipped",
        "TestThing::test_pending": "todo",
        "TestThing::with a context::do it": "active",
        "TestThing::with a context::should validate_presence_of(:name)": "active",
        'TestThing::with a context::should_not allow_value("a b"). for(:name)': "active",
        "TestThing::with a context::should belong_to :user": "active",
        "TestThing::with a context::do more": "todo",
        "TestThing::with a context::do all": "todo",
        "TestThing::should have_many(:parts)": "active",
        "TestThing::apart::test_apart": "active",
        "TestThing::apart::named apart": "active",
    }
    [entry] = inventory_of({"p/test/test_thing.rb": source})["entries"]
    assert (entry["framework"], entry["suites"]) == ("test-unit", 3)


def test_minitests_focus() -> None:
    source = """\
        require "minitest/focus"
        class ThingTest < Minitest::Test
          focus def test_one; end
          focus
          # the next
          def test_two; end
          def test_three; end
          focus
          test "four" do
          end
          focus
          it("is five") { }
          it("is six") { }
        end
    """
    assert statuses(source, "p/test/thing_test.rb") == {
        "ThingTest::test_one": "focused",
        "ThingTest::test_two": "focused",
        "ThingTest::test_three": "active",
        "ThingTest::four": "focused",
        "ThingTest::is five": "focused",
        "ThingTest::is six": "active",
    }


GROUP = 'describe("a") { it("b") { } }\n'
CLASS = "class A < BaseCase\n  def test_a; end\nend\nclass BaseCase < TestCase\nend\n"


@pytest.mark.parametrize(
    ("files", "framework"),
    [
        ({"p/spec/a_spec.rb": f"require 'rspec'\n{GROUP}"}, "rspec"),
        ({"p/spec/a_spec.rb": f"require 'minitest/spec'\n{GROUP}"}, "minitest"),
        ({"p/spec/a_spec.rb": f"require 'spec_helper'\n{GROUP}"}, "rspec"),
        ({"p/test/a_spec.rb": GROUP}, "minitest"),
        ({"p/test/a_spec.rb": GROUP, "p/.rspec": ""}, "rspec"),
        ({"p/spec/a_spec.rb": GROUP, "p/Gemfile": "gem 'minitest'"}, "minitest"),
        ({"p/spec/a_spec.rb": GROUP, "p/p.gemspec": "s.add_development_dependency 'rspec', '~> 3'"}, "rspec"),
        ({"p/spec/a_spec.rb": GROUP, "p/spec/spec_helper.rb": "# RSpec\nrequire 'minitest/autorun'\n"}, "minitest"),
        ({"p/spec/a_spec.rb": GROUP, "p/Gemfile": "gem 'rails'\ngem 'rspec-rails'"}, "rspec"),
        ({"p/test/a_spec.rb": GROUP, "p/Gemfile": "gem 'rails'\ngem 'rspec-rails'"}, "rspec"),
        ({"p/spec/a_spec.rb": GROUP, "p/Gemfile": "gem 'rails'"}, "minitest"),
        ({"p/test/a_test.rb": CLASS}, "minitest"),
        ({"p/test/a_test.rb": CLASS, "p/Gemfile": "gem 'rspec'\ngem 'test-unit'"}, "test-unit"),
        ({"p/test/a_test.rb": CLASS, "p/test/test_helper.rb": "require 'test/unit'\n"}, "test-unit"),
    ],
)  # fmt: skip
def test_framework_by_the_file_then_by_helpers_and_builds(files: dict[str, str], framework: str) -> None:
    assert list(inventory_of(files)["by_framework"]) == [framework]


def test_what_only_running_would_tell_is_undecided() -> None:
    files = {
        "p/test/a_test.rb": "class A < Outside\n  def test_a; end\nend\nclass B < make(1)\n  def test_b; end\nend\n",
        "p/spec/c_spec.rb": "describe('c') { names.each { |n| it_behaves_like n } }\n",
        "p/lib/probe.rb": "class Probe < Outside\n  def test_connection; end\nend\n",
    }
    assert inventory_of(files)["undecided"] == [
        {"path": "p/spec/c_spec.rb", "line": 1, "name": "p/spec/c_spec.rb", "reason": "names shared examples by an expression"},
        {"path": "p/test/a_test.rb", "line": 1, "name": "A", "reason": "a base lies outside the archive"},
        {"path": "p/test/a_test.rb", "line": 4, "name": "B", "reason": "its base is made by a call"},
    ]  # fmt: skip


def test_files_of_others_and_templates_are_left_out() -> None:
    files = dict.fromkeys(
        ("p/vendor/a_spec.rb", "p/lib/generators/x/templates/a_spec.rb", "p/spec/a_spec.rb"), GROUP
    )
    assert list(entries_of(files)) == ["p/spec/a_spec.rb"]


def test_what_a_file_costs_that_is_made_to_be_slow_or_does_not_parse() -> None:
    deep = "describe('a') { " * 1_000 + "it('b') { }" + " }" * 1_000 + "\n"
    chain = (
        "".join(f"class C{n} < C{n - 1}; end\n" for n in range(1, 5_000)) + "class C0 < Minitest::Test; end\n"
    )
    document = inventory_of(
        {
            "p/spec/a_spec.rb": GROUP,
            "p/spec/deep_spec.rb": deep,
            "p/test/chain_test.rb": f"{chain}class T < C4999\n  def test_a; end\nend\n",
            "p/spec/broken_spec.rb": "describe 'a' do\n  ((((]]]\n",
        }
    )
    assert names(document)["p/spec/a_spec.rb"] == ["a::b"]
    assert names(document)["p/test/chain_test.rb"] == ["T::test_a"]
    assert [each["path"] for each in document["unreadable"]] == ["p/spec/broken_spec.rb"]
