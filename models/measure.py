"""A measure as it is kept: how it comes of events, and how far it has got."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class MeasureState(StrEnum):
    FILLING = "filling"  # being made of the events that were there before it
    LIVE = "live"
    RETIRED = "retired"  # nobody needs it, or it cannot be kept: soon removed
    REMOVING = "removing"
    GONE = "gone"  # removed for good: it could not be kept


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMeasure:
    """`contribution`, `group` and `value` are MongoDB's expressions (dsl.mongo.folding).

    Everybody up to `filled_to` has it already, in the order of their ids; everybody, if that is
    None. `fits` is false once a bucket could not be kept.
    """

    id: str
    slot: str
    event: str
    zone: str
    contribution: Any
    group: Mapping[str, Any]
    value: Any
    state: MeasureState = MeasureState.FILLING
    filled_to: str | None = ""
    retired_at: datetime | None = None
    fits: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsChange:
    """New buckets of one person, by measure and day: None where there is nothing any more.

    `whole` measures are all of these buckets, whatever there was; others are kept beside those that
    were there, which comes to what is kept `then`, if that is known. The change holds for facts of
    `version` alone: they may have been made anew of more events since.
    """

    user_id: str
    version: int | None
    buckets: Mapping[str, Mapping[str, Any]]
    last: datetime
    then: Mapping[str, Mapping[str, Any]] | None = None
    whole: bool = False
