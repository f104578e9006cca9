"""What a program does on events, made ready to run, once per program."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dsl import Compiler
from dsl.offers import Lottery
from dsl.program import Program
from dsl.triggers import Trigger
from engine.matching import Index
from engine.memory import once_per_program
from engine.needs import Need, everything, needs_of, of_trigger
from engine.plans import Plan, plan_of
from engine.starting import conditions_of, listeners, on_segments


@dataclass(frozen=True, slots=True)
class Playbook:
    """`listeners` are the plans that an event can start; `starts` finds those that it does start.

    `on_segments` are the triggers that entering (True) or leaving a segment starts.
    `lotteries` are those that it can enter, `earning` are events that can earn points, `needs` is
    what triggers, lotteries and loyalty ask about.
    """

    program: Program
    plans: Mapping[str, Plan]
    listeners: Mapping[str, tuple[Plan, ...]]
    lotteries: Mapping[str, tuple[Lottery, ...]]
    earning: frozenset[str]
    on_segments: Mapping[tuple[str, bool], tuple[Trigger, ...]]
    starts: Mapping[str, Index[Plan]] = field(repr=False)
    needs: frozenset[Need] = field(repr=False)
    all_needs: frozenset[Need] = field(repr=False)


@once_per_program
def playbook_of(program: Program) -> Playbook:
    """Return a program's playbook."""
    plans = {name: plan_of(trigger) for name, trigger in program.triggers.items()}
    listening = {
        event: tuple(plans[trigger.name] for trigger in triggers)
        for event, triggers in listeners(program).items()
    }
    earning = program.loyalty.earn if program.loyalty is not None else ()
    compiler = Compiler(program)
    return Playbook(
        program,
        plans,
        listening,
        _lotteries(program),
        frozenset(rule.event.event for rule in earning),
        on_segments(program),
        {
            event: Index(((plan, conditions_of(plan.trigger, program)) for plan in those), compiler)
            for event, those in listening.items()
        },
        frozenset().union(*(of_trigger(each, program) for each in program.triggers.values()))
        | needs_of(
            program,
            (
                *(on.where for each in program.lotteries.values() for on in each.enter_on),
                *(rule.event.where for rule in earning),
            ),
        ),
        everything(program),
    )


def _lotteries(program: Program) -> dict[str, tuple[Lottery, ...]]:
    found: dict[str, dict[str, Lottery]] = {}
    for lottery in program.lotteries.values():
        for wanted in lottery.enter_on:
            found.setdefault(wanted.event, {})[lottery.name] = lottery
    return {event: tuple(lotteries.values()) for event, lotteries in found.items()}
