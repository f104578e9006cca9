"""Carrying out what journeys do: each effect once, by its key, however often it is asked for."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from models.beacon import Chain
from models.effect import Effect, EffectKind, EffectState
from models.event import Event
from models.store import Stores
from models.unique_code import Code
from services import entering, events, memberships, points
from services.clock import Clock
from services.jobs import Jobs
from services.rulebook import Published, Rulebook

SOURCE = "journey"
_OF_PEOPLE = frozenset({EffectKind.TAG, EffectKind.UNTAG, EffectKind.SET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What carrying out effects needs. Draws are promised to a round of `chain`."""

    stores: Stores
    rulebook: Rulebook
    jobs: Jobs
    clock: Clock
    chain: Chain | None = None


async def carry_out(effects: Sequence[Effect], means: Means) -> None:
    """Do what these effects say, or have it queued, and keep them in the ledger."""
    if not effects:
        return
    stores, current = means.stores, await means.rulebook.current()
    refused, *_ = await asyncio.gather(
        _enter(_entering(effects), current, means),
        _change(effects, means),
        stores.codes.add([_code(effect) for effect in _of(EffectKind.GRANT, effects)]),
        _emit(_of(EffectKind.EMIT, effects), current, means),
        _award(_of(EffectKind.AWARD, effects), current, means),
    )
    kept = [refused.get(effect.id, effect) for effect in effects]
    await stores.effects.add(kept, wall=means.clock.wall())


async def _change(effects: Sequence[Effect], means: Means) -> None:
    """Change people, and have those looked at whose segments that can concern."""
    if not any(effect.kind in _OF_PEOPLE for effect in effects):
        return
    stores, rulebook = means.stores, means.rulebook
    asked = await memberships.asked(stores=stores, rulebook=rulebook)
    await stores.users.change(effects, asked)
    # A filling that begins later sees the changes itself, one that began meanwhile may not have.
    if not (later := await memberships.asked(stores=stores, rulebook=rulebook)) <= asked:
        await stores.users.change(effects, later)


def _of(kind: EffectKind, effects: Iterable[Effect]) -> list[Effect]:
    return [effect for effect in effects if effect.kind is kind]


def _entering(effects: Iterable[Effect]) -> list[Effect]:
    """Return those that are to enter someone: the step has skipped the others."""
    return [e for e in _of(EffectKind.ENTER, effects) if e.state is not EffectState.SKIPPED]


def _code(effect: Effect) -> Code:
    return Code(
        code=effect.data["code"],
        promotion=effect.data["promotion"],
        made_at=effect.at,
        user_id=effect.user_id,
        expires_at=effect.data["expires_at"],
        batch=f"run {effect.run_id}",
    )


async def _emit(effects: Sequence[Effect], current: Published, means: Means) -> None:
    """Keep events as if they had been told now. What they start is judged by what is live now."""
    emitted = [
        Event(
            id=events.key_of(SOURCE, effect.id, effect.data["event"], effect.data["data"]),
            name=effect.data["event"],
            user_id=effect.user_id,
            at=effect.at,
            received_at=means.clock.now(),
            publication=current.number,
            data=effect.data["data"],
        )
        for effect in effects
    ]
    if emitted:
        await means.stores.events.add(emitted)
        await events.lanes_of(emitted, means.jobs)


async def _award(effects: Sequence[Effect], current: Published, means: Means) -> None:
    if effects:
        await points.award_all(
            [
                points.Award(
                    key=effect.id,
                    user_id=effect.user_id,
                    points=effect.data["points"],
                    at=effect.at,
                    rules=await means.rulebook.version(effect.publication),
                    campaign_id=effect.campaign_id,
                    about={"run": effect.run_id, "trigger": effect.trigger, "step": effect.step},
                )
                for effect in effects
            ],
            stores=means.stores,
            current=current,
            now=means.clock.now(),
        )


async def _enter(effects: Sequence[Effect], current: Published, means: Means) -> dict[str, Effect]:
    """Enter people in lotteries; return the effects of those who could not be."""
    refusals = await asyncio.gather(
        *(
            entering.enter_by(
                effect.data["lottery"],
                effect.user_id,
                effect.id,
                effect.at,
                published=current,
                stores=means.stores,
                wall=means.clock.wall(),
                chain=means.chain,
            )
            for effect in effects
        )
    )
    return {
        effect.id: replace(effect, state=EffectState.SKIPPED, reason=reason)
        for effect, reason in zip(effects, refusals, strict=True)
        if reason is not None
    }
