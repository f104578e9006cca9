"""A trigger's steps as a flat list of instructions, so that a run's place is one step's id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, assert_never

from dsl.core import Expr
from dsl.triggers import (
    AwardStep,
    CallWebhook,
    Emit,
    EnterLottery,
    GrantStep,
    If,
    Send,
    SetFact,
    Split,
    Step,
    Stop,
    Tag,
    Trigger,
    Wait,
    WaitFor,
    WaitUntil,
)
from models.experiment import Experiment

Deed: TypeAlias = Send | Tag | SetFact | GrantStep | AwardStep | CallWebhook | Emit | EnterLottery


@dataclass(frozen=True, slots=True)
class Do:
    step: Deed


@dataclass(frozen=True, slots=True)
class Pause:
    """Goes on with the next instruction when the time has come."""

    step: Wait | WaitUntil


@dataclass(frozen=True, slots=True)
class Listen:
    """Goes on with the next instruction when the event comes, else at `otherwise`."""

    step: WaitFor
    otherwise: int


@dataclass(frozen=True, slots=True)
class Branch:
    """Goes on with the next instruction if the condition holds, else at `otherwise`."""

    condition: Expr
    otherwise: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Goes on where the user's arm begins: `arms` are shares and places, in the split's order."""

    experiment: Experiment
    arms: tuple[tuple[Decimal, int], ...]


@dataclass(frozen=True, slots=True)
class Jump:
    to: int


@dataclass(frozen=True, slots=True)
class Halt:
    pass


Instruction: TypeAlias = Do | Pause | Listen | Branch | Fork | Jump | Halt


@dataclass(frozen=True, slots=True)
class Plan:
    """A trigger made ready to run. `places` finds an instruction by its step's id."""

    trigger: Trigger
    instructions: tuple[Instruction, ...]
    places: Mapping[str, int] = field(repr=False)

    def at(self, position: str | None) -> Instruction | None:
        """Return the instruction of a step, or None if this plan has no such step."""
        place = self.places.get(position) if position is not None else None
        return None if place is None else self.instructions[place]


def plan_of(trigger: Trigger) -> Plan:
    """Flatten a trigger's steps."""
    instructions: list[Instruction] = []
    _flatten(trigger.steps, instructions)
    places = {
        instruction.step.id: place
        for place, instruction in enumerate(instructions)
        if isinstance(instruction, Do | Pause | Listen)
    }
    return Plan(trigger, tuple(instructions), places)


def _flatten(steps: Sequence[Step], into: list[Instruction]) -> None:
    for step in steps:
        match step:
            case Send() | Tag() | SetFact() | GrantStep() | AwardStep():
                into.append(Do(step))
            case CallWebhook() | Emit() | EnterLottery():
                into.append(Do(step))
            case Wait() | WaitUntil():
                into.append(Pause(step))
            case WaitFor():
                place = _reserve(into)
                end = _either(step.then, step.otherwise, into)
                into[place] = Listen(step, end)
            case If():
                place = _reserve(into)
                end = _either(step.then, step.otherwise, into)
                into[place] = Branch(step.condition, end)
            case Split():
                _fork(step, into)
            case Stop():
                into.append(Halt())
            case _:
                assert_never(step)


def _either(then: Sequence[Step], otherwise: Sequence[Step], into: list[Instruction]) -> int:
    """Lay out both ways one after the other and return where the second one begins."""
    _flatten(then, into)
    leave = _reserve(into)
    start = len(into)
    _flatten(otherwise, into)
    into[leave] = Jump(len(into))
    return start


def _fork(step: Split, into: list[Instruction]) -> None:
    place = _reserve(into)
    arms: list[tuple[Decimal, int]] = []
    leaves: list[int] = []
    for share, _, steps in step.arms:
        arms.append((share, len(into)))
        _flatten(steps, into)
        leaves.append(_reserve(into))
    for leave in leaves:
        into[leave] = Jump(len(into))
    named = [(name, share) for share, name, _ in step.arms]
    into[place] = Fork(Experiment.of(step.name, named), tuple(arms))


def _reserve(into: list[Instruction]) -> int:
    into.append(Halt())
    return len(into) - 1
