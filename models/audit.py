"""The audit log: who changed what and when, each entry sealed with the hash of the one before."""

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change. `about` are the things concerned, as "Type:key": ids, and never what they say."""

    id: str
    at: datetime
    by: Actor
    operation: str
    result: Result
    code: str | None = None
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry with its place in the log, and what ties it to the one before."""

    number: int
    entry: AuditEntry
    previous: str
    hash: str


def digest(document: Mapping[str, Any]) -> str:
    """Return the hash of an entry as it is kept: of all it has, but for the hash itself."""
    sealed = {name: value for name, value in document.items() if name != "hash"}
    # Whatever someone has put there instead of what was written has a hash, too: another one.
    text = orjson.dumps(sealed, default=repr, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    return sha256(text).hexdigest()
