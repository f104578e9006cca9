"""The audit log: who changed what and when, each entry sealed together with the one before.

A seal is an HMAC with a key that is not in the database: whoever can write there cannot make one.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import orjson

from models.principal import Principal

MOST_ABOUT = 20
BEFORE_THE_FIRST = "0" * 64


class Credential(StrEnum):
    """What a caller showed."""

    SESSION = "session"
    API_KEY = "api_key"
    LINK = "link"  # of a message
    COMMAND = "command"  # whoever may start programs on the server
    NONE = "none"


class Result(StrEnum):
    """How a change went. UNKNOWN: the process ended before it could say."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: `id` is a user's or a key's."""

    credential: Credential
    id: str | None = None

    @classmethod
    def of(cls, caller: Principal | None) -> "Actor":
        """Return the one who makes a request."""
        if caller is None:
            return cls(Credential.NONE)
        if caller.is_key:
            return cls(Credential.API_KEY, caller.session_id)
        return cls(Credential.SESSION, caller.user_id)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a change, and when: what its document keeps until the log knows of it.

    `id` is that of the entry which the log is to have.
    """

    id: str
    at: datetime
    by: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change. `about` are the things concerned, as "Type:key": ids, and never what they say.

    Of a list that leaves as a file `rows` are how many of it left, and `personal` says whether
    names, addresses and attributes were in it.
    """

    id: str
    at: datetime
    by: Actor
    operation: str
    result: Result
    code: str | None = None
    about: tuple[str, ...] = ()
    rows: int | None = None
    personal: bool | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """An entry with its place in the log, and what ties it to the one before."""

    number: int
    entry: AuditEntry
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the log begins, after this entry, or how far it has come; kept under a seal, too."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class SealKeys:
    """What seals are made with, and what they were made with before."""

    key: bytes = field(repr=False)
    before: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, secret: str, before: Sequence[str] = ()) -> "SealKeys":
        """Derive them from the shop's secrets."""
        return cls(_derived(secret), tuple(_derived(each) for each in before))

    @property
    def name(self) -> str:
        """Return what tells the key from others, and nothing about it."""
        return _named(self.key)

    def find(self, name: str) -> bytes | None:
        """Return the key with this name, if it is known."""
        return {_named(key): key for key in (self.key, *self.before)}.get(name)


def _derived(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"audit log", "sha256")


def _named(key: bytes) -> str:
    return hmac.digest(key, b"name", "sha256").hex()[:16]


def digest(document: Mapping[str, Any], key: bytes | None) -> str:
    """Return the seal of an entry as it is kept: of all it has, but for the seal itself.

    Without a key it is the plain hash that entries had before there were keys.
    """
    sealed = {name: value for name, value in document.items() if name != "hash"}
    # Whatever someone has put there instead of what was written has a hash, too: another one.
    text = orjson.dumps(sealed, default=repr, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    return sha256(text).hexdigest() if key is None else hmac.digest(key, text, "sha256").hex()
