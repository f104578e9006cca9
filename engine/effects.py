"""What a step of a journey does to its user: the effect, and the facts as it leaves them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias, assert_never

from dsl import MISSING, Moment, value
from dsl.core import Expr
from dsl.moment import add
from dsl.triggers import (
    AwardStep,
    CallWebhook,
    Emit,
    EnterLottery,
    GrantStep,
    Send,
    SetFact,
    Tag,
)
from engine.consents import refusal
from engine.plans import Deed
from engine.presentation import present
from models.effect import WEBHOOK, Effect, EffectKind, EffectState
from models.run import Run

Facts: TypeAlias = Mapping[str, Any]
# Makes up a code that nobody can guess. An argument, like the time: nothing here is chance.
Codes: TypeAlias = Callable[[], str]


def effect_of(run: Run, step: Deed, facts: Facts, moment: Moment, codes: Codes) -> Effect:
    """Return what a step does, for these facts and now."""
    match step:
        case Send():
            return _send(run, step, facts, moment)
        case Tag():
            kind = EffectKind.UNTAG if step.remove else EffectKind.TAG
            return _effect(run, step, kind, moment.now, {"tag": step.tag})
        case SetFact():
            found = value(step.value, facts, moment)
            data = {"path": list(step.path)} | ({} if found is MISSING else {"value": found})
            return _effect(run, step, EffectKind.SET, moment.now, data)
        case GrantStep():
            ends = add(moment.now, step.duration, moment.zone)
            granted = {"promotion": step.promotion, "code": codes(), "expires_at": ends}
            return _effect(run, step, EffectKind.GRANT, moment.now, granted)
        case AwardStep():
            return _effect(run, step, EffectKind.AWARD, moment.now, {"points": step.points})
        case Emit():
            told = {"event": step.event, "data": _values(step.data, facts, moment)}
            return _effect(run, step, EffectKind.EMIT, moment.now, told)
        case EnterLottery():
            return _effect(run, step, EffectKind.ENTER, moment.now, {"lottery": step.lottery})
        case CallWebhook():
            return replace(
                _effect(run, step, EffectKind.CALL, moment.now, _shown(step.data, facts, moment)),
                state=EffectState.PENDING,
                channel=WEBHOOK,
                template=step.webhook,
                transactional=True,
            )
        case _:
            assert_never(step)


def _send(run: Run, step: Send, facts: Facts, moment: Moment) -> Effect:
    reason = refusal(step.channel, facts["user"], transactional=step.transactional)
    data = _shown(step.data, facts, moment)
    if run.granted:
        data = {"codes": dict(run.granted), **data}
    return replace(
        _effect(run, step, EffectKind.MESSAGE, moment.now, data),
        state=EffectState.PENDING if reason is None else EffectState.SKIPPED,
        reason=reason or "",
        channel=step.channel,
        template=step.template,
        transactional=step.transactional,
    )


def _values(data: Iterable[tuple[str, Expr]], facts: Facts, moment: Moment) -> dict[str, Any]:
    return {
        name: found for name, expr in data if (found := value(expr, facts, moment)) is not MISSING
    }


def _shown(data: Iterable[tuple[str, Expr]], facts: Facts, moment: Moment) -> dict[str, Any]:
    """Return values as a template, or another system, is to see them."""
    kinds = {name: expr.kind for name, expr in data}
    return {
        name: present(found, kinds[name], moment.program.currency)
        for name, found in _values(data, facts, moment).items()
    }


def changed(user: Mapping[str, Any], effect: Effect) -> Mapping[str, Any]:
    """Return a user's facts as an effect leaves them."""
    tags = [tag for tag in user.get("tags", ()) if tag != effect.data.get("tag")]
    match effect.kind:
        case EffectKind.TAG:
            return {**user, "tags": [*tags, effect.data["tag"]]}
        case EffectKind.UNTAG:
            return {**user, "tags": tags}
        case EffectKind.SET if "value" in effect.data:
            return {**user, effect.data["path"][0]: effect.data["value"]}
        case EffectKind.AWARD:
            return {**user, "points": user.get("points", 0) + effect.data["points"]}
        case _:
            return user


def _effect(
    run: Run, step: Deed, kind: EffectKind, now: datetime, data: Mapping[str, Any]
) -> Effect:
    return Effect(
        id=f"{run.id}:{step.id}",
        kind=kind,
        user_id=run.user_id,
        run_id=run.id,
        trigger=run.trigger,
        step=step.id,
        campaign_id=run.campaign_id,
        publication=run.publication,
        at=now,
        state=EffectState.DONE,
        data=data,
    )
