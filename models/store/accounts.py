"""People's accounts of points: what was last made of their ledger, and what is held of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.ids import new_id
from models.points import Account, Hold, Reason
from models.store.database import Document, Store, duplicates
from models.store.outbox import entry_document, entry_of
from models.store.points import transfer_document, transfer_of


class Accounts(Store):
    NAME = "accounts"
    INDEXES = (
        IndexModel([("due_at", ASCENDING)], name="due_at", sparse=True),
        IndexModel([("terms", ASCENDING)], name="terms"),
        IndexModel([("holds.until", ASCENDING)], name="holds", sparse=True),
    )

    async def find_many(self, user_ids: Sequence[str]) -> dict[str, Account]:
        """Return these people's accounts; whoever has none yet has an empty one."""
        found = {user_id: Account(user_id=user_id) for user_id in user_ids}
        async for document in self.documents.find({"_id": {"$in": list(user_ids)}}):
            found[document["_id"]] = _account(document)
        return found

    async def save(self, accounts: Sequence[Account]) -> frozenset[str]:
        """Write the next versions of accounts; return whose had changed since, which stay.

        Holds that the new version does not have are dropped, none are added.
        """
        if not accounts:
            return frozenset()
        writer = new_id()
        operations = [
            UpdateOne(
                _at(replace(account, version=account.version - 1)),
                _change(account, writer),
                upsert=account.version == 1,
            )
            for account in accounts
        ]
        try:
            result = await self.documents.bulk_write(operations, ordered=False)
            if result.matched_count + result.upserted_count == len(accounts):
                return frozenset()
        except BulkWriteError as error:
            duplicates(error)
        ids = [account.user_id for account in accounts]
        cursor = self.documents.find({"_id": {"$in": ids}, "writer": writer}, {"_id": 1})
        return frozenset(ids) - {document["_id"] async for document in cursor}

    async def hold(self, account: Account, hold: Hold) -> bool:
        """Set points aside, unless the account has changed since it was read."""
        try:
            result = await self.documents.update_one(
                _at(account),
                {"$push": {"holds": _hold_document(hold)}, "$inc": {"version": 1}},
                upsert=account.version == 0,
            )
        except DuplicateKeyError:
            return False
        return result.matched_count > 0 or result.upserted_id is not None

    async def release(self, user_id: str, transfer_id: str) -> None:
        """Let go of what was set aside for a spending. Safe to repeat."""
        await self.documents.update_one(
            {"_id": {"$eq": user_id}, "holds._id": {"$eq": transfer_id}},
            {"$pull": {"holds": {"_id": {"$eq": transfer_id}}}, "$inc": {"version": 1}},
        )

    async def due(self, now: datetime, *, limit: int) -> list[str]:
        """Return whose accounts time has changed, the longest ago first."""
        cursor = self.documents.find({"due_at": {"$lte": now}}, {"_id": 1})
        return [document["_id"] async for document in cursor.sort("due_at").limit(limit)]

    async def judged_otherwise(self, terms: str, *, limit: int) -> list[str]:
        """Return whose accounts were judged by other terms than these."""
        cursor = self.documents.find({"terms": {"$ne": terms}}, {"_id": 1}).limit(limit)
        return [document["_id"] async for document in cursor]

    async def left_behind(self, reason: Reason, wall: datetime, *, limit: int) -> list[Hold]:
        """Return holds for such spendings that should have been decided by now."""
        overdue = {"until": {"$lt": wall}, "transfer.reason": reason.value}
        cursor = self.documents.find(
            {"holds.until": {"$lt": wall}, "holds": {"$elemMatch": overdue}}
        )
        accounts = [_account(document) async for document in cursor.limit(limit)]
        return [
            hold
            for account in accounts
            for hold in account.holds
            if hold.until < wall and hold.transfer.reason is reason
        ]

    async def settle(self, accounts: Sequence[Account]) -> None:
        """Note that all that followed from these versions is done, and when they are due again."""
        operations = []
        for account in accounts:
            change: Document = {"$unset": {"untold": ""}}
            if account.due_at is None:
                change["$unset"]["due_at"] = ""
            else:
                change["$set"] = {"due_at": account.due_at}
            operations.append(UpdateOne(_at(account), change))
        if operations:
            await self.documents.bulk_write(operations, ordered=False)


def _at(account: Account) -> Document:
    """Match the account as it was read."""
    # An account that somebody has made meanwhile must not be found, nor a second one be made.
    version = {"$exists": False} if account.version == 0 else account.version
    return {"_id": account.user_id, "version": version}


def _change(account: Account, writer: str) -> Document:
    change: Document = {
        "$set": {
            "version": account.version,
            "balance": account.balance,
            "terms": account.terms,
            "writer": writer,
        },
        "$unset": {},
        "$pull": {"holds": {"_id": {"$nin": [hold.transfer.id for hold in account.holds]}}},
    }
    rest = {
        "tier": account.tier,
        "due_at": account.due_at,
        "untold": [entry_document(entry) for entry in account.untold] or None,
    }
    for name, value in rest.items():
        change["$unset" if value is None else "$set"][name] = "" if value is None else value
    return change


def _hold_document(hold: Hold) -> Document:
    return {
        "_id": hold.transfer.id,
        "until": hold.until,
        "transfer": transfer_document(hold.transfer),
        "data": dict(hold.data),
    }


def _account(document: Document) -> Account:
    return Account(
        user_id=document["_id"],
        version=document["version"],
        balance=document.get("balance", 0),
        tier=document.get("tier"),
        terms=document.get("terms", ""),
        due_at=document.get("due_at"),
        holds=tuple(
            Hold(transfer=transfer_of(hold["transfer"]), until=hold["until"], data=hold["data"])
            for hold in document.get("holds", ())
        ),
        untold=tuple(entry_of(entry) for entry in document.get("untold", ())),
    )
