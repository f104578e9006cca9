"""What differs between two sets of files of rules, declaration by declaration.

Trees are compared, so that layout, comments and the order of files are no difference. What has
changed of a declaration is told in lines of its canonical text.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from dsl import nodes
from dsl.checker.segments import memberships
from dsl.contents import Declared, declared
from dsl.core import Expr
from dsl.diagnostics import SourceFile
from dsl.formatter.declarations import declaration
from dsl.formatter.layout import INDENT, WIDTH, Item
from dsl.formatter.steps import Steps
from dsl.parser import parse
from dsl.program import Program


@dataclass(frozen=True, slots=True)
class Change:
    """A declaration as it was and as it is to be; one of them is None if it was added or removed.

    `lines` begin with "-" or "+". Without any, it has only moved from one file to another.
    """

    before: Declared | None
    after: Declared | None
    lines: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return self._either.kind

    @property
    def name(self) -> str:
        return self._either.name

    @property
    def _either(self) -> Declared:
        either = self.after or self.before
        assert either is not None
        return either


@dataclass(frozen=True, slots=True)
class _Found:
    declared: Declared
    node: nodes.Declaration
    steps: Steps


def difference(before: Sequence[SourceFile], after: Sequence[SourceFile]) -> tuple[Change, ...]:
    """Return what has changed: first what is new or other, in its order, then what is gone.

    A declaration that cannot be read counts as none.
    """
    same = {(source.name, source.text) for source in before} & {
        (source.name, source.text) for source in after
    }
    old = _found([source for source in before if (source.name, source.text) not in same])
    new = _found([source for source in after if (source.name, source.text) not in same])
    changes: list[Change] = []
    gone: list[Change] = []
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = _without_equals(old.get(key, []), new.get(key, []))
        for one, other in zip(was, now, strict=False):
            lines = () if one.node == other.node else tuple(_lines_between(one, other))
            changes.append(Change(one.declared, other.declared, lines))
        changes += [Change(None, one.declared) for one in now[len(was) :]]
        gone += [Change(one.declared, None) for one in was[len(now) :]]
    return (*changes, *gone)


def segments_changed(before: Program, after: Program) -> tuple[str, ...]:
    """Return the segments that are new, gone or judged differently, through others included."""
    names = [*after.segments, *(name for name in before.segments if name not in after.segments)]
    changed = {name for name in names if _condition(before, name) != _condition(after, name)}
    uses = {
        name: {member.segment for member in memberships(segment.condition)}
        for name, segment in after.segments.items()
    }
    while more := {name for name in uses if changed & uses[name]} - changed:
        changed |= more
    return tuple(name for name in names if name in changed)


def _condition(program: Program, name: str) -> Expr | None:
    segment = program.segments.get(name)
    return None if segment is None else segment.condition


def _found(sources: Sequence[SourceFile]) -> dict[tuple[str, str], list[_Found]]:
    found: dict[tuple[str, str], list[_Found]] = defaultdict(list)
    for source in sources:
        file = parse(source).file
        steps = Steps(source.text, file.comments)
        for node in file.declarations:
            if (one := declared(node)) is not None:
                found[one.kind, one.name].append(_Found(one, node, steps))
    return found


def _without_equals(
    old: Sequence[_Found], new: Sequence[_Found]
) -> tuple[list[_Found], list[_Found]]:
    """Leave out what is the same and in the same file, once for each time it is there."""
    was, now = list(old), list(new)
    for one in old:
        same = (each for each in now if each.node == one.node and _file(each) == _file(one))
        if (other := next(same, None)) is not None:
            was.remove(one)
            now.remove(other)
    return was, now


def _file(found: _Found) -> str:
    return found.declared.span.file


def _lines_between(before: _Found, after: _Found) -> Iterator[str]:
    old, new = _lines(before), _lines(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for operation, start, end, from_, to in matcher.get_opcodes():
        if operation != "equal":
            yield from (f"- {line}" for line in old[start:end])
            yield from (f"+ {line}" for line in new[from_:to])


def _lines(found: _Found) -> list[str]:
    """Return the canonical text with each clause and step on a line of its own, without braces."""
    item = declaration(found.node, found.steps)
    return [line for line in _spread(item, "", whole=False) if line.strip()]


def _spread(item: Item, indent: str, *, whole: bool) -> Iterator[str]:
    braces = any(group.head.endswith("{") and not group.separator for group in item.groups)
    if item.chain and len(item.flat) > WIDTH:
        for part in item.chain:
            yield from _spread(part, indent, whole=True)
    elif item.groups and (braces or not whole or len(item.flat) > WIDTH):
        for group in item.groups:
            yield indent + group.head.lstrip("}] ").rstrip(" {[")
            for inner in group.items:
                yield from _spread(inner, indent + INDENT, whole=True)
        yield indent + item.tail.lstrip("}] ")
    else:
        yield indent + item.flat
