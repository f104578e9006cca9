"""Builds triggers' starts and steps out of what the grammar's rules matched."""

from dsl import nodes
from dsl.parser.expressions import Braced, Children, cover, inside, name, number, only


class TriggerClauses:
    def on_event(self, c: Children) -> nodes.OnEvent:
        return nodes.OnEvent(c[1], span=cover(c))

    def at_time(self, c: Children) -> nodes.AtTime:
        return nodes.AtTime(c[1], c[2], span=cover(c))

    def every_day(self, c: Children) -> nodes.Every:
        return nodes.Every("day", None, c[3], c[4], span=cover(c))

    def every_week(self, c: Children) -> nodes.Every:
        return nodes.Every("week", c[3].text, c[5], c[6], span=cover(c))

    def every_month(self, c: Children) -> nodes.Every:
        return nodes.Every("month", number(c[3]), c[5], c[6], span=cover(c))

    def user_zone(self, c: Children) -> nodes.UserZone:
        return nodes.UserZone(span=cover(c))

    def on_segment(self, c: Children) -> nodes.OnSegment:
        return nodes.OnSegment(name(c[4]), c[2].text == "enters", span=cover(c))

    def quiet(self, c: Children) -> nodes.Quiet:
        return nodes.Quiet(c[1], c[3], span=cover(c))

    def pace(self, c: Children) -> nodes.Pace:
        return nodes.Pace(number(c[1]), c[3].text, span=cover(c))

    def reenter(self, c: Children) -> nodes.Reenter:
        return nodes.Reenter(c[1].text, span=cover(c))

    def then(self, c: Children) -> nodes.Then:
        return nodes.Then(c[1].items, span=cover(c))


class Steps:
    def block(self, c: Children) -> Braced:
        return Braced(only(nodes.Step, c), cover(c))

    def step(self, c: Children) -> nodes.Step:
        return nodes.Step(c[0], c[1], span=cover(c))

    def label(self, c: Children) -> nodes.Name:
        return name(c[1])

    def bound(self, c: Children) -> nodes.Name:
        return name(c[1])

    def unless(self, c: Children) -> nodes.EventMatch:
        match: nodes.EventMatch = c[1]
        return match

    def wait(self, c: Children) -> nodes.Wait:
        return nodes.Wait(c[1], c[2], span=cover(c))

    def wait_until(self, c: Children) -> nodes.WaitUntil:
        weekday = None if c[2] is None else c[2].text
        return nodes.WaitUntil(weekday, c[3], c[4], span=cover(c))

    def wait_for(self, c: Children) -> nodes.WaitFor:
        _, _, event, bound, where, _, _, up_to, then, otherwise = c
        match = nodes.EventMatch(name(event), where, span=event.span)
        return nodes.WaitFor(match, bound, up_to, then.items, inside(otherwise), span=cover(c))

    def otherwise(self, c: Children) -> Braced:
        return Braced(c[1].items, cover(c))

    def entry(self, c: Children) -> nodes.Entry:
        return nodes.Entry(name(c[0]), c[2], span=cover(c))

    def data(self, c: Children) -> Braced:
        return Braced(only(nodes.Entry, c), cover(c))

    def with_data(self, c: Children) -> Braced:
        return Braced(c[1].items, cover(c))

    def send(self, c: Children) -> nodes.Send:
        _, channel, transactional, template, data = c
        return nodes.Send(
            name(channel), template, inside(data), transactional is not None, span=cover(c)
        )

    def set_fact(self, c: Children) -> nodes.SetFact:
        return nodes.SetFact(c[1], c[3], span=cover(c))

    def tag(self, c: Children) -> nodes.Tag:
        return nodes.Tag(c[1], c[0].text == "untag", span=cover(c))

    def call_webhook(self, c: Children) -> nodes.CallWebhook:
        return nodes.CallWebhook(c[1], inside(c[2]), span=cover(c))

    def emit(self, c: Children) -> nodes.Emit:
        return nodes.Emit(name(c[1]), inside(c[2]), span=cover(c))

    def enter_lottery(self, c: Children) -> nodes.EnterLottery:
        return nodes.EnterLottery(name(c[1]), span=cover(c))

    def if_step(self, c: Children) -> nodes.If:
        return nodes.If(c[1], c[2].items, inside(c[3]), span=cover(c))

    def split_steps(self, c: Children) -> nodes.SplitSteps:
        return nodes.SplitSteps(name(c[1]), only(nodes.StepArm, c), span=cover(c))

    def step_arm(self, c: Children) -> nodes.StepArm:
        return nodes.StepArm(c[0], name(c[1]), c[2].items, span=cover(c))

    def stop(self, c: Children) -> nodes.Stop:
        return nodes.Stop(span=cover(c))
