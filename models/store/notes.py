"""What is noted on the documents of people about looking at them again, and the updates that do.

    recheck.at       when to look next, long ago for at once, far ahead for never
    recheck.changes  the first instant at which time alone can change an answer
    recheck.token    another with each note; `of` and `why` say what was noted
    recheck.tries    looks that were begun in a lane whose holder had died, see services.suspects
    moves            what was decided and may not have been carried out
    missed           looked at while segments were being filled: to be looked at after that again
    moved_at         by the database's clock, when they last came into or left a segment, or what
                     audiences are told of them changed

A note is written with the change that it is of, in one update of one document.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from models.event import lane_of
from models.ids import new_id
from models.membership import ANYTHING, PROFILE, Cause, Look, Move
from models.store.alike import Change
from models.store.database import Document
from models.store.memberships import cause_document, cause_of

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_SHOWN = frozenset({"user.email", "user.consent"})  # what audiences are made of


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What looking at someone came to. `missed` is the filling under way meanwhile."""

    look: Look
    moves: tuple[Move, ...] = ()
    changes_at: datetime | None = None
    missed: int | None = None


def noted(update: Mapping[str, Any], of: Iterable[str], cause: Cause = PROFILE) -> Document:
    """Return an update of a person with a note of which facts it changes."""
    facts = set(of)
    token = {
        "recheck.at": AT_ONCE,
        "recheck.token": new_id(),
        "recheck.why": cause_document(cause),
    }
    moving = {} if facts.isdisjoint(_SHOWN) else {"$currentDate": {"moved_at": True}}
    return {
        **update,
        **moving,
        "$set": {**update.get("$set", {}), **token},
        "$addToSet": {**update.get("$addToSet", {}), "recheck.of": {"$each": sorted(facts)}},
    }


def at_first(user_id: str, cause: Cause = PROFILE) -> Document:
    """Return the note on a person who is new or replaced: everything about them is."""
    return {
        "lane": lane_of(user_id),
        "recheck": {
            "at": AT_ONCE,
            "token": new_id(),
            "of": [ANYTHING],
            "why": cause_document(cause),
        },
    }


def as_read(look: Look) -> Document:
    """Return the fields of someone of whom nothing was noted since a look was read."""
    return {
        "recheck.token": look.token,
        "recheck.at": look.at,
        "recheck.changes": look.changes_at,
    }


def decided(seen: Seen) -> Change:
    """Return the change of someone, as they were read, whose moves are to be carried out."""
    return Change(id=seen.look.user_id, were=as_read(seen.look), set=seen_fields(seen))


def finished(seen: Seen) -> Change:
    """Return the change of someone who was looked at and whose moves were carried out."""
    found: Document = {"recheck": _rest(seen), **_missed(seen)}
    if not seen.moves:
        return Change(id=seen.look.user_id, were=as_read(seen.look), set=found)
    return Change(
        id=seen.look.user_id,
        were=as_read(replace(seen.look, at=AT_ONCE)),
        first={"moves.id": seen.moves[0].id},
        set=found,
        # Their memberships have been written: whoever sees them move sees those too.
        now=["moved_at"],
        unset=["moves"],
    )


def with_moves(seen: Seen) -> Document:
    """Return the query for someone whose moves nobody else has carried out."""
    return {"_id": seen.look.user_id, "moves.id": seen.moves[0].id}


def finished_but_noted(seen: Seen) -> list[Document]:
    """Return the same for someone of whom something was noted meanwhile, who stays due."""
    missed = {name: {"$literal": value} for name, value in _missed(seen).items()}
    note = {"recheck": _noted_since(seen), "moved_at": "$$NOW", **missed}
    return [{"$set": note}, {"$unset": "moves"}]


def _noted_since(seen: Seen) -> Any:
    """Return the note that came meanwhile; it asks for other segments than those that were judged,
    and when time changes the answer of these must not be forgotten.
    """
    if seen.changes_at is None:
        return "$recheck"
    sooner = {"changes": {"$min": ["$recheck.changes", {"$literal": seen.changes_at}]}}
    return {"$mergeObjects": ["$recheck", sooner]}


def seen_fields(seen: Seen) -> Document:
    """Return the fields that say how someone, as they were read, was found."""
    if seen.moves:
        moves = [_move_document(move) for move in seen.moves]
        return {"moves": moves, "recheck.at": AT_ONCE, **_missed(seen)}
    return {"recheck": _rest(seen), **_missed(seen)}


def rest_of(seen: Seen) -> datetime:
    """Return when to look next at someone who was looked at: when time changes something."""
    return NEVER if seen.changes_at is None else seen.changes_at


def _rest(seen: Seen) -> Document:
    changes = {} if seen.changes_at is None else {"changes": seen.changes_at}
    return {"at": rest_of(seen), **changes}


def _missed(seen: Seen) -> Document:
    if seen.missed is None:
        return {}
    cause = seen.look.cause
    why = {} if cause is None else {"why": cause_document(cause)}
    return {"missed": {"number": seen.missed, **why}}


def _move_document(move: Move) -> Document:
    return {
        "id": move.id,
        "segment": move.segment,
        "number": move.number,
        "entered": move.entered,
        "at": move.at,
        "why": cause_document(move.cause),
    }


def look_of(document: Document) -> Look:
    """Return what is noted on a person's document."""
    recheck = document.get("recheck", {"at": NEVER})
    return Look(
        user_id=document["_id"],
        at=recheck["at"],
        token=recheck.get("token"),
        of=frozenset(recheck.get("of", ())),
        cause=cause_of(recheck["why"]) if recheck.get("why") else None,
        changes_at=recheck.get("changes"),
        moves=tuple(
            Move(
                id=move["id"],
                segment=move["segment"],
                number=move["number"],
                entered=move["entered"],
                at=move["at"],
                cause=cause_of(move["why"]),
            )
            for move in document.get("moves", ())
        ),
    )
