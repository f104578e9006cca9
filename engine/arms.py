"""Which arms of a promotion's splits a buyer is dealt."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from dsl.promotions import Effect, SplitEffects
from engine.chance import arm_of
from models.experiment import Dealt, Experiment


def arms_of(effects: Sequence[Effect], user_id: str, at: datetime) -> Iterator[Dealt]:
    """Yield an arm for each split among effects; of a split in an arm only if that is theirs."""
    for effect in effects:
        if isinstance(effect, SplitEffects):
            shares = [share for share, _, _ in effect.arms]
            _, arm, inner = effect.arms[arm_of(user_id, effect.name, shares)]
            named = [(name, share) for share, name, _ in effect.arms]
            yield Dealt(Experiment.of(effect.name, named), arm, at)
            yield from arms_of(inner, user_id, at)
