"""Every name that files declare, and who had it first."""

from collections.abc import Mapping, Sequence

from dsl import nodes
from dsl.checker.agreement import UNKNOWN, in_words, is_scalar
from dsl.checker.report import Report
from dsl.checker.world import KIND_NAMES, Broken, Published
from dsl.core import Const
from dsl.diagnostics import Span
from dsl.kinds import ListOf

MOST_DECLARATIONS = 2_000
_NAMELESS = frozenset(("attributes", "example"))
# A keyword that there is not may have been meant as any.
_WITHOUT_FACTS = frozenset(
    (
        *("campaign", "segment", "promotion", "trigger", "loyalty", "flash_sale", "group_buy"),
        *("lottery", "list", "example"),
    )
)


def published(
    declarations: Sequence[nodes.Declaration], report: Report
) -> tuple[dict[str, Published], list[Published]]:
    """Return the published kinds by name, unique over all of them, and all that were written."""
    if len(declarations) > MOST_DECLARATIONS:
        report.error(
            "E200",
            declarations[MOST_DECLARATIONS].span,
            f"a program has at most {MOST_DECLARATIONS:,} declarations",
        )
    found: dict[str, Published] = {}
    every: list[Published] = []
    for node in declarations:
        match node:
            case (
                nodes.Campaign()
                | nodes.Segment()
                | nodes.Promotion()
                | nodes.Trigger()
                | nodes.Loyalty()
                | nodes.FlashSale()
                | nodes.GroupBuy()
                | nodes.Lottery()
            ):
                every.append(node)
                name = node.name.text
                if name not in found:
                    found[name] = node
                    continue
                first = found[name]
                message = f"there is a {KIND_NAMES[type(first)]} `{name}` already"
                report.error("E209", node.name.span, message, _place(first.name.span, node.span))
            case _:
                pass
    return found, every


def _place(first: Span, second: Span) -> str:
    """Word where the first of two was."""
    if first.file == second.file:
        return f"it is declared in line {first.line}"
    return f"it is declared in {first.file}, line {first.line}"


def broken(declarations: Sequence[nodes.Declaration]) -> Broken:
    """Return what declarations with syntax errors may have declared."""
    found = [node for node in declarations if isinstance(node, nodes.Broken)]
    return Broken(
        frozenset(word for node in found for word in node.head).union(
            node.name.text for node in found if node.name is not None
        ),
        frozenset(node.keyword for node in found),
        frozenset(
            word for node in found if node.keyword not in _WITHOUT_FACTS for word in node.words
        ),
        any(node.name is None and node.keyword not in _NAMELESS for node in found),
    )


def lists(lowered: Sequence[tuple[nodes.NamedList, Const]], report: Report) -> Mapping[str, Const]:
    """Return the declared lists by name; the same list in several files is fine."""
    found: dict[str, tuple[nodes.NamedList, Const]] = {}
    for node, elements in lowered:
        name = node.name.text
        if elements.kind != UNKNOWN and not _is_list_of_scalars(elements):
            report.error("E220", node.span, f"a list is of values, not {in_words(elements.kind)}")
        if name not in found:
            found[name] = node, elements
            continue
        first, others = found[name]
        if first.span.file == node.span.file:
            where = _place(first.name.span, node.span)
            report.error("E209", node.name.span, f"there is a list `{name}` already", where)
        elif others != elements and UNKNOWN not in (others.kind, elements.kind):
            where = first.span.file or "another file"
            message = f"list `{name}` is declared differently in {where}"
            report.error("E210", node.name.span, message)
    return {name: elements for name, (_, elements) in found.items()}


def _is_list_of_scalars(elements: Const) -> bool:
    return isinstance(elements.kind, ListOf) and is_scalar(elements.kind.element)


def note_one_of_a_kind(declarations: Sequence[nodes.Declaration], report: Report) -> None:
    """Say where a second campaign stands in a file, or a second loyalty in the workspace."""
    campaigns: set[str] = set()
    loyalties = 0
    for node in declarations:
        if isinstance(node, nodes.Campaign):
            if node.span.file in campaigns:
                hint = "put what it binds into another file"
                report.error("E249", node.name.span, "a file has at most one campaign", hint)
            campaigns.add(node.span.file)
        elif isinstance(node, nodes.Loyalty):
            loyalties += 1
            if loyalties > 1:
                report.error("E249", node.name.span, "a workspace has one loyalty programme")
