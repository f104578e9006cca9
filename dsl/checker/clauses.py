"""Clauses that several kinds of declaration share, and how often each may be given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from dsl import nodes
from dsl.checker import literals
from dsl.checker.expressions import condition
from dsl.checker.report import Report
from dsl.checker.scopes import Scope
from dsl.clauses import Active, Amount, Goal, Limit, Recurring
from dsl.diagnostics import Span
from dsl.triggers import OnEvent

Clause = TypeVar("Clause", bound=nodes.Node)


@dataclass(frozen=True, slots=True)
class Binding:
    """What a file's campaign gives to each member; `currency` is that of its budget."""

    campaign: str | None = None
    active: tuple[Active, ...] = ()
    goal: Goal | None = None
    currency: str | None = None


UNBOUND = Binding()


@dataclass(frozen=True, slots=True)
class Clauses:
    """The clauses of one declaration, to be asked for by type."""

    owner: nodes.Name
    word: str  # "promotion"
    written: Sequence[nodes.Node]
    report: Report

    def one(self, kind: type[Clause], word: str) -> Clause | None:
        """Return the clause, having said where it is given again."""
        found = self.every(kind)
        for again in found[1:]:
            self.report.error(
                "E240",
                again.span,
                f"`{word}` is given already",
                f"the first is in line {found[0].span.line}",
            )
        return found[0] if found else None

    def needed(self, kind: type[Clause], word: str, hint: str) -> Clause | None:
        """Return the clause, having said if it is missing."""
        found = self.one(kind, word)
        if found is None:
            self.lacks(word, hint)
        return found

    def lacks(self, word: str, hint: str) -> None:
        """Say that a clause is missing."""
        message = f"{self.word} `{self.owner.text}` needs `{word}`"
        self.report.error("E241", self.owner.span, message, hint)

    def every(self, kind: type[Clause]) -> list[Clause]:
        """Return all clauses of this type, in the order written."""
        return [clause for clause in self.written if isinstance(clause, kind)]


# --- windows -------------------------------------------------------------------------------------


def zone_of(clauses: Clauses) -> str | None:
    """Return the zone that `active … in` names, of which there may be only one."""
    named = [
        clause.zone
        for clause in clauses.written
        if isinstance(clause, nodes.Active | nodes.ActiveEvery) and clause.zone is not None
    ]
    for other in named[1:]:
        if other.value != named[0].value:
            message = f'{clauses.word} `{clauses.owner.text}` has one zone, "{named[0].value}"'
            clauses.report.error("E242", other.span, message)
    zones = [literals.zone_name(node, clauses.report) for node in named]
    return zones[0] if zones else None


def active_of(
    clauses: Clauses, zone: str | None, workspace_zone: str, binding: Binding
) -> tuple[Active, ...]:
    """Return when a declaration is active: in its campaign's windows and in its own."""
    report = clauses.report
    windows = list(binding.active)
    if window := clauses.one(nodes.Active, "active from"):
        start = literals.start_of(window.start, zone or workspace_zone)
        end = None if window.end is None else literals.end_of(window.end, zone or workspace_zone)
        if end is not None and end <= start:
            span = window.start.span.to(window.end.span) if window.end else window.span
            report.error("E244", span, "this ends before it starts", "exchange the two")
        else:
            own = Active(start, end, None, zone)
            _check_overlap(own, binding, window.span, report)
            windows.append(own)
    if hours := clauses.one(nodes.ActiveEvery, "active every"):
        begin, finish = literals.clock(hours.start.value), literals.clock(hours.end.value)
        if begin == finish:
            report.error("E244", hours.span, "this ends at the time at which it starts")
        windows.append(Active(recurring=Recurring(hours.weekday, begin, finish), zone=zone))
    return tuple(windows)


def _check_overlap(own: Active, binding: Binding, span: Span, report: Report) -> None:
    starts: list[datetime] = [w.start for w in (*binding.active, own) if w.start is not None]
    ends: list[datetime] = [w.end for w in (*binding.active, own) if w.end is not None]
    if starts and ends and min(ends) <= max(starts):
        message = f"this is never while campaign `{binding.campaign}` is active"
        report.error("E244", span, message, "one ends before the other starts")


# --- the rest ------------------------------------------------------------------------------------


def limits_of(clauses: Clauses) -> tuple[Limit, ...]:
    """Return the limits, each of which must be of another kind."""
    limits: dict[tuple[str, object], Limit] = {}
    for node in clauses.every(nodes.Limit):
        count = literals.count(node.count, clauses.report, "a limit")
        within = None if node.within is None else literals.length(node.within, clauses.report)
        key = (node.per, within)
        if key in limits:
            what = "in total" if node.per == "total" else "per user"
            message = f"a limit {what} is given already"
            clauses.report.error("E240", node.span, message, "the smaller one would decide alone")
        limits[key] = Limit(count, node.per, within)
    return tuple(limits.values())


def budget_of(clauses: Clauses) -> tuple[Amount, Span] | None:
    """Return the budget and where it stands."""
    node = clauses.one(nodes.Budget, "budget")
    if node is None:
        return None
    amount = literals.amount(node.amount, clauses.report)
    if amount is None:
        return None
    if amount.minor == 0:
        clauses.report.error("E229", node.amount.span, "a budget must be more than nothing")
    return amount, node.amount.span


def holdout_of(clauses: Clauses) -> Decimal | None:
    node = clauses.one(nodes.Holdout, "holdout")
    return None if node is None else literals.share(node.share, clauses.report, "a holdout")


def priority_of(clauses: Clauses) -> int:
    node = clauses.one(nodes.Priority, "priority")
    if node is None:
        return 0
    number = literals.count(node.number, clauses.report, "a priority", least=0)
    return -number if node.negative else number


def goal_of(clauses: Clauses, scope: Scope, binding: Binding = UNBOUND) -> Goal | None:
    """Return the goal, or the campaign's if none is given."""
    node = clauses.one(nodes.Goal, "goal")
    if node is None:
        return binding.goal
    within = None if node.within is None else literals.length(node.within, clauses.report)
    match = matched(node.event, scope)
    return None if match is None else Goal(match.event, match.where, within)


def matched(node: nodes.EventMatch, scope: Scope) -> OnEvent | None:
    """Return an event with what must hold of it, or None if there is no such event."""
    name = node.event.text
    if not scope.world.knows_event(node.event):
        return None
    inside = scope.within(scope.world.events[name], f"`{name}`")
    where = None if node.where is None else condition(node.where, inside)
    return OnEvent(name, where)


def check_shares(
    name: nodes.Name, arms: Sequence[tuple[nodes.Percent, nodes.Name]], report: Report
) -> tuple[Decimal, ...]:
    """Return the shares of a split's arms, which must sum to 100% and have a name each."""
    before = report.errors
    shares = tuple(literals.share(share, report, "a share") for share, _ in arms)
    total = sum(shares, Decimal(0))
    if total != 100 and report.errors == before:
        span = arms[0][0].span.to(arms[-1][1].span) if arms else name.span
        message = f"the shares of `{name.text}` sum to {total.normalize():f}%, not to 100%"
        report.error("E243", span, message)
    seen: set[str] = set()
    for _, arm in arms:
        if arm.text in seen:
            report.error("E212", arm.span, f"there is an arm `{arm.text}` already")
        seen.add(arm.text)
    return shares
