"""The audit log's chain: continued by what has ended, checked, and shortened at its beginning.

Each entry has the seal of the one before. Where the chain begins and how far it has come is marked
under a seal, too, so that nothing can be taken away at its ends without the key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.audit import BEFORE_THE_FIRST, Mark, SealKeys, digest
from models.store import Stores
from services import standing

PATIENCE = timedelta(seconds=30)
BLOCK = 500
LEFT = 20  # documents of several entries each
PRUNED = 5_000
BEGIN, END = "begin", "end"


async def link(*, stores: Stores, wall: datetime, keys: SealKeys) -> int:
    """Continue the chain by what has ended; return how many entries found their place.

    Any number of processes may do so at once, and be killed at any point.
    """
    for batch, entries in await stores.audit_drafts.left(before=wall - PATIENCE, limit=LEFT):
        # Those of them that have an entry keep it.
        await stores.audit_drafts.add(entries)
        await stores.audit_drafts.forget([batch])
    waiting = await stores.audit_drafts.ended(before=wall - PATIENCE, limit=BLOCK)
    if not waiting:
        return 0
    head = await stores.audit.head()
    known = await stores.audit.known([entry.id for entry in waiting])
    fresh = [entry for entry in waiting if entry.id not in known]
    linked = await stores.audit.append(head, fresh, keys) if fresh else 0
    placed = [entry.id for entry in fresh[:linked]]
    have = known | {*placed}
    if have:
        head = await stores.audit.head()
        await stores.audit_marks.reach(END, Mark(*head), keys)
        # Before their drafts go: whoever is killed in between has it done by the next to come.
        entries = [entry for entry in waiting if entry.id in have]
        await standing.note(entries, stores=stores, head=head, keys=keys)
    await stores.audit_drafts.forget([*have])
    return linked


async def prune(*, stores: Stores, before: datetime, keys: SealKeys) -> int:
    """Delete entries from before a time, all but the last; return how many those were.

    Where the chain then begins is marked first: whoever is killed leaves entries before the mark,
    which nobody looks at and the next to come deletes.
    """
    pruned = 0
    while old := await stores.audit.older(before, limit=PRUNED):
        await stores.audit_marks.reach(BEGIN, old[-1], keys)
        pruned += await stores.audit.prune(old[-1].number)
    return pruned


async def check(*, stores: Stores, keys: SealKeys | None = None) -> tuple[str, list[str]]:
    """Return where the chain ends, and its first entry that is not as it was written.

    Without keys only what anyone can see is checked: that nothing is missing in between.
    """
    begin, end = [await stores.audit_marks.raw(name) for name in (BEGIN, END)]
    for mark in (begin, end):
        if mark is not None and (problem := _broken(mark, keys)):
            return "its marks", [f"the mark of its {mark['_id']} {problem}"]
    walk = _Walk(keys)
    if begin is not None:
        walk.first, walk.number, walk.last = begin["number"], begin["number"], begin["last"]
    async for document in stores.audit.raw():
        if problem := walk.step(document):
            return walk.looked_at(), [problem]
    if end is not None and end["number"] > walk.number:
        missing = f"entry {walk.number + 1} is missing: there were {end['number']}"
        return walk.looked_at(), [missing]
    if walk.number > walk.first and not walk.is_sealed:
        # From before there were seals. The next entry's covers all of them.
        bare = f"nothing up to entry {walk.number} is under a seal; the next change seals it"
        return walk.looked_at(), [bare]
    return walk.looked_at(), []


@dataclass(slots=True)
class _Walk:
    """How far the chain has been looked at: from after `first` to `number`, sealed as `last`."""

    keys: SealKeys | None
    first: int = 0
    number: int = 0
    last: str = BEFORE_THE_FIRST
    is_sealed: bool = False

    def step(self, document: Mapping[str, Any]) -> str | None:
        """Go on to an entry; return what is wrong with it."""
        found, number = document["_id"], self.number + 1
        if isinstance(found, int) and found <= self.first:
            return None  # pruned, or about to be
        if found != number:
            return f"entry {number} is missing: {found} follows {self.number}"
        if self.is_sealed and "key" not in document:
            return f"entry {number} has no seal, and those before it have"
        if problem := _broken(document, self.keys):
            return f"entry {number} {problem}"
        if document.get("previous") != self.last:
            return f"entry {number} was not written after entry {self.number}"
        self.number, self.last, self.is_sealed = number, document["hash"], "key" in document
        return None

    def looked_at(self) -> str:
        """Say so, for people."""
        entries = f"{self.number} entries"
        if self.first:
            entries = f"entries {self.first + 1} to {self.number}"
        last = f", the last {self.last}" if self.number > self.first else ""
        return (
            entries + last + ("" if self.keys else ", seals not looked at without FANFARE_SECRET")
        )


def _broken(document: Mapping[str, Any], keys: SealKeys | None) -> str | None:
    """Return what is wrong with what a document says of itself, as far as the keys tell."""
    key = None
    if "key" in document:
        if keys is None:
            return None
        key = keys.find(str(document["key"]))
        if key is None:
            return "is sealed with a key that is none of those given (FANFARE_OLD_DATA_KEYS)"
    if document.get("hash") != digest(document, key):
        return "is not what was written: its seal is of something else"
    return None
