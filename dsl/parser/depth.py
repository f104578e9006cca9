"""Keeps trees shallow enough for everything that walks them by recursion."""

from dataclasses import fields

from dsl import nodes
from dsl.diagnostics import Span

MAX_DEPTH = 200


def too_deep(root: nodes.Node) -> Span | None:
    """Return the place of the first node that lies too deep, without recursion itself."""
    waiting: list[tuple[nodes.Node, int]] = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return node.span
        for field in fields(node):
            value = getattr(node, field.name)
            if isinstance(value, nodes.Node):
                waiting.append((value, depth + 1))
            elif isinstance(value, tuple):
                waiting += [(child, depth + 1) for child in value if isinstance(child, nodes.Node)]
    return None
