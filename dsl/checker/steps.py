"""The steps of a journey, each with the name by which a run finds it again."""

from collections.abc import Sequence
from itertools import pairwise

from dsl import nodes
from dsl.builtin import USER
from dsl.checker import literals
from dsl.checker.agreement import UNKNOWN, currencies_clash, fits, in_words
from dsl.checker.clauses import check_shares, matched
from dsl.checker.effects import check_grant
from dsl.checker.expressions import condition, lower
from dsl.checker.identity import StepNames
from dsl.checker.operations import is_option, is_poisoned
from dsl.checker.paths import REACHES_OUT
from dsl.checker.scopes import Scope
from dsl.checker.suggestions import did_you_mean
from dsl.clauses import Length
from dsl.core import Expr
from dsl.diagnostics import Span
from dsl.kinds import Kind, Record
from dsl.triggers import (
    AwardStep,
    CallWebhook,
    Emit,
    EnterLottery,
    GrantStep,
    If,
    OnEvent,
    Send,
    SetFact,
    Split,
    Step,
    Stop,
    Tag,
    Wait,
    WaitFor,
    WaitUntil,
)

# What stand for an event and a length that the parser or the checker has complained of.
NO_EVENT = OnEvent("", None)
NO_TIME = Length(1, "day")


class Journey:
    """Lowers one trigger's steps: their names and labels are the trigger's own."""

    def __init__(self, scope: Scope) -> None:
        self._world = scope.world
        self._report = scope.world.report
        self._names = StepNames()
        self._labels: set[str] = set()
        self._splits: set[str] = set()

    def steps(self, written: Sequence[nodes.Step], scope: Scope) -> tuple[Step, ...]:
        """Return steps in order, having said which can never be reached."""
        for step, following in pairwise(written):
            if isinstance(step.action, nodes.Stop):
                message = "this is never reached: the step before it stops the run"
                self._report.warning("W307", following.span, message)
        return tuple(self._step(step, scope) for step in written)

    def _step(self, node: nodes.Step, scope: Scope) -> Step:  # noqa: C901, PLR0911, PLR0912 - one case each
        report, span, label = self._report, node.span, self._label(node)
        match node.action:
            case nodes.Wait(duration=duration, unless=unless):
                length = literals.length(duration, report)
                event = None if unless is None else matched(unless, scope) or NO_EVENT
                name = self._names.of(label, "wait", length, event)
                return Wait(length, event, id=name, span=span)
            case nodes.WaitUntil(weekday=weekday, at=at, unless=unless):
                event = None if unless is None else matched(unless, scope) or NO_EVENT
                clock = literals.clock(at.value)
                name = self._names.of(label, "wait until", weekday, clock, event)
                return WaitUntil(weekday, clock, event, id=name, span=span)
            case nodes.WaitFor() as action:
                return self._wait_for(action, label, scope, span)
            case nodes.Send(channel=channel, template=template, transactional=transactional):
                data = self._entries(node.action.data, scope)
                content = (channel.text, template.value, data, transactional)
                name = self._names.of(label, "send", *content)
                return Send(*content, id=name, span=span)
            case nodes.Grant(promotion=promotion, duration=duration):
                return self._grant(promotion, duration, label, scope, span)
            case nodes.Award(points=points):
                many = literals.count(points, report, "points")
                return AwardStep(many, id=self._names.of(label, "award", many), span=span)
            case nodes.SetFact() as action:
                return self._set_fact(action, label, scope, span)
            case nodes.Tag(tag=tag, remove=remove):
                name = self._names.of(label, "tag", tag.value, remove)
                return Tag(tag.value, remove, id=name, span=span)
            case nodes.CallWebhook(webhook=webhook, data=written):
                data = self._entries(written, scope)
                name = self._names.of(label, "call", webhook.value, data)
                return CallWebhook(webhook.value, data, id=name, span=span)
            case nodes.Emit() as action:
                return self._emit(action, label, scope, span)
            case nodes.EnterLottery(lottery=lottery):
                self._world.knows(lottery, nodes.Lottery, "E206")
                name = self._names.of(label, "enter", lottery.text)
                return EnterLottery(lottery.text, id=name, span=span)
            case nodes.If() as action:
                asked = condition(action.condition, scope)
                name = self._names.of(label, "if", asked)
                then = self.steps(action.then, scope)
                otherwise = self.steps(action.otherwise or (), scope)
                return If(asked, then, otherwise, id=name, span=span)
            case nodes.SplitSteps() as action:
                return self._split(action, label, scope, span)
            case nodes.Stop():
                return Stop(id=self._names.of(label, "stop"), span=span)

    def _label(self, node: nodes.Step) -> str | None:
        if node.label is None:
            return None
        label = node.label.text
        if label in self._labels:
            message = f"there is a step `{label}` already in this trigger"
            self._report.error("E212", node.label.span, message)
        self._labels.add(label)
        return label

    def _wait_for(
        self, node: nodes.WaitFor, label: str | None, scope: Scope, span: Span
    ) -> WaitFor:
        event = matched(node.event, scope) or NO_EVENT
        up_to = literals.length(node.up_to, self._report)
        bound, inside = None, scope
        if node.bound is not None:
            bound = node.bound.text
            if bound in (*REACHES_OUT, "now", "today") or bound in scope.roots:
                message = f"`{bound}` means something here already"
                self._report.error("E211", node.bound.span, message, "choose another name")
            else:
                inside = scope.binding(bound, self._world.events.get(event.event, UNKNOWN))
        name = self._names.of(label, "wait for", event, bound, up_to)
        then = self.steps(node.then, inside)
        otherwise = self.steps(node.otherwise or (), scope)
        return WaitFor(event, bound, up_to, then, otherwise, id=name, span=span)

    def _grant(
        self,
        promotion: nodes.Name,
        duration: nodes.Duration | None,
        label: str | None,
        scope: Scope,
        span: Span,
    ) -> GrantStep:
        check_grant(promotion, scope)
        length = NO_TIME if duration is None else literals.length(duration, self._report)
        name = self._names.of(label, "grant", promotion.text, length)
        return GrantStep(promotion.text, length, id=name, span=span)

    def _set_fact(
        self, node: nodes.SetFact, label: str | None, scope: Scope, span: Span
    ) -> SetFact:
        value = lower(node.value, scope)
        kind = self._attribute(node.path)
        if kind is not None and not is_poisoned(value):
            self._check_fit(value, kind, f"`{node.path}`", node.value.span)
        path = node.path.names[1:]
        name = self._names.of(label, "set", path, value)
        return SetFact(path, value, id=name, span=span)

    def _attribute(self, path: nodes.Path) -> Kind | None:
        """Return the type of an attribute of people, the only facts that a step may set."""
        declared = self._declared_attributes()
        root, *rest = path.names
        if root != "user" or len(rest) != 1:
            hint = 'such as `set user.favourite to "tea"`'
            self._report.error("E252", path.span, "only an attribute of `user` can be set", hint)
            return None
        kind = declared.get(rest[0])
        if kind is not None:
            return kind
        if self._world.user.get(rest[0]) is not None:
            hint = {
                "tags": '`tag "…"` and `untag "…"` change them',
                "points": "`award N points` adds to them",
            }.get(rest[0], "only attributes that are declared can be set")
            self._report.error("E252", path.span, f"`{path}` is built in and cannot be set", hint)
        elif rest[0] not in self._world.broken.fields:
            hint = did_you_mean(rest[0], declared, "user.")
            self._report.error("E201", path.parts[1].span, f"`user` has no `{rest[0]}`", hint)
        return None

    def _declared_attributes(self) -> dict[str, Kind]:
        fields = self._world.user.fields
        return {name: kind for name, kind in fields if USER.get(name) is None}

    def _check_fit(self, value: Expr, kind: Kind, what: str, span: Span) -> None:
        if not fits(value.kind, kind):
            message = f"{what} is {in_words(kind)}, and this is {in_words(value.kind)}"
            self._report.error("E220", span, message)
        elif currencies_clash(value.kind, kind):
            message = f"{what} is {in_words(kind)}, and this is {in_words(value.kind)}"
            self._report.error("E221", span, message)
        else:
            is_option(value, kind, self._report)

    def _entries(
        self, written: Sequence[nodes.Entry] | None, scope: Scope
    ) -> tuple[tuple[str, Expr], ...]:
        data: dict[str, Expr] = {}
        for entry in written or ():
            if entry.name.text in data:
                message = f"`{entry.name.text}` is given already"
                self._report.error("E212", entry.name.span, message)
            data[entry.name.text] = lower(entry.value, scope)
        return tuple(data.items())

    def _emit(self, node: nodes.Emit, label: str | None, scope: Scope, span: Span) -> Emit:
        data = self._entries(node.data, scope)
        if self._world.knows_event(node.event):
            self._check_fields(node, dict(data))
        name = self._names.of(label, "emit", node.event.text, data)
        return Emit(node.event.text, data, id=name, span=span)

    def _check_fields(self, node: nodes.Emit, data: dict[str, Expr]) -> None:
        event = node.event.text
        record: Record = self._world.events[event]
        for entry in node.data or ():
            name = entry.name.text
            kind = record.get(name)
            if kind is None:
                hint = did_you_mean(name, [field for field, _ in record.fields])
                message = f"`{event}` has no `{name}`"
                self._report.error("E201", entry.name.span, message, hint)
            elif not is_poisoned(data[name]):
                self._check_fit(data[name], kind, f"`{event}.{name}`", entry.value.span)

    def _split(self, node: nodes.SplitSteps, label: str | None, scope: Scope, span: Span) -> Split:
        if node.name.text in self._splits:
            message = f"there is a split `{node.name.text}` already in this trigger"
            self._report.error("E212", node.name.span, message)
        self._splits.add(node.name.text)
        shares = check_shares(node.name, [(a.share, a.name) for a in node.arms], self._report)
        names = [arm.name.text for arm in node.arms]
        name = self._names.of(label, "split", node.name.text, names, shares)
        steps = [self.steps(arm.steps, scope) for arm in node.arms]
        return Split(
            node.name.text, tuple(zip(shares, names, steps, strict=True)), id=name, span=span
        )
