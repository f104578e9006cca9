"""Draws: what is published suffices to recompute them, and nothing in it can be changed."""

import copy
import random
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from engine import draws
from models.beacon import Chain, Pulse, Signer
from models.draw import DrawPrize

PRIZES = (DrawPrize("Phone", 1), DrawPrize("Ten off", 2, "ten_off"))


def tickets_for(names, draw="d"):
    return sorted(draws.ticket_of(draw, name, "source", "nonce") for name in names)


# What drand publishes of its quicknet, and what that said in round 1000.
CHAIN = Chain(
    "https://api.drand.sh",
    "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    genesis=1_692_803_367,
    period=3,
)
QUICKNET = Signer(
    bytes.fromhex(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c"
        "8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb"
        "5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
    ),
    bytes.fromhex("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e"),
    "quicknet",
)
ROUND = 1000
RANDOMNESS = bytes.fromhex("fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd")
SIGNATURE = bytes.fromhex(
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b1957"
    "6350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
)
DRAW_AT = CHAIN.time_of(ROUND) - timedelta(seconds=2)


def said(number=ROUND, signature=SIGNATURE, signer=QUICKNET):
    return Pulse(number, sha256(signature).digest(), signature, signer)


def record_of(tickets, *, secret=b"s" * 32, chosen=None, pulse=None):
    beacon = None if chosen is None else CHAIN.promise(chosen)
    promise = draws.promise_of("d", PRIZES, DRAW_AT.isoformat(), beacon, secret)
    root = draws.root_of(tickets)
    value = b"" if pulse is None else pulse.randomness
    winners = draws.winners_of(tickets, PRIZES, secret=secret, beacon_value=value, root=root)
    return {
        "promise": promise,
        "commitment": draws.commitment_of(promise),
        "root": root,
        "tickets": tickets,
        "secret": secret.hex(),
        "beacon": None if pulse is None else pulse.record(),
        "winners": [{"prize": won.prize, "ticket": won.ticket} for won in winners],
    }


def test_a_published_draw_agrees():
    tickets = tickets_for(f"user {n}" for n in range(50))

    assert draws.problems(record_of(tickets)) == []
    assert draws.problems(record_of(tickets, chosen=ROUND, pulse=said())) == []


def test_a_real_round_of_a_real_beacon_is_what_its_signature_says():
    assert sha256(SIGNATURE).digest() == RANDOMNESS
    assert CHAIN.is_of(QUICKNET)
    assert QUICKNET.signed(ROUND, SIGNATURE)


def test_one_changed_bit_or_round_is_not_signed():
    for bit in range(8 * len(SIGNATURE)):
        changed = bytearray(SIGNATURE)
        changed[bit // 8] ^= 1 << bit % 8
        assert not QUICKNET.signed(ROUND, bytes(changed)), bit
    assert not QUICKNET.signed(ROUND + 1, SIGNATURE)


def test_the_key_of_nothing_signs_nothing():
    nothing = replace(QUICKNET, key=bytes([0xC0]) + bytes(95))

    assert not nothing.signed(ROUND, bytes([0xC0]) + bytes(47))


def test_the_beacon_decides_who_wins():
    tickets = tickets_for(f"user {n}" for n in range(50))

    alone, both = record_of(tickets), record_of(tickets, chosen=ROUND, pulse=said())

    assert alone["winners"] != both["winners"]


@pytest.mark.parametrize(
    ("chosen", "pulse", "says"),
    [
        (ROUND, None, "without what it said"),
        (None, said(), "without a round"),
        (ROUND, said(ROUND + 1), f"is {ROUND + 1}, and {ROUND} was promised"),
        (ROUND, replace(said(), randomness=b"chosen"), "not the hash of its signature"),
        (ROUND, said(signature=b"signature"), f"not one of round {ROUND} by the beacon's key"),
        (ROUND, said(signer=None), "whose key"),
        (ROUND, said(signer=replace(QUICKNET, key=b"k" * 96)), "not those of the chain"),
        (ROUND, said(signer=replace(QUICKNET, name="default")), "not those of the chain"),
        (ROUND - 1, said(ROUND - 1), "earlier than the draw"),
    ],
)
def test_a_beacon_that_did_not_say_so_shows(chosen, pulse, says):
    record = record_of(tickets_for("abc"), chosen=chosen, pulse=pulse)

    assert any(says in problem for problem in draws.problems(record))


def test_a_round_is_the_first_at_or_after_a_time():
    first = CHAIN.time_of(1)

    assert CHAIN.round_at(first) == 1
    assert CHAIN.round_at(first + timedelta(microseconds=1)) == 2
    assert CHAIN.round_at(first + timedelta(seconds=3)) == 2
    assert CHAIN.round_at(first - timedelta(days=1)) == 1
    assert CHAIN.time_of(ROUND) - DRAW_AT < timedelta(seconds=3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r["promise"]["prizes"][0].update(quantity=2), "commitment"),
        (lambda r: r.update(secret=(b"t" * 32).hex()), "secret"),
        (lambda r: r["tickets"].pop(), "root"),
        (lambda r: r["tickets"].reverse(), "ascending"),
        (lambda r: r["winners"].reverse(), "winners"),
        (lambda r: r.update(beacon=said().record()), "beacon"),
        (lambda r: r.pop("tickets"), "well formed"),
        (lambda r: r["tickets"].append("x"), "not a hash"),
    ],
)
def test_whatever_is_changed_afterwards_shows(change, says):
    record = copy.deepcopy(record_of(tickets_for(f"user {n}" for n in range(9))))

    change(record)

    assert any(says in problem for problem in draws.problems(record))


def test_before_the_draw_only_what_is_there_is_checked():
    record = record_of(tickets_for("abc")) | {"secret": None, "winners": []}

    assert draws.problems(record) == []
    assert draws.problems(record | {"root": None, "tickets": []}) == []


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 13, 100])
def test_a_receipt_leads_to_the_root(count):
    tickets = tickets_for(f"user {n}" for n in range(count))
    root = draws.root_of(tickets)

    for ticket, proof in draws.proofs_of(tickets, tickets).items():
        assert draws.leads_to(ticket, proof, root)
        assert not draws.leads_to(sha256(ticket.encode()).hexdigest(), proof, root)


def test_there_are_no_more_winners_than_prizes_or_tickets():
    for count in range(6):
        tickets = tickets_for(f"user {n}" for n in range(count))
        winners = draws.winners_of(
            tickets, PRIZES, secret=b"s", beacon_value=b"", root=draws.root_of(tickets)
        )

        assert len(winners) == min(count, 3)
        assert len({won.ticket for won in winners}) == len(winners)
        assert [won.prize for won in winners] == [0, 1, 1][:count]


def test_every_ticket_wins_as_often_over_2_000_draws():
    """Chi-square over 20 tickets, 3 winners each time: 43.8 is exceeded by chance once in 1,000."""
    rng = random.Random(20_260_401)
    tickets = tickets_for(f"user {n}" for n in range(20))
    root = draws.root_of(tickets)
    wins = dict.fromkeys(tickets, 0)
    firsts = dict.fromkeys(tickets, 0)
    for _ in range(2_000):
        secret = rng.randbytes(32)
        won = draws.winners_of(tickets, PRIZES, secret=secret, beacon_value=b"", root=root)
        firsts[won[0].ticket] += 1
        for each in won:
            wins[each.ticket] += 1

    # Drawn without replacement, wins vary less than by independent chance: by 17 in 19.
    assert sum((n - 300) ** 2 / 300 for n in wins.values()) * 19 / 17 < 43.8
    assert sum((n - 100) ** 2 / 100 for n in firsts.values()) < 43.8
