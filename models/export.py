"""An export: which list leaves as a file, and what of it."""

from dataclasses import dataclass
from enum import StrEnum

from models.paging import EVER, Span


class ExportKind(StrEnum):
    USERS = "users"
    MEMBERS = "members"  # of a segment
    ORDERS = "orders"
    JOURNEYS = "journeys"  # what came of each campaign's
    REPORTS = "reports"  # what came of campaigns, all that is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """`personal` says whether names, addresses and attributes of people are in it.

    `span` is when people became known, orders were placed, or what is counted happened.
    """

    kind: ExportKind
    personal: bool = False
    segment: str = ""
    span: Span = EVER
