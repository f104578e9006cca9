"""The audit log in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models.audit import Credential, Link, Result
from schema.enums import describe
from schema.ids import to_global

describe(
    Credential,
    "What a caller showed.",
    name="AuditCredential",
    SESSION="The access token of someone who signed in.",
    API_KEY="An API key.",
    LINK="What a link in a message carries.",
    COMMAND="Nothing: a command, where the shop runs.",
    NONE="Nothing.",
)
describe(
    Result,
    "How a change went.",
    name="AuditResult",
    DONE="It was made.",
    REFUSED="It was refused, as `code` says.",
    FAILED="It went wrong.",
    UNKNOWN="The process ended before it could say.",
)
_ACTORS = {Credential.SESSION: "User", Credential.API_KEY: "ApiKey", Credential.LINK: "User"}


@strawberry.type(description="A change that someone made or asked for, as the log has it.")
class AuditEntry:
    number: str = strawberry.field(description="Its place in the log, from 1 without a gap.")
    at: datetime = strawberry.field(description="When it was asked for.")
    operation: str = strawberry.field(description="The mutation, or what else changed something.")
    credential: Credential = strawberry.field(description="What the caller showed.")
    actor_id: strawberry.ID | None = strawberry.field(description="The user or the API key.")
    result: Result = strawberry.field(description="How it went.")
    code: str | None = strawberry.field(description="Why it was refused or failed.")
    about: list[strawberry.ID] = strawberry.field(
        description="What it was about: ids that were given or answered, at most 20."
    )
    rows: int | None = strawberry.field(
        description="Of a list that left as a file: how many rows of it did."
    )
    personal: bool | None = strawberry.field(
        description="Of a list that left as a file: whether names, addresses and attributes of "
        "people were in it."
    )
    previous_hash: str = strawberry.field(description="The seal of the entry before.")
    hash: str = strawberry.field(description="The seal of all that the entry has: an HMAC.")

    @classmethod
    def of(cls, link: Link) -> Self:
        """Show an entry in its place."""
        entry = link.entry
        kind = _ACTORS.get(entry.by.credential)
        return cls(
            number=str(link.number),
            at=entry.at,
            operation=entry.operation,
            credential=entry.by.credential,
            actor_id=strawberry.ID(to_global(kind, entry.by.id)) if kind and entry.by.id else None,
            result=entry.result,
            code=entry.code,
            about=[strawberry.ID(to_global(*each.split(":", 1))) for each in entry.about],
            rows=entry.rows,
            personal=entry.personal,
            previous_hash=link.previous,
            hash=link.hash,
        )
