"""The beacon's client against a real server: what it believes, and what it does not."""

import time
from dataclasses import replace
from hashlib import sha256

import pytest

from channels.drand import Drand
from devserver.beacon import running
from models.beacon import Chain
from models.errors import Unavailable


@pytest.fixture
def beacon():
    with running(genesis=int(time.time()) - 3_000) as served:
        yield served


@pytest.fixture
def chain(beacon):
    return Chain(beacon.url, beacon.hash, beacon.genesis, beacon.period)


def said_with(signature):
    return {"signature": signature.hex(), "randomness": sha256(signature).hexdigest()}


async def refusal(client, number=5):
    with pytest.raises(Unavailable) as refused:
        await client.pulse(number)
    return refused.value.message


async def test_a_round_is_what_its_signature_says(beacon, chain):
    client = Drand(chain)

    pulse = await client.pulse(5)
    await client.pulse(6)

    assert pulse.round == 5
    assert pulse.randomness == sha256(pulse.signature).digest()
    assert beacon.asked == ["info", "public/5", "public/6"]


async def test_a_round_to_come_cannot_be_had_yet(chain):
    assert "public/9999 answers 404" in await refusal(Drand(chain), 9999)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"round": 6}, "tells of 6"),
        ({"randomness": "00" * 32}, "not the hash of its signature"),
        ({"randomness": "x"}, "not well formed"),
        ({"signature": None}, "not well formed"),
        (said_with(b"signature"), "not signed by its chain's key"),
        (said_with(bytes([0xC0]) + bytes(47)), "not signed by its chain's key"),
    ],
)
async def test_what_does_not_agree_with_itself_is_not_believed(beacon, chain, answer, reason):
    beacon.says["public/5"] = beacon.answer("public/5") | answer

    assert reason in await refusal(Drand(chain))


async def test_another_rounds_signature_is_none_of_this_one(beacon, chain):
    beacon.says["public/5"] = beacon.answer("public/4") | {"round": 5}

    assert "round 5 is not signed by its chain's key" in await refusal(Drand(chain))


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        ({"public_key": "ab" * 96}, "a key that is not that of the chain"),
        ({"groupHash": "ab" * 32}, "a key that is not that of the chain"),
        ({"metadata": {"beaconID": "other"}}, "a key that is not that of the chain"),
        ({"public_key": None}, "not well formed"),
        ({"metadata": "laptop"}, "not well formed"),
        ({"schemeID": "pedersen-bls-chained"}, "signs by pedersen-bls-chained"),
    ],
)
async def test_a_key_that_the_chains_hash_is_not_over_is_refused(beacon, chain, info, reason):
    beacon.says["info"] = beacon.answer("info") | info

    assert reason in await refusal(Drand(chain))


async def test_a_beacon_with_other_rounds_is_not_the_one_that_was_meant(beacon, chain):
    assert "the settings say" in await refusal(Drand(replace(chain, period=30)))
    assert beacon.asked == ["info"]


async def test_nobody_asks_again_for_a_while_after_a_failure(beacon, chain):
    client = Drand(chain, pause=60)
    beacon.away = True
    first = await refusal(client)
    beacon.away = False

    assert await refusal(client) == first
    assert beacon.asked == ["info"]


async def test_after_that_while_a_beacon_that_is_back_is_asked_again(beacon, chain):
    client = Drand(chain, pause=0)
    beacon.away = True
    await refusal(client)
    beacon.away = False

    assert (await client.pulse(5)).round == 5


async def test_a_server_that_is_not_there_is_told_of(chain):
    assert "cannot be reached" in await refusal(Drand(replace(chain, url="http://127.0.0.1:1")))
