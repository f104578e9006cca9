"""Lays items out on lines: whole where they fit, else spread; with the comments where they were."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from dsl import nodes
from dsl.diagnostics import Span

WIDTH = 100
INDENT = "  "


@dataclass(frozen=True, slots=True)
class Group:
    """What may be spread over lines of its own: `head` on one line, then the items, indented.

    `start` is the offset from which comments belong inside; those before stand above the whole.
    """

    head: str
    items: tuple["Item", ...]
    separator: str = ""  # after each item but the last: "," or nothing
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """Something printed on a line of its own or, spread, on several.

    `flat` is all of it on one line. Spread, it is its groups and then `tail`; or its chain, the
    first of it in place and the rest indented. An item with neither is never spread.
    """

    span: Span
    flat: str
    groups: tuple[Group, ...] = ()
    tail: str = ""
    chain: tuple["Item", ...] = field(default=())


class Layout:
    """Prints items with the comments and the single blank lines of a file."""

    def __init__(self, comments: Sequence[nodes.Comment], blanks: Sequence[int]) -> None:
        self.comments = comments
        self.starts = [comment.span.start for comment in comments]
        self.blanks = frozenset(blanks)

    def within(self, start: int, end: int) -> Sequence[nodes.Comment]:
        return self.comments[bisect_left(self.starts, start) : bisect_left(self.starts, end)]

    def sequence(
        self, items: Sequence[Item], indent: str, region: tuple[int, int], separator: str = ""
    ) -> Iterator[str]:
        """Print items one below the other, with the region's comments between and after them."""
        start, end = region
        first = True
        for index, item in enumerate(items):
            for comment in self.within(start, item.span.start):
                yield from self.gap(comment.span.line, first=first)
                yield indent + comment.text
                first = False
            yield from self.gap(item.span.line, first=first)
            first = False
            until = items[index + 1].span.start if index + 1 < len(items) else end
            beside = self.beside(item, until)
            suffix = separator if index + 1 < len(items) else ""
            *lines, last = self.item(item, indent, len(suffix))
            yield from lines
            yield f"{last}{suffix}  {beside.text}" if beside else last + suffix
            start = beside.span.end if beside else item.span.end
        for comment in self.within(start, end):
            yield from self.gap(comment.span.line, first=first)
            yield indent + comment.text
            first = False

    def gap(self, line: int, *, first: bool) -> Iterator[str]:
        """Keep one blank line where there was any, but none at the beginning of a body."""
        if not first and line - 1 in self.blanks:
            yield ""

    def beside(self, item: Item, until: int) -> nodes.Comment | None:
        """Return the comment that follows the item on its last line."""
        for comment in self.within(item.span.end, until):
            if comment.span.line == item.span.end_line and not comment.alone:
                return comment
            break
        return None

    def item(self, item: Item, indent: str, more: int = 0) -> list[str]:
        """Return the lines of an item, which leave room for `more` characters at the end."""
        inside = self.within(item.span.start, item.span.end)
        above = self.above(item)
        fits = len(indent) + len(item.flat) + more <= WIDTH
        if len(above) == len(inside) and (fits or not (item.chain or item.groups)):
            return [*(indent + comment.text for comment in above), indent + item.flat]
        if item.chain:
            head, *rest = item.chain
            lines = self.item(head, indent)
            beside = self.beside(head, rest[0].span.start)
            if beside:
                lines[-1] += f"  {beside.text}"
            region = (beside.span.end if beside else head.span.end, item.span.end)
            return [*lines, *self.sequence(rest, indent + INDENT, region)]
        return list(self.spread(item, indent))

    def above(self, item: Item) -> Sequence[nodes.Comment]:
        """Return the comments within an item that have no line of their own inside it."""
        if item.chain:
            return self.above(item.chain[0])
        if not item.groups:
            return self.within(item.span.start, item.span.end)
        start = item.groups[0].start
        return () if start is None else self.within(item.span.start, start)

    def spread(self, item: Item, indent: str) -> Iterator[str]:
        starts = [item.span.start if g.start is None else g.start for g in item.groups]
        ends = [*starts[1:], item.span.end]
        for comment in self.above(item):
            yield indent + comment.text
        for group, region in zip(item.groups, zip(starts, ends, strict=True), strict=True):
            yield indent + group.head
            yield from self.sequence(group.items, indent + INDENT, region, group.separator)
        if item.tail:
            yield indent + item.tail


def braced(
    span: Span, head: str, items: Sequence[Item], tail: str = "", *, start: int | None = None
) -> Item:
    """Return `head { … } tail`, its items two spaces apart or one on each line."""
    opened = f"{head} {{" if head else "{"
    closed = f"}} {tail}" if tail else "}"
    if not items:
        return Item(span, f"{opened} {closed}", (Group(opened, (), start=start),), closed)
    flat = f"{opened} {'  '.join(item.flat for item in items)} {closed}"
    return Item(span, flat, (Group(opened, tuple(items), start=start),), closed)


def listed(span: Span, opened: str, items: Sequence[Item], closed: str) -> Item:
    """Return items with commas between them, in brackets: all on one line or each on its own."""
    space = " " if opened.endswith("{") else ""
    inner = ", ".join(item.flat for item in items)
    flat = f"{opened}{space}{inner}{space if items else ''}{closed}"
    return Item(span, flat, (Group(opened, tuple(items), ","),), closed)


def following(first: Item, second: Item, span: Span) -> Item:
    """Return two braced items as one, the second going on after the brace of the first."""
    head, *groups = second.groups
    joined = replace(head, head=f"{first.tail} {head.head}")
    flat = f"{first.flat} {second.flat}"
    return Item(span, flat, (*first.groups, joined, *groups), second.tail)
