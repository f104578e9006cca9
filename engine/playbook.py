"""A program's triggers made ready to run, once per program."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from dsl.program import Program
from engine.needs import Need, everything, expressions_of_trigger, needs_of
from engine.plans import Plan, plan_of
from engine.starting import listeners


@dataclass(frozen=True, slots=True)
class Playbook:
    """`listeners` are the plans that an event can start, `needs` what triggers ask about."""

    program: Program
    plans: Mapping[str, Plan]
    listeners: Mapping[str, tuple[Plan, ...]]
    needs: frozenset[Need] = field(repr=False)
    all_needs: frozenset[Need] = field(repr=False)


_KEPT = 32
_made: OrderedDict[int, Playbook] = OrderedDict()


def playbook_of(program: Program) -> Playbook:
    """Return a program's playbook, made when it is first asked for."""
    # By identity: a playbook holds its program, so that the id is not given to another meanwhile.
    found = _made.get(id(program))
    if found is None:
        found = _made[id(program)] = _make(program)
        while len(_made) > _KEPT:
            _made.popitem(last=False)
    return found


def _make(program: Program) -> Playbook:
    plans = {name: plan_of(trigger) for name, trigger in program.triggers.items()}
    return Playbook(
        program,
        plans,
        {
            event: tuple(plans[trigger.name] for trigger in triggers)
            for event, triggers in listeners(program).items()
        },
        needs_of(
            program,
            (e for t in program.triggers.values() for e in expressions_of_trigger(t)),
        ),
        everything(program),
    )
