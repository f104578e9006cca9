"""A person: who they are to the shop, and what they may do here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from models.paging import EVER, Span
from models.principal import Role

STAFF = frozenset({Role.ADMIN, Role.MARKETER, Role.ANALYST})
# The shop's people and its programs: they may ask and act for others.
SHOP = STAFF | {Role.INTEGRATOR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The channels this person has agreed to be reached on.

    `refused` are topics that they want nothing about all the same, as "email/newsletter";
    `tracking` is whether we may know what they open and click, `social` whether advertising
    platforms may be told that they are in a segment.
    """

    email: bool = False
    sms: bool = False
    push: bool = False
    refused: frozenset[str] = frozenset()
    tracking: bool = False
    social: bool = False


# What people agree to or not, beside topics.
CONSENTS = ("email", "sms", "push", "tracking", "social")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`attributes` are those the rules declare, in their stored form. `version` counts edits.

    `verified_at` is when they showed that the e-mail address is theirs.
    `phone` and `devices` (tokens) are where text messages and push notifications go.
    """

    id: str
    created_at: datetime
    email: str | None = None
    verified_at: datetime | None = None
    phone: str | None = None
    devices: tuple[str, ...] = ()
    name: str = ""
    locale: str | None = None
    timezone: str | None = None
    birthday: date | None = None
    tags: tuple[str, ...] = ()
    consent: Consent = field(default_factory=Consent)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    points: int = 0
    tier: str | None = None
    roles: frozenset[Role] = frozenset({Role.CUSTOMER})
    version: int = 1
    synthetic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which people to list: those with a role, of these ids, known since; or all."""

    role: Role | None = None
    ids: tuple[str, ...] | None = None
    created: Span = EVER


EVERYONE = Which()
