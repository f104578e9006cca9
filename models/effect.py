"""Effects: the ledger of everything done to anyone. The id is what it is, so it is done once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

WEBHOOK = "webhook"  # the channel of calls


class EffectKind(StrEnum):
    MESSAGE = "message"
    TAG = "tag"
    UNTAG = "untag"
    SET = "set"
    GRANT = "grant"  # of a code
    AWARD = "award"  # of points
    EMIT = "emit"  # of an event
    ENTER = "enter"  # in a lottery
    CALL = "call"  # of a webhook: `template` is its name, `data` what it is told


class EffectState(StrEnum):
    """A message's way. From `sending` on nobody can know from here whether it left."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"
    DONE = "done"  # of effects that are not messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing that a step of a run does. `id` is "run:step". `at` is business time.

    A message goes by its `channel`, a call by the channel "webhook" and always as transactional:
    at least once, with an id that stays. `deaths` counts workers that stopped while they had it.
    """

    id: str
    kind: EffectKind
    user_id: str
    run_id: str
    trigger: str
    step: str
    campaign_id: str | None
    publication: int
    at: datetime
    state: EffectState
    channel: str = ""
    template: str = ""
    transactional: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    to: str = ""
    subject: str = ""
    sent_at: datetime | None = None
    reason: str = ""
    template_version: int | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    claims: int = 0
    failures: int = 0
    deaths: int = 0

    @property
    def leaves(self) -> bool:
        """Whether it has to leave the house, and so may fail to."""
        return self.kind in (EffectKind.MESSAGE, EffectKind.CALL)
