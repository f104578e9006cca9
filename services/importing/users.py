"""People imported: found by another system's id, else by their address, else new.

What a row does not say of someone stays as it is. Nobody who is known here is made to agree to
anything, unless the import asks for that; and the shop's own people are not changed by files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dsl.builtin import USER
from dsl.kinds import TIMESTAMP
from models.address import normalised
from models.errors import Conflict, Invalid
from models.ids import new_id
from models.imports import Row
from models.principal import Role
from models.user import CONSENTS, User
from services import people
from services.importing import values
from services.importing.mapping import Refused
from services.importing.plan import Plan, Said, Work, readable
from services.importing.values import text

MOST_TAGS = 100
LONGEST_TAG = 100
_BUILT_IN = {name for name, _ in USER.fields}
_CUSTOMER = frozenset({Role.CUSTOMER})


@dataclass(slots=True)
class _Known:
    """Who is known by what, before the page and while it is read."""

    before: dict[str, User]
    external: dict[str, str]
    emails: dict[str, str]
    after: dict[str, User] = field(default_factory=dict)
    linked: dict[str, str] = field(default_factory=dict)
    claimed: dict[str, str] = field(default_factory=dict)

    def find(self, external: str, email: str) -> str | None:
        """Return whose row it is. Raises Refused if two are meant."""
        by_id, by_email = self.external.get(external), self.emails.get(email)
        if by_id and by_email and by_id != by_email:
            raise Refused(
                "email",
                "EMAIL_TAKEN",
                "is somebody else's",
                "leave it out, or find out which of the two this is",
            )
        return by_id or by_email


async def plan(rows: Sequence[Row], work: Work) -> Plan:
    """Decide what becomes of people."""
    made = Plan()
    said = readable(rows, work, made)
    known = await _known([each for _, each in said], work)
    for row, each in said:
        try:
            user_id, was, now = _person(each, known, work)
        except Refused as refused:
            made.refuse(row.number, refused)
            continue
        known.after[user_id] = now
        if was is None:
            made.created += 1
        elif now != was:
            made.updated += 1
        else:
            made.unchanged += 1

    async def write() -> None:
        stores = work.stores
        if not await stores.identities.link_many(known.linked, known.claimed):
            raise Conflict("Somebody took an address or an id meanwhile; this is tried again.")
        pairs = [(known.before.get(user_id), now) for user_id, now in known.after.items()]
        await stores.users.take_over([(was, now) for was, now in pairs if was != now])

    made.write = write
    return made


async def _known(said: Sequence[Said], work: Work) -> _Known:
    external = {str(each["externalId"]).strip() for each in said if "externalId" in each}
    emails = {str(each["email"]).strip().lower() for each in said if "email" in each}
    identities = work.stores.identities
    by_id = await identities.find_external(sorted(external))
    by_email = await identities.find_emails(sorted(emails))
    ids = {*by_id.values(), *by_email.values()}
    return _Known(await work.stores.users.find_many(sorted(ids)), by_id, by_email)


def _person(said: Said, known: _Known, work: Work) -> tuple[str, User | None, User]:
    external = text(said["externalId"], "externalId") if "externalId" in said else ""
    if len(external) > people.LONGEST_EXTERNAL_ID or not external.isprintable():
        raise Refused(
            "externalId",
            "INVALID",
            f"must be 1 to {people.LONGEST_EXTERNAL_ID} printable characters",
        )
    email = _email(said) if "email" in said else ""
    if not external and not email:
        raise Refused(
            "externalId",
            "REQUIRED",
            "is missing, and so is email",
            "one of the two says who it is: give it a column",
        )
    user_id = known.find(external, email) or new_id()
    was = known.after.get(user_id) or known.before.get(user_id)
    if was is not None and was.roles - _CUSTOMER:
        raise Refused(
            "externalId" if external else "email",
            "FORBIDDEN",
            "is one of the shop's own people",
            "files do not change them; sign in as them",
        )
    if was is not None and was.email and email and was.email != email:
        raise Refused(
            "email",
            "EMAIL_DIFFERS",
            "is not the one that is known of this person",
            "leave it out: people change their address themselves",
        )
    start = was or User(id=user_id, created_at=work.now)
    now = replace(start, **_changes(said, start, email, work, new=was is None))
    if external and known.external.get(external) is None:
        known.external[external] = known.linked[external] = user_id
    if email and known.emails.get(email) is None:
        known.emails[email] = known.claimed[email] = user_id
    return user_id, was, now


def _email(said: Said) -> str:
    try:
        return normalised(text(said["email"], "email"))
    except Invalid as error:
        raise Refused("email", error.code, error.message) from None


def _changes(said: Said, start: User, email: str, work: Work, *, new: bool) -> dict[str, Any]:
    changes: dict[str, Any] = {"email": email} if email else {}
    for name in ("name", "locale", "timezone", "phone"):
        if name in said:
            changes |= _profile(name, text(said[name], name), work)
    if "birthday" in said:
        born = values.day(said["birthday"], "birthday", work.mapped.source("birthday"))
        changes |= _profile("birthday", born, work)
    if "createdAt" in said:
        source = work.mapped.source("createdAt")
        changes["created_at"] = values.declared(
            said["createdAt"], TIMESTAMP, "createdAt", source, work.currency, work.zone
        )
    if "tags" in said:
        changes["tags"] = _tags(said["tags"])
    agreed: dict[str, Any] = _consents(said, work, new=new)
    changes["consent"] = replace(start.consent, **agreed)
    changes["attributes"] = {**start.attributes, **_attributes(said, work)}
    return changes


def _profile(name: str, value: Any, work: Work) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = people.PROFILE[name](value, work.clock.wall())
    except Invalid as error:
        raise Refused(name, error.code, error.message) from None
    return stored


def _tags(value: Any) -> tuple[str, ...]:
    tags = values.tags(value, "tags")
    if len(tags) > MOST_TAGS or not all(
        len(tag) <= LONGEST_TAG and tag.isprintable() for tag in tags
    ):
        raise Refused(
            "tags", "INVALID", f"must be at most {MOST_TAGS} of up to {LONGEST_TAG} characters"
        )
    return tags


def _consents(said: Said, work: Work, *, new: bool) -> dict[str, Any]:
    """Return what someone agrees to by a row: who is known can only take it back by it."""
    agreed = {
        name: values.flag(said[f"consent.{name}"], f"consent.{name}")
        for name in CONSENTS
        if f"consent.{name}" in said
    }
    if new or work.job.options.consents:
        return agreed
    return {name: on for name, on in agreed.items() if not on}


def _attributes(said: Said, work: Work) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in said.items():
        prefix, _, name = key.partition(".")
        if prefix != "attributes":
            continue
        kind = work.program.user.get(name) if name not in _BUILT_IN else None
        if kind is None:
            raise Refused(
                key[:100],
                "UNKNOWN_FIELD",
                "is not declared by the rules that are live",
                f"publish rules with `attributes user {{ {name[:50]}: text }}` first",
            )
        source = work.mapped.source(key)
        found[name] = values.declared(value, kind, key, source, work.currency, work.zone)
    return found
