"""A checked trigger: what starts it, for whom, and the steps of its journey."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from dsl.clauses import Active, Goal, Length, Limit
from dsl.core import Expr
from dsl.diagnostics import Span

# --- starts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OnEvent:
    event: str
    where: Expr | None


@dataclass(frozen=True, slots=True)
class AtTime:
    """Once, at a wall-clock time. `zone` is a zone's name, "user", or None for the workspace's."""

    local: datetime  # naive where a zone is to be applied, aware where the rule gave an offset
    zone: str | None


@dataclass(frozen=True, slots=True)
class Every:
    """`every day|week on monday|month on 31 at HH:MM`; `zone` as in AtTime."""

    unit: str  # "day" "week" "month"
    on: str | int | None
    at: str
    zone: str | None


@dataclass(frozen=True, slots=True)
class OnSegment:
    segment: str
    enters: bool


Start: TypeAlias = OnEvent | AtTime | Every | OnSegment


# --- steps ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """`id` is the label, else a digest of the content and its order among equals."""

    id: str
    span: Span = field(default=Span(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Wait(_Step):
    """`wait D [unless EVENT where …]`: the event ends the run."""

    duration: Length
    unless: OnEvent | None = None


@dataclass(frozen=True, slots=True)
class WaitUntil(_Step):
    """`wait until [monday] 09:00`: the next such instant strictly later, in the user's zone."""

    weekday: str | None
    at: str
    unless: OnEvent | None = None


@dataclass(frozen=True, slots=True)
class WaitFor(_Step):
    """`wait for EVENT [as NAME] where … up to D {…} else {…}`."""

    event: OnEvent
    bound: str | None
    up_to: Length
    then: tuple["Step", ...]
    otherwise: tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class Send(_Step):
    """`send CHANNEL [transactional] "template" with { name: EXPR }`."""

    channel: str
    template: str
    data: tuple[tuple[str, Expr], ...] = ()
    transactional: bool = False


@dataclass(frozen=True, slots=True)
class GrantStep(_Step):
    promotion: str
    duration: Length


@dataclass(frozen=True, slots=True)
class AwardStep(_Step):
    points: int


@dataclass(frozen=True, slots=True)
class SetFact(_Step):
    """`set user.x to EXPR`."""

    path: tuple[str, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Tag(_Step):
    tag: str
    remove: bool = False


@dataclass(frozen=True, slots=True)
class CallWebhook(_Step):
    webhook: str
    data: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class Emit(_Step):
    event: str
    data: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class EnterLottery(_Step):
    lottery: str


@dataclass(frozen=True, slots=True)
class If(_Step):
    condition: Expr
    then: tuple["Step", ...]
    otherwise: tuple["Step", ...] = ()


@dataclass(frozen=True, slots=True)
class Split(_Step):
    """`split NAME { P% arm { steps } … }`; shares in percent, summing to 100."""

    name: str
    arms: tuple[tuple[Decimal, str, tuple["Step", ...]], ...]


@dataclass(frozen=True, slots=True)
class Stop(_Step):
    pass


Step: TypeAlias = (
    Wait
    | WaitUntil
    | WaitFor
    | Send
    | GrantStep
    | AwardStep
    | SetFact
    | Tag
    | CallWebhook
    | Emit
    | EnterLottery
    | If
    | Split
    | Stop
)


@dataclass(frozen=True, slots=True)
class Pace:
    count: int
    unit: str  # "minute" "hour" "day"


@dataclass(frozen=True, slots=True)
class Trigger:
    name: str
    start: Start
    title: str | None = None
    active: tuple[Active, ...] = ()
    audience: Expr | None = None
    limits: tuple[Limit, ...] = ()
    quiet: tuple[str, str] | None = None
    pace: Pace | None = None
    reenter: str | None = None  # "never" "restart" "parallel"; None: the default of language
    holdout: Decimal | None = None
    goal: Goal | None = None
    priority: int = 0
    steps: tuple[Step, ...] = ()
    zone: str | None = (
        None  # whose calendar windows and `today` use: a zone's name, "user", None: workspace
    )
    campaign: str | None = None
    span: Span = field(default=Span(), compare=False, repr=False)
