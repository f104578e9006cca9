"""Whether a message may go to a person on a channel."""

from collections.abc import Mapping
from typing import Any

_ADDRESS = {"email": "email", "sms": "phone", "push": "push_token"}


def refusal(channel: str, user: Mapping[str, Any], *, transactional: bool) -> str | None:
    """Return why this user is not sent a message: "no_address" or "no_consent"; None if they are.

    `user` is the user's facts. Transactional messages need no consent.
    """
    if not user.get(_ADDRESS.get(channel, channel)):
        return "no_address"
    if not transactional and user.get("consent", {}).get(channel) is not True:
        return "no_consent"
    return None
