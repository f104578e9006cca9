"""Users as documents."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne

from models.effect import Effect, EffectKind
from models.errors import STALE, Conflict, NotFound
from models.membership import IMPORTED
from models.paging import Page, Window
from models.points import Account
from models.principal import Role
from models.store.database import Document, Store
from models.store.keyset import BY_ID, page_of, within
from models.store.notes import at_first, noted
from models.user import EVERYONE, Consent, User, Which

CHANNELS = ("email", "sms", "push")
# What is kept of people's events lies beside their profile, and can be large (models.store.facts).
PROFILE = {"facts": 0}


class Users(Store):
    NAME = "users"
    INDEXES = (
        # Birthdays are asked for by month and day: "-11-22" is the tail of the stored date.
        IndexModel([("birthday_day", ASCENDING), ("_id", ASCENDING)], sparse=True),
        IndexModel([("roles", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("created_at", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("roles", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)]),
        # Those whose clocks agree, in the order of their ids. Not sparse: many have no zone.
        IndexModel([("timezone", ASCENDING), ("_id", ASCENDING)]),
    )

    async def add(self, user: User) -> None:
        """Insert a new person."""
        await self.documents.insert_one(_new(user))

    async def add_once(self, user: User, user_id: str) -> User:
        """Insert the person under this id unless there is one; return who is there."""
        document = _new(replace(user, id=user_id))
        del document["_id"]
        stored = await self.documents.find_one_and_update(
            {"_id": {"$eq": user_id}},
            {"$setOnInsert": document},
            upsert=True,
            projection=PROFILE,
            return_document=ReturnDocument.AFTER,
        )
        assert stored is not None  # an upsert always answers
        return from_document(stored)

    async def save_many(self, users: Sequence[User]) -> None:
        """Insert or replace people in bulk: for imports.

        The points and the tier of who has an account are what their ledger says.
        """
        if users:
            await self.documents.bulk_write(
                [UpdateOne({"_id": user.id}, _replacing(user), upsert=True) for user in users],
                ordered=False,
            )

    async def roles(self, user_id: str) -> frozenset[Role] | None:
        """Return what someone may do; None if there is no such person."""
        return (await self.roles_of([user_id])).get(user_id)

    async def roles_of(self, user_ids: Collection[str]) -> dict[str, frozenset[Role]]:
        """Return what people may do, by their ids."""
        cursor = self.documents.find({"_id": {"$in": list(user_ids)}}, {"roles": 1})
        known = {role.value: role for role in Role}
        return {
            found["_id"]: frozenset(known[word] for word in found.get("roles", ()) if word in known)
            async for found in cursor
        }

    async def take_over(self, changes: Sequence[tuple[User | None, User]]) -> None:
        """Insert people who are new, and set what has changed of others: for imports.

        Each is given as they were and as they are to be. Safe to repeat.
        """
        await self._insert_missing(_imported(now) for was, now in changes if was is None)
        operations = [
            UpdateOne({"_id": now.id}, _changes(was, now))
            for was, now in changes
            if was is not None
        ]
        if operations:
            await self.documents.bulk_write(operations, ordered=False)

    async def find(self, user_id: str) -> User | None:
        """Return the person with this id, if any."""
        document = await self.documents.find_one({"_id": {"$eq": user_id}}, PROFILE)
        return None if document is None else from_document(document)

    async def get(self, user_id: str) -> User:
        """Return the person with this id."""
        user = await self.find(user_id)
        if user is None:
            raise NotFound("There is no such user.")
        return user

    async def find_many(self, user_ids: Sequence[str]) -> dict[str, User]:
        """Return those of these people who exist, by id, in one read."""
        cursor = self.documents.find({"_id": {"$in": list(user_ids)}}, PROFILE)
        return {document["_id"]: from_document(document) async for document in cursor}

    async def known(self, user_ids: Sequence[str]) -> frozenset[str]:
        """Return those of these ids that are somebody's."""
        cursor = self.documents.find({"_id": {"$in": list(user_ids)}}, {"_id": 1})
        return frozenset([document["_id"] async for document in cursor])

    async def zones(self) -> frozenset[str]:
        """Return the time zones that people have, by one look into the index for each."""
        found = await self.documents.distinct("timezone")
        return frozenset(zone for zone in found if isinstance(zone, str))

    async def change(self, effects: Sequence[Effect], asked: Set[str]) -> None:
        """Carry out, in this order, what effects change about people. Safe to repeat.

        Of whom a fact changes that is `asked` about is noted to be looked at.
        """
        operations = []
        for effect in effects:
            update = _change(effect)
            if update is not None:
                fact = f"user.{_changed(effect)}"
                update = noted(update, [fact]) if fact in asked else update
                operations.append(UpdateOne({"_id": effect.user_id}, update))
        if operations:
            await self.documents.bulk_write(operations)

    async def keep_points(self, accounts: Sequence[Account]) -> None:
        """Note what these accounts come to, so that rules can ask. An older account is ignored."""
        operations = [
            UpdateOne(
                {"_id": account.user_id, "points_version": {"$not": {"$gte": account.version}}},
                noted(
                    _update(
                        {
                            "points": account.balance,
                            "tier": account.tier,
                            "points_version": account.version,
                        }
                    ),
                    ["user.points", "user.tier"],
                ),
            )
            for account in accounts
        ]
        if operations:
            await self.documents.bulk_write(operations, ordered=False)

    async def withdraw(self, user_id: str, *, channel: str, topic: str) -> None:
        """Withdraw a person's consent to a channel, or to a topic on it. Safe to repeat."""
        if channel not in CHANNELS:
            return
        place = f"consent.topics.{channel}.{topic}" if topic else f"consent.{channel}"
        await self.documents.update_one(
            {"_id": {"$eq": user_id}, place: {"$ne": False}},
            noted({"$set": {place: False}, "$inc": {"version": 1}}, ["user.consent"]),
        )

    async def verify(self, user_id: str, email: str, *, now: datetime) -> None:
        """Note that a person has shown that the address is theirs, if it still is."""
        await self.documents.update_one(
            {"_id": {"$eq": user_id}, "email": {"$eq": email}, "verified_at": {"$exists": False}},
            {"$set": {"verified_at": now}},
        )

    async def edit(self, user_id: str, changes: Mapping[str, Any], *, version: int) -> User:
        """Set the named fields, unless someone has edited the person since `version`."""
        document = await self.documents.find_one_and_update(
            {"_id": {"$eq": user_id}, "version": {"$eq": version}},
            noted(
                {**_update(changes), "$inc": {"version": 1}},
                [f"user.{_fact(field)}" for field in changes],
            ),
            projection=PROFILE,
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            await self.get(user_id)
            raise Conflict(STALE)
        return from_document(document)

    async def hold_admin(self, *, besides: str) -> bool:
        """Have an administrator other than this one stay; False if there is none.

        Their version is counted up: whoever read them before cannot take the role from them now.
        """
        query = {"roles": {"$eq": Role.ADMIN.value}, "_id": {"$ne": besides}}
        held = await self.documents.update_one(query, {"$inc": {"version": 1}})
        return held.matched_count == 1

    async def page(self, window: Window, which: Which = EVERYONE) -> Page[User]:
        """Return people in the order of their ids."""
        return await page_of(
            self.documents,
            _query(which),
            window,
            read=from_document,
            sorting=BY_ID,
            projection=PROFILE,
        )

    async def count(self, which: Which = EVERYONE) -> int:
        """Count those people."""
        query = _query(which)
        if not query:
            return await self.documents.estimated_document_count()
        return await self.documents.count_documents(query)


def _change(effect: Effect) -> Document | None:
    match effect.kind:
        case EffectKind.TAG:
            return {"$addToSet": {"tags": effect.data["tag"]}}
        case EffectKind.UNTAG:
            return {"$pull": {"tags": effect.data["tag"]}}
        case EffectKind.SET if "value" in effect.data:
            return {"$set": {f"attributes.{effect.data['path'][0]}": effect.data["value"]}}
        case _:
            return None


def _fact(field: str) -> str:
    """Return what rules call a stored field, or the fact that it is part of."""
    return field.removeprefix("attributes.").partition(".")[0]


def _changed(effect: Effect) -> str:
    return str(effect.data["path"][0]) if effect.kind is EffectKind.SET else "tags"


def _new(user: User) -> Document:
    return {**to_document(user), **at_first(user.id)}


def _imported(user: User) -> Document:
    return {**to_document(user), **at_first(user.id, IMPORTED)}


def _changes(was: User, now: User) -> Document:
    """Return the update that makes of someone who they are to be, leaving all else as it is."""
    before, after = _flat(to_document(was)), _flat(to_document(now))
    changed = {n for n in before.keys() | after.keys() if before.get(n) != after.get(n)}
    update: Document = {
        "$set": {name: after[name] for name in changed if name in after},
        "$inc": {"version": 1},
    }
    if gone := changed - after.keys():
        update["$unset"] = dict.fromkeys(gone, "")
    return noted(update, [f"user.{_fact(name)}" for name in changed], IMPORTED)


def _flat(document: Document) -> Document:
    """Return a person's document with attributes and consents by their dotted names."""
    inner = ("attributes", "consent")
    dotted = {f"{name}.{key}": value for name in inner for key, value in document[name].items()}
    return {name: value for name, value in document.items() if name not in inner} | dotted


def _query(which: Which) -> Document:
    query = within(which.created, "created_at")
    if which.role is not None:
        query["roles"] = {"$eq": which.role.value}
    if which.ids is not None:
        query["_id"] = {"$in": list(which.ids)}
    return query


def _update(changes: Mapping[str, Any]) -> Document:
    """Return the update for changes; None unsets, since absent means unknown to rules."""
    stored = dict(changes)
    if "name" in stored:
        stored["name"] = stored["name"] or None
    if "birthday" in stored:
        birthday: date | None = stored["birthday"]
        stored["birthday"] = None if birthday is None else birthday.isoformat()
        stored["birthday_day"] = None if birthday is None else birthday.strftime("%m-%d")
    update = {
        "$set": {key: value for key, value in stored.items() if value is not None},
        "$unset": {key: "" for key, value in stored.items() if value is None},
    }
    return {operator: fields for operator, fields in update.items() if fields}


def _replacing(user: User) -> list[Document]:
    """Return the update that leaves nothing of who was there but what is kept for rules to ask.

    That is what is kept of their events, and what their account of points has come to.
    """
    document = _new(user)
    has_account = {"$ne": [{"$type": "$points_version"}, "missing"]}
    of_account = {
        name: {"$cond": [has_account, f"${name}", _literal(document.pop(name, None))]}
        for name in ("points", "tier")
    }
    kept = {"facts": "$facts", "points_version": "$points_version", "moved_at": "$$NOW"}
    return [{"$replaceWith": {"$mergeObjects": [{"$literal": document}, of_account, kept]}}]


def _literal(value: Any) -> Any:
    return "$$REMOVE" if value is None else {"$literal": value}


def to_document(user: User) -> Document:
    """Return the stored form of a user."""
    document: Document = {
        "_id": user.id,
        "email": user.email,
        "verified_at": user.verified_at,
        "phone": user.phone,
        "devices": list(user.devices) or None,
        "name": user.name or None,
        "locale": user.locale,
        "timezone": user.timezone,
        "birthday": None if user.birthday is None else user.birthday.isoformat(),
        "birthday_day": None if user.birthday is None else user.birthday.strftime("%m-%d"),
        "tags": list(user.tags),
        "consent": _consent(user.consent),
        "attributes": dict(user.attributes),
        "points": user.points,
        "tier": user.tier,
        "roles": sorted(role.value for role in user.roles),
        "created_at": user.created_at,
        "version": user.version,
        "synthetic": user.synthetic,
    }
    # An absent field is "unknown" to rules; a null would be a value to the database's indexes.
    return {key: value for key, value in document.items() if value is not None}


def _consent(consent: Consent) -> Document:
    document: Document = {channel: getattr(consent, channel) for channel in CHANNELS}
    topics: dict[str, dict[str, bool]] = {}
    for each in sorted(consent.refused):
        channel, _, topic = each.partition("/")
        topics.setdefault(channel, {})[topic] = False
    document |= {name: True for name in ("tracking", "social") if getattr(consent, name)}
    return document | ({"topics": topics} if topics else {})


def from_document(document: Document) -> User:
    """Return the user a document holds."""
    birthday = document.get("birthday")
    return User(
        id=document["_id"],
        created_at=document["created_at"],
        email=document.get("email"),
        verified_at=document.get("verified_at"),
        phone=document.get("phone"),
        devices=tuple(document.get("devices", ())),
        name=document.get("name", ""),
        locale=document.get("locale"),
        timezone=document.get("timezone"),
        birthday=None if birthday is None else date.fromisoformat(birthday),
        tags=tuple(document.get("tags", ())),
        consent=_consent_of(document.get("consent", {})),
        attributes=document.get("attributes", {}),
        points=document.get("points", 0),
        tier=document.get("tier"),
        roles=frozenset(Role(role) for role in document.get("roles", ())),
        version=document.get("version", 1),
        synthetic=document.get("synthetic", False),
    )


def _consent_of(document: Document) -> Consent:
    return Consent(
        **{channel: bool(document.get(channel, False)) for channel in CHANNELS},
        tracking=bool(document.get("tracking", False)),
        social=bool(document.get("social", False)),
        refused=frozenset(
            f"{channel}/{topic}"
            for channel, topics in document.get("topics", {}).items()
            for topic, agreed in topics.items()
            if not agreed
        ),
    )
