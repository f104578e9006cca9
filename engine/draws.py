"""Lotteries that anyone can check: what is promised and published, how winners follow from it.

    open    commitment = SHA-256 of the promise as canonical JSON: prizes, time, secret's hash …
    enter   ticket     = SHA-256 of draw, user, source and nonce, one to a line
    close   root       = Merkle tree (RFC 6962) over the tickets, as bytes, in ascending order
    draw    seed       = SHA-256 of "fanfare draw 1", secret, randomness (or nothing) and root
            score      = HMAC-SHA-256 of the ticket, keyed by the seed
            The lowest scores win: the first prize's quantity first, and so on in the prizes' order.

A ticket wins at most one prize. The randomness is that of a public beacon in a round that was
promised when the draw opened and speaks after it has closed, signed by a key that the promised
chain's hash is over. Without one the operator knows the secret while entries come in, and has to be
trusted not to add tickets of their own: the record says which it was.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import digest
from itertools import islice, pairwise
from typing import Any

from models.beacon import Chain, Pulse
from models.draw import DrawPrize, Winner

VERSION = 1
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


def canonical(value: object) -> bytes:
    """Return JSON in the one form in which it is hashed."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def commitment_of(promise: Mapping[str, Any]) -> str:
    """Return the hash that is published when a draw opens."""
    return sha256(canonical(promise)).hexdigest()


def promise_of(
    draw: str,
    prizes: Sequence[DrawPrize],
    draw_at: str,
    beacon: Mapping[str, Any] | None,
    secret: bytes,
) -> dict[str, Any]:
    """Return all that a draw is bound to from the moment it opens."""
    return {
        "version": VERSION,
        "draw": draw,
        "prizes": [
            {"title": prize.title, "quantity": prize.quantity, "grants": prize.grants}
            for prize in prizes
        ],
        "draw_at": draw_at,
        "beacon": None if beacon is None else dict(beacon),
        "secret_hash": sha256(secret).hexdigest(),
    }


def ticket_of(draw: str, user_id: str, source: str, nonce: str) -> str:
    """Return what is published of an entry: it tells nobody whose it is, and its owner can show."""
    return sha256("\n".join((draw, user_id, source, nonce)).encode()).hexdigest()


# --- the tree of entries --------------------------------------------------------------------------


def root_of(tickets: Sequence[str]) -> str:
    """Return the root of the Merkle tree over tickets, which must be in ascending order."""
    level = [_leaf(ticket) for ticket in tickets]
    if not level:
        return sha256(b"").hexdigest()
    while len(level) > 1:
        level = _above(level)
    return level[0].hex()


@dataclass(frozen=True, slots=True)
class Step:
    """A neighbour on the way from a ticket to the root, and on which side it stands."""

    hash: str
    is_left: bool


def proofs_of(tickets: Sequence[str], wanted: Sequence[str]) -> dict[str, list[Step]]:
    """Return for each wanted ticket that is in the tree what leads from it to the root."""
    places = {ticket: place for place, ticket in enumerate(tickets)}
    steps: dict[str, list[Step]] = {ticket: [] for ticket in wanted if ticket in places}
    level = [_leaf(each) for each in tickets]
    while len(level) > 1:
        for ticket, way in steps.items():
            neighbour = places[ticket] ^ 1
            if neighbour < len(level):
                way.append(Step(level[neighbour].hex(), neighbour < places[ticket]))
            places[ticket] //= 2
        level = _above(level)
    return steps


def leads_to(ticket: str, steps: Iterable[Step], root: str) -> bool:
    """Whether a receipt shows that a ticket is in the tree with this root."""
    node = _leaf(ticket)
    for step in steps:
        other = bytes.fromhex(step.hash)
        node = _node(other, node) if step.is_left else _node(node, other)
    return node.hex() == root


def _above(level: Sequence[bytes]) -> list[bytes]:
    # A node without a neighbour moves up as it is, which makes the tree that RFC 6962 describes.
    pairs = [_node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def _leaf(ticket: str) -> bytes:
    return sha256(b"\x00" + bytes.fromhex(ticket)).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


# --- the draw -------------------------------------------------------------------------------------


def winners_of(
    tickets: Sequence[str],
    prizes: Sequence[DrawPrize],
    *,
    secret: bytes,
    beacon_value: bytes,
    root: str,
) -> tuple[Winner, ...]:
    """Return who wins which prize, in the order of the prizes."""
    seed = sha256(b"fanfare draw 1" + secret + beacon_value + bytes.fromhex(root)).digest()
    ranked = sorted(tickets, key=lambda ticket: digest(seed, bytes.fromhex(ticket), "sha256"))
    drawn = iter(ranked)
    return tuple(
        Winner(place, ticket)
        for place, prize in enumerate(prizes)
        for ticket in islice(drawn, prize.quantity)
    )


# --- the check ------------------------------------------------------------------------------------


def problems(record: Mapping[str, Any]) -> list[str]:
    """Recompute a draw from what was published of it; return what does not agree, in words."""
    try:
        return list(_problems(record))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        return [f"the record is not complete or not well formed: {error!r}"]


def _problems(record: Mapping[str, Any]) -> Iterable[str]:
    promise = record["promise"]
    if promise["version"] != VERSION:
        yield f"version {promise['version']} is not known here"
        return
    if commitment_of(promise) != record["commitment"]:
        yield "the commitment is not the hash of what was promised"
    if record["root"] is None:
        return
    tickets = record["tickets"]
    if not all(isinstance(ticket, str) and _HEX.fullmatch(ticket) for ticket in tickets):
        yield "a ticket is not a hash"
        return
    if any(one >= other for one, other in pairwise(tickets)):
        yield "the tickets are not in ascending order, each once"
    if root_of(tickets) != record["root"]:
        yield "the root is not that of the published tickets"
    if record["secret"] is None:
        return
    yield from _problems_of_winners(record, promise, tickets)


def _problems_of_winners(
    record: Mapping[str, Any], promise: Mapping[str, Any], tickets: Sequence[str]
) -> Iterable[str]:
    secret = bytes.fromhex(record["secret"])
    if sha256(secret).hexdigest() != promise["secret_hash"]:
        yield "the secret is not the one that was committed to"
    yield from _problems_of_beacon(promise, record["beacon"])
    prizes = [
        DrawPrize(each["title"], each["quantity"], each["grants"]) for each in promise["prizes"]
    ]
    expected = winners_of(
        tickets,
        prizes,
        secret=secret,
        beacon_value=bytes.fromhex(record["beacon"]["randomness"] if record["beacon"] else ""),
        root=record["root"],
    )
    if [{"prize": won.prize, "ticket": won.ticket} for won in expected] != record["winners"]:
        yield "the winners are not those that follow from the secret, the beacon and the tickets"


def _problems_of_beacon(
    promise: Mapping[str, Any], said: Mapping[str, Any] | None
) -> Iterable[str]:
    promised = promise["beacon"]
    if (promised is None) != (said is None):
        yield "there is a beacon's round without what it said, or that without a round"
    if promised is None or said is None:
        return
    chain = Chain(promised["url"], promised["chain"], promised["genesis"], promised["period"])
    number, pulse = promised["round"], Pulse.of(said)
    if pulse.round != number:
        yield f"the beacon's round is {pulse.round}, and {number} was promised"
    if sha256(pulse.signature).digest() != pulse.randomness:
        yield "what the beacon said is not the hash of its signature"
    if pulse.signer is None:
        yield "it is not said whose key the beacon's signature is to be checked with"
    elif not chain.is_of(pulse.signer):
        yield "the beacon's key and times are not those of the chain that was promised"
    elif not pulse.signer.signed(number, pulse.signature):
        yield f"the signature is not one of round {number} by the beacon's key"
    if chain.time_of(number) < datetime.fromisoformat(promise["draw_at"]):
        yield "the beacon's round is earlier than the draw"
