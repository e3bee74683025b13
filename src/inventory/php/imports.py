"""What a PHP file's names are called where they are declared."""

from collections.abc import Iterator

from tree_sitter import Node

from src.inventory.syntax.parsing import Source


def aliases(source: Source) -> dict[str, str]:
    """The whole name of each name that a `use` gives."""
    found: dict[str, str] = {}
    for node in _uses(source.root):
        prefix = next(
            (f"{source.text(each)}\\" for each in node.named_children if each.type == "namespace_name"), ""
        )
        group = node.child_by_field_name("body")
        for clause in (group or node).named_children:
            if clause.type == "namespace_use_clause":
                whole = prefix + source.text(next(iter(clause.named_children), None))
                alias = source.text(clause.child_by_field_name("alias"))
                found[alias or simple_of(whole)] = whole
    return found


def simple_of(name: str) -> str:
    return name.rpartition("\\")[2]


def _uses(node: Node) -> Iterator[Node]:
    for each in node.named_children:
        if each.type == "namespace_use_declaration":
            yield each
        elif each.type in {"namespace_definition", "compound_statement"}:
            yield from _uses(each)
