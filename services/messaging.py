"""Changing how much marketing people get."""

from engine.consents import ADDRESS
from models.errors import Invalid
from models.messaging import Messaging
from models.store import Stores
from models.workspace import Workspace

_MOST_CAPS = 10


async def update_policy(policy: Messaging, *, version: int, stores: Stores) -> Workspace:
    """Replace the policy. Raises Invalid, or Conflict if someone has changed the settings since."""
    if len(policy.caps) > _MOST_CAPS:
        raise Invalid(f"There may be at most {_MOST_CAPS} caps.", field=("caps",))
    for cap in policy.caps:
        if not 0 <= cap.most <= 100 or not 1 <= cap.days <= 90:
            raise Invalid("A cap is 0 to 100 messages in 1 to 90 days.", field=("caps",))
        if cap.channel is not None and cap.channel not in ADDRESS:
            raise Invalid("A cap is for EMAIL, SMS, PUSH or all of them.", field=("caps",))
    holdout = policy.holdout
    if not (holdout.is_finite() and 0 <= holdout <= 50 and round(holdout, 2) == holdout):
        raise Invalid("The holdout is 0 to 50, with at most two decimals.", field=("holdout",))
    return await stores.workspace.edit(version=version, messaging=policy)
