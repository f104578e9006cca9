"""The surface tree's triggers: what starts one, and the steps of its journey."""

from dataclasses import dataclass, field
from typing import TypeAlias

from dsl.nodes.clauses import Award, EventMatch, Grant
from dsl.nodes.expressions import (
    Duration,
    Expr,
    Name,
    Node,
    Number,
    Path,
    Percent,
    Text,
    Time,
    Timestamp,
)

# --- starts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserZone(Node):
    """`in user timezone`."""


Zone: TypeAlias = UserZone | Text


@dataclass(frozen=True, slots=True)
class OnEvent(Node):
    event: EventMatch


@dataclass(frozen=True, slots=True)
class AtTime(Node):
    at: Timestamp
    zone: Zone | None = None


@dataclass(frozen=True, slots=True)
class Every(Node):
    """`every day at T`, `every week on monday at T`, `every month on 31 at T`.

    `unit` of day week month; `on` is a weekday's name for a week, a day's number for a month.
    """

    unit: str
    on: str | Number | None
    at: Time
    zone: Zone | None = None


@dataclass(frozen=True, slots=True)
class OnSegment(Node):
    """`when user enters segment X`, or `leaves`."""

    segment: Name
    enters: bool


Start: TypeAlias = OnEvent | AtTime | Every | OnSegment


# --- a trigger's own clauses ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quiet(Node):
    start: Time
    end: Time


@dataclass(frozen=True, slots=True)
class Pace(Node):
    """`pace N per hour`; `unit` of minute hour day."""

    count: Number
    unit: str


@dataclass(frozen=True, slots=True)
class Reenter(Node):
    """`mode` of never restart parallel."""

    mode: str


@dataclass(frozen=True, slots=True)
class Then(Node):
    steps: tuple["Step", ...]


# --- steps ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry(Node):
    """`name: EXPR` within the braces of `with` and `emit`."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Wait(Node):
    duration: Duration
    unless: EventMatch | None = None


@dataclass(frozen=True, slots=True)
class WaitUntil(Node):
    """`wait until [monday] 09:00 [unless …]`."""

    weekday: str | None
    at: Time
    unless: EventMatch | None = None


@dataclass(frozen=True, slots=True)
class WaitFor(Node):
    """`wait for EVENT [as NAME] [where …] up to D { … } [else { … }]`."""

    event: EventMatch
    bound: Name | None
    up_to: Duration
    then: tuple["Step", ...]
    otherwise: tuple["Step", ...] | None = None


@dataclass(frozen=True, slots=True)
class Send(Node):
    """`data` is None where no `with` was written."""

    channel: Name
    template: Text
    data: tuple[Entry, ...] | None = None
    transactional: bool = False


@dataclass(frozen=True, slots=True)
class SetFact(Node):
    path: Path
    value: Expr


@dataclass(frozen=True, slots=True)
class Tag(Node):
    """`tag "x"`, or `untag "x"`."""

    tag: Text
    remove: bool = False


@dataclass(frozen=True, slots=True)
class CallWebhook(Node):
    webhook: Text
    data: tuple[Entry, ...] | None = None


@dataclass(frozen=True, slots=True)
class Emit(Node):
    event: Name
    data: tuple[Entry, ...] | None = None


@dataclass(frozen=True, slots=True)
class EnterLottery(Node):
    lottery: Name


@dataclass(frozen=True, slots=True)
class If(Node):
    condition: Expr
    then: tuple["Step", ...]
    otherwise: tuple["Step", ...] | None = None


@dataclass(frozen=True, slots=True)
class StepArm(Node):
    share: Percent
    name: Name
    steps: tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class SplitSteps(Node):
    name: Name
    arms: tuple[StepArm, ...]


@dataclass(frozen=True, slots=True)
class Stop(Node):
    pass


Action: TypeAlias = (
    Wait
    | WaitUntil
    | WaitFor
    | Send
    | Grant
    | Award
    | SetFact
    | Tag
    | CallWebhook
    | Emit
    | EnterLottery
    | If
    | SplitSteps
    | Stop
)


@dataclass(frozen=True, slots=True)
class Step(Node):
    """One action, with the label that `as LABEL` gives it."""

    action: Action
    label: Name | None = field(default=None)
