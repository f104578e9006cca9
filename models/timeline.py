"""Timelines: all that happened to a person and was done to them, in one order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from models.paging import EVER, Span


class TimelineKind(StrEnum):
    EVENT = "event"
    RUN_STARTED = "run_started"
    RUN_ENDED = "run_ended"
    GOAL_REACHED = "goal_reached"
    MESSAGE = "message"
    MESSAGE_OPENED = "message_opened"
    MESSAGE_CLICKED = "message_clicked"
    CALL = "call"
    TAG = "tag"
    UNTAG = "untag"
    SET = "set"
    GRANT = "grant"
    AWARD = "award"
    EMIT = "emit"
    ENTER = "enter"
    SEGMENT_ENTERED = "segment_entered"  # and not left since
    POINTS = "points"


@dataclass(frozen=True, slots=True)
class Which:
    """Which entries to list: those of some kinds, of some time; or all."""

    kinds: frozenset[TimelineKind] | None = None
    happened: Span = EVER


ALL = Which()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing. `name` is what it is about: an event, a template, a tag, a reason for points.

    `state` is what became of it, and `why` what it is due to: the event or the occasion that
    started a run, the reason for which one ended or a message was skipped.
    """

    id: str
    at: datetime
    kind: TimelineKind
    name: str
    state: str = ""
    why: str = ""
    trigger: str = ""
    run_id: str | None = None
    campaign_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
