"""What would turn a condition: the fewest and smallest changes that make it come out otherwise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dsl.core import AllOf, AnyOf, Const, Expr, InSegment, Not
from dsl.evaluator import Scope
from dsl.explanation.changes import Change, change
from dsl.explanation.english import Voice
from dsl.explanation.reading import Reader
from dsl.explanation.targets import magnitude
from dsl.explanation.totals import Total, total_of_items, with_totals
from dsl.kinds import BOOL
from dsl.values import MISSING
from dsl.walking import nodes


class Way(NamedTuple):
    """Changes that are all needed; with these parts of the condition replaced, it is turned."""

    changes: tuple[Change, ...]
    turned_by: Mapping[Expr, Const]


class Inside(NamedTuple):
    """A segment's own condition, and who turns that: it is judged in the workspace's zone."""

    turner: "Turner"
    condition: Expr


@dataclass(slots=True)
class Turner:
    """Finds ways to turn conditions, all of them on the same facts."""

    voice: Voice
    reader: Reader
    _segments: dict[tuple[str, frozenset[str]], Inside] = field(default_factory=dict)
    # By identity: to compare conditions costs more. They are kept, so that no id is another's.
    _ways: dict[int, tuple[Expr, Way | None]] = field(default_factory=dict)

    def way(self, condition: Expr) -> Way | None:
        """Return what turns a condition, or None where that is not known."""
        known = self._ways.get(id(condition))
        if known is None:
            known = self._ways[id(condition)] = (condition, self._way(condition))
        return known[1]

    def inside(self, name: str) -> Inside | None:
        """Return a segment's condition; None where the facts say who is in, or nobody can be."""
        scope = self.reader.scope
        known = scope.facts.get("segments")
        if isinstance(known, list | tuple | set | frozenset) and name in known:
            return None
        segment = scope.moment.program.segments.get(name)
        if segment is None or name in scope.segments:
            return None
        within = scope.segments | {name}
        key = (name, within)
        if key not in self._segments:
            inner = Scope(scope.facts, scope.moment.in_workspace, segments=within)
            voice = Voice(inner.moment.zone, self.voice.currency)
            turner = Turner(voice, Reader(inner), self._segments)
            self._segments[key] = Inside(turner, segment.condition)
        return self._segments[key]

    def _way(self, condition: Expr) -> Way | None:
        match condition:
            case AllOf(operands):
                return self._joined(condition, operands, all_decide=True)
            case AnyOf(operands):
                return self._joined(condition, operands, all_decide=False)
            case InSegment() as test:
                return self._membership(test)
            case Not(InSegment() as test):
                return self._membership(test)
            case Not(AllOf() | AnyOf() | Not() as operand):
                return self.way(operand)
            case Not(operand):
                return self._test(operand)
            case _:
                return self._test(condition)

    def _test(self, test: Expr) -> Way | None:
        came_out = self.reader.judge(test)
        found = change(test, not came_out, self.reader, self.voice)
        if found is None:
            return None
        if found.to is MISSING:
            return Way((found,), {test: Const(not came_out, BOOL)})
        turned_by = {found.subject: Const(found.to, found.subject.kind)}
        together = with_totals(test, turned_by, self.reader)
        if together != turned_by and self.reader.judge(test, together) is came_out:
            return None
        return Way((found,), together)

    def _membership(self, test: InSegment) -> Way | None:
        inside = self.inside(test.segment)
        way = None if inside is None else inside.turner.way(inside.condition)
        if inside is None or way is None:
            return None
        turned = Const(not inside.turner.reader.judge(inside.condition), BOOL)
        return Way(way.changes, {**way.turned_by, test: turned})

    def _joined(self, condition: Expr, parts: Sequence[Expr], *, all_decide: bool) -> Way | None:
        verdicts = [self.reader.judge(part) for part in parts]
        held = all(verdicts) if all_decide else any(verdicts)
        in_the_way = [p for p, holds in zip(parts, verdicts, strict=True) if holds is held]
        if held is not all_decide:
            others = [p for p, holds in zip(parts, verdicts, strict=True) if holds is not held]
            return self._all_of(in_the_way, others, condition, held)
        # Any one of them decides.
        ways = [way for way in map(self.way, in_the_way) if way is not None]
        return min(ways, key=lambda way: _cost(way.changes), default=None)

    def _all_of(
        self, parts: Sequence[Expr], others: Iterable[Expr], condition: Expr, held: bool
    ) -> Way | None:
        """Return the changes that turn all these parts, if together they turn the whole.

        The others are to stay as they are.
        """
        changes: dict[Expr | Total, Change] = {}
        turned_by: dict[Expr, Const] = {}
        for part in parts:
            way = self.way(part)
            if way is None:
                return None
            turned_by |= way.turned_by
            for each in way.changes:
                fact = total_of_items(each.subject) or each.subject
                before = changes.get(fact)
                if before is None or abs(each.by or 0) >= abs(before.by or 0):
                    changes[fact] = each
        turned_by |= {
            each.subject: Const(each.to, each.subject.kind)
            for each in changes.values()
            if each.to is not MISSING
        }
        together = with_totals(condition, turned_by, self.reader)
        # A single part's way is known to turn it.
        is_sure = len(parts) == 1 and together == turned_by
        is_open = not is_sure or any(_reads(other, together) for other in others)
        if is_open and self.reader.judge(condition, together) is held:
            return None
        # A total that becomes more than it has to by what else is said is not worth saying.
        needed = [
            each
            for each in changes.values()
            if each.to is MISSING or each.to == together[each.subject].value
        ]
        return Way(tuple(needed), together)


def _reads(condition: Expr, these: Iterable[Expr]) -> bool:
    return any(node == each for node in nodes(condition) for each in these)


def _cost(changes: tuple[Change, ...]) -> tuple[int, float]:
    return len(changes), sum(magnitude(each.seen, each.to, each.by) for each in changes)
