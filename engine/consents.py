"""Whether a message may go to a person on a channel."""

from collections.abc import Mapping
from typing import Any

# The facts that say where a person is reached. Rules cannot name the latter two.
ADDRESS = {"email": "email", "sms": "@phone", "push": "@devices"}


def refusal(
    channel: str, user: Mapping[str, Any], *, transactional: bool, topic: str = ""
) -> str | None:
    """Return why this user is not sent a message: "no_address", "no_consent" or "topic_refused";
    None if they are.

    `user` is the user's facts. Transactional messages need no consent; another system that is told
    by webhook has to see to it itself.
    """
    if channel not in ADDRESS:
        return None
    if not user.get(ADDRESS[channel]):
        return "no_address"
    if not transactional and user.get("consent", {}).get(channel) is not True:
        return "no_consent"
    if not transactional and topic and f"{channel}/{topic}" in user.get("@refused", ()):
        return "topic_refused"
    return None
