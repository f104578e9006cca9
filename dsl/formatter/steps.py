"""The canonical text of triggers' starts, clauses and steps."""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

from dsl import nodes
from dsl.formatter.clauses import clause, filtered, given, matching
from dsl.formatter.expressions import item, text
from dsl.formatter.layout import Item, braced, following, listed


class Steps:
    """Prints steps. Needs the source, to find where an `else` stands among the comments."""

    def __init__(self, source: str, comments: Sequence[nodes.Comment]) -> None:
        masked = list(source)
        for comment in comments:
            masked[comment.span.start : comment.span.end] = " " * len(comment.text)
        self.source = "".join(masked)

    def trigger_clause(self, node: nodes.TriggerClause) -> Item:
        """Return a clause of a trigger."""
        match node:
            case nodes.OnEvent():
                return matching("on", node.event, "", node)
            case nodes.Then():
                return braced(node.span, "then", list(map(self.step, node.steps)))
            case nodes.AtTime() | nodes.Every() | nodes.OnSegment():
                return Item(node.span, _start(node))
            case nodes.Quiet():
                return Item(node.span, f"quiet {text(node.start)} to {text(node.end)}")
            case nodes.Pace():
                return Item(node.span, f"pace {node.count.text} per {node.unit}")
            case nodes.Reenter():
                return Item(node.span, f"reenter {node.mode}")
            case _:
                return clause(node)

    def step(self, step: nodes.Step) -> Item:
        """Return a step with its label."""
        label = f" as {step.label.text}" if step.label else ""
        return self._action(step.action, label, step)

    def _action(self, action: nodes.Action, label: str, step: nodes.Step) -> Item:
        match action:
            case nodes.WaitFor():
                bound = f" as {action.bound.text}" if action.bound else ""
                before = f"wait for {action.event.event.text}{bound}"
                until = f" up to {text(action.up_to)}"
                head = filtered(before, action.event.where, until, step).flat
                return self._branches(head, action.up_to, action, label, step)
            case nodes.If():
                head = f"if {text(action.condition)}"
                return self._branches(head, action.condition, action, label, step)
            case nodes.SplitSteps():
                arms = [
                    braced(
                        arm.span,
                        f"{text(arm.share)} {arm.name.text}",
                        list(map(self.step, arm.steps)),
                    )
                    for arm in action.arms
                ]
                return braced(step.span, f"split {action.name.text}", arms, label.lstrip())
            case _:
                return _simple(action, label, step)

    def _branches(
        self,
        head: str,
        last: nodes.Node,
        action: nodes.If | nodes.WaitFor,
        label: str,
        step: nodes.Step,
    ) -> Item:
        """Return a step with a block, and perhaps another after `else`."""
        then = list(map(self.step, action.then))
        start = last.span.end
        if action.otherwise is None:
            return braced(step.span, head, then, label.lstrip(), start=start)
        divide = self._find_else(action.then[-1].span.end if action.then else start)
        otherwise = list(map(self.step, action.otherwise))
        return following(
            braced(step.span, head, then, start=start),
            braced(step.span, "else", otherwise, label.lstrip(), start=divide),
            step.span,
        )

    def _find_else(self, start: int) -> int:
        return self.source.index("else", start)


_Simple: TypeAlias = (
    nodes.Wait
    | nodes.WaitUntil
    | nodes.Send
    | nodes.CallWebhook
    | nodes.Emit
    | nodes.SetFact
    | nodes.Award
    | nodes.Grant
    | nodes.Tag
    | nodes.EnterLottery
    | nodes.Stop
)


def _simple(action: _Simple, label: str, step: nodes.Step) -> Item:
    """Return a step without blocks."""
    match action:
        case nodes.Wait():
            return _unless(f"wait {text(action.duration)}", action.unless, label, step)
        case nodes.WaitUntil():
            weekday = f"{action.weekday} " if action.weekday else ""
            return _unless(f"wait until {weekday}{text(action.at)}", action.unless, label, step)
        case nodes.Send():
            transactional = "transactional " if action.transactional else ""
            head = f"send {action.channel.text} {transactional}{text(action.template)}"
            return _with_data(f"{head} with", head, action.data, label, step)
        case nodes.CallWebhook():
            head = f"call {text(action.webhook)}"
            return _with_data(f"{head} with", head, action.data, label, step)
        case nodes.Emit():
            head = f"emit {action.event.text}"
            return _with_data(head, head, action.data, label, step)
        case nodes.SetFact():
            return item(action.value, f"set {action.path} to ", label, step.span)
        case nodes.Award() | nodes.Grant():
            return Item(step.span, given(action) + label)
        case nodes.Tag() | nodes.EnterLottery() | nodes.Stop():
            return Item(step.span, _small(action) + label)
        case _:
            assert_never(action)


def _start(node: nodes.AtTime | nodes.Every | nodes.OnSegment) -> str:
    match node:
        case nodes.AtTime():
            return f"at {text(node.at)}{_zone(node.zone)}"
        case nodes.OnSegment():
            return f"when user {'enters' if node.enters else 'leaves'} segment {node.segment.text}"
        case nodes.Every():
            day = node.on.text if isinstance(node.on, nodes.Number) else node.on
            on = f" on {day}" if day else ""
            return f"every {node.unit}{on} at {text(node.at)}{_zone(node.zone)}"
        case _:
            assert_never(node)


def _zone(zone: nodes.Zone | None) -> str:
    match zone:
        case None:
            return ""
        case nodes.UserZone():
            return " in user timezone"
        case nodes.Text():
            return f" in {text(zone)}"
        case _:
            assert_never(zone)


def _unless(before: str, event: nodes.EventMatch | None, label: str, step: nodes.Step) -> Item:
    if event is None:
        return Item(step.span, before + label)
    return matching(f"{before} unless", event, label, step)


def _with_data(
    opened: str, bare: str, data: tuple[nodes.Entry, ...] | None, label: str, step: nodes.Step
) -> Item:
    if data is None:
        return Item(step.span, bare + label)
    entries = [item(entry.value, f"{entry.name.text}: ", "", entry.span) for entry in data]
    return listed(step.span, f"{opened} {{", entries, f"}}{label}")


def _small(action: nodes.Tag | nodes.EnterLottery | nodes.Stop) -> str:
    match action:
        case nodes.Tag():
            return f"{'untag' if action.remove else 'tag'} {text(action.tag)}"
        case nodes.EnterLottery():
            return f"enter {action.lottery.text}"
        case nodes.Stop():
            return "stop"
        case _:
            assert_never(action)
