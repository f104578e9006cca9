"""`fanfare verify-draw` on files: nothing but what was published is needed."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from app.cli import app
from channels.drand import Drand
from devserver.beacon import running
from engine import draws
from models.beacon import Chain
from models.draw import DrawPrize


def record_of(promised=None, said=None):
    prizes = (DrawPrize("Phone", 1),)
    tickets = sorted(draws.ticket_of("d", f"user {n}", "s", "n") for n in range(5))
    promise = draws.promise_of("d", prizes, "2026-04-01T12:00:00+00:00", promised, b"s" * 32)
    root = draws.root_of(tickets)
    value = bytes.fromhex(said["randomness"]) if said else b""
    winners = draws.winners_of(tickets, prizes, secret=b"s" * 32, beacon_value=value, root=root)
    return {
        "promise": promise,
        "commitment": draws.commitment_of(promise),
        "root": root,
        "tickets": tickets,
        "secret": (b"s" * 32).hex(),
        "beacon": said,
        "winners": [{"prize": won.prize, "ticket": won.ticket} for won in winners],
    }


@pytest.fixture
def record():
    return record_of()


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_published_draw_is_computed_again(record, tmp_path, wrapped):
    path = tmp_path / "draw.json"
    answer = {"data": {"drawRecord": {"record": record, "problems": []}}}
    path.write_text(json.dumps(answer if wrapped else record))

    result = CliRunner().invoke(app, ["verify-draw", str(path)])

    assert result.exit_code == 0
    assert f"Phone: {record['winners'][0]['ticket']}" in result.output
    assert "Operator-trusted" in result.output


def test_a_draw_that_does_not_agree_is_refused(record, tmp_path):
    path = tmp_path / "draw.json"
    record["winners"][0]["ticket"] = record["tickets"][-1]
    record["tickets"] = record["tickets"][1:]
    path.write_text(json.dumps(record))

    result = CliRunner().invoke(app, ["verify-draw", str(path)])

    assert result.exit_code == 1
    assert "FAILS  the root is not that of the published tickets" in result.output


def test_what_the_beacon_said_is_asked_of_it(tmp_path):
    with running(genesis=1_772_000_000) as beacon:
        chain = Chain(beacon.url, beacon.hash, beacon.genesis, beacon.period)
        number = chain.round_at(datetime(2026, 4, 1, 12, tzinfo=UTC))
        said = asyncio.run(Drand(chain).pulse(number)).record()
        path = tmp_path / "draw.json"
        path.write_text(json.dumps(record_of(chain.promise(number), said)))
        run = CliRunner().invoke

        alone = run(app, ["verify-draw", str(path)])
        compared = run(app, ["verify-draw", str(path), "--beacon", beacon.url])
        beacon.says[f"public/{number}"] = beacon.answer("public/1") | {"round": number}
        refuted = run(app, ["verify-draw", str(path), "--beacon", beacon.url])

    assert f"round {number} is signed by the key of its chain {chain.hash}" in alone.output
    assert f"The beacon said so in round {number}, signed" in compared.output
    assert (alone.exit_code, compared.exit_code, refuted.exit_code) == (0, 0, 1)
    assert "is not signed by its chain's key" in str(refuted.exception)


def test_a_signature_that_is_not_the_beacons_is_refused_without_asking_it(tmp_path):
    with running(genesis=1_772_000_000) as beacon:
        chain = Chain(beacon.url, beacon.hash, beacon.genesis, beacon.period)
        number = chain.round_at(datetime(2026, 4, 1, 12, tzinfo=UTC))
        honest, other = [asyncio.run(Drand(chain).pulse(n)).record() for n in (number, number - 1)]
    path = tmp_path / "draw.json"
    path.write_text(json.dumps(record_of(chain.promise(number), other | {"round": number})))

    result = CliRunner().invoke(app, ["verify-draw", str(path)])

    assert honest != other
    assert result.exit_code == 1
    assert f"FAILS  the signature is not one of round {number} by the beacon's key" in result.output


async def test_every_invariant_has_its_line_and_a_failure_its_exit_code(
    database, mongodb_uri, monkeypatch
):
    monkeypatch.setenv("FANFARE_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("FANFARE_DATABASE", database.name)

    async def run(*words: str):
        return await asyncio.to_thread(CliRunner().invoke, app, list(words))

    fine = await run("verify")
    assert fine.exit_code == 0
    lines = [line.split()[:2] for line in fine.output.splitlines()]
    names = (
        "I1",
        "I2",
        "I3",
        "I4",
        "I5",
        "I6",
        "I7",
        "I8",
        "I9",
        "I10",
        "I11",
        "I12",
        "I13",
        "I14",
    )
    assert lines == [[name, "holds"] for name in names]

    await database["events"].insert_one({"_id": "a|b", "dead": "it cannot be applied"})
    broken = await run("verify")
    assert broken.exit_code == 1
    assert "1 events that were set aside" in broken.output
    unknown = await run("verify-draw", "nothing")
    assert "neither a file nor a draw's id" in str(unknown.exception)
