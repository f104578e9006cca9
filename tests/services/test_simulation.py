"""A simulation does what the system does: the examples are run by both, with real stores here."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import dsl
from app.commands.folder import read_templates
from app.commands.simulate import people_of, script_of
from app.incoming import read_event
from models.effect import EffectKind
from models.event import IncomingEvent
from models.user import Consent
from services import templates, webhooks
from services.simulation import simulate
from tests.shop import NOW

FOLDER = Path(__file__).parent.parent.parent / "examples" / "journeys"


def told(effect: dict[str, Any]) -> tuple[Any, ...]:
    """Return what an effect is, codes aside, which nobody can know."""
    data = json.loads(json.dumps(effect["data"], default=str))
    data.pop("code", None)
    data.pop("codes", None)
    skipped = effect["reason"] if effect["state"] == "skipped" else ""
    return effect["at"], effect["user"], effect["kind"], effect["template"], str(data), skipped


async def besides(shop) -> dict[str, list[tuple[datetime, str, str]]]:
    """Return who came into segments, left them, and entered lotteries by events, and when."""
    told = await shop.stores.outbox.waiting(10_000)
    found = {
        verb: sorted(
            (each.at, each.user_id, each.data["segment"])
            for each in told
            if each.type == f"segment.{verb}"
        )
        for verb in ("entered", "left")
    }
    entries = await shop.stores.entries.documents.find({"source": {"$regex": r"\|"}}).to_list()
    lotteries = [(each["at"], each["user"], each["draw"].rpartition(":")[2]) for each in entries]
    return {**found, "lottery": sorted(lotteries)}


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("forgotten-basket", "2026-03-02", "2026-03-12"),
        ("birthday", "2026-02-27", "2026-03-02"),
        ("win-back", "2025-11-19", "2026-04-01"),
        ("newsletter", "2026-03-20", "2026-03-22"),
        ("post-purchase", "2026-03-02", "2026-04-01"),
        ("club", "2026-03-02", "2026-05-02"),
    ],
)
async def test_the_system_does_what_the_simulation_tells(shop, web, name, since, until):
    begin, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (since, until))
    shop.clock.business = begin
    for template in read_templates(FOLDER):
        await templates.save(template, stores=shop.stores, now=NOW, by=None)
    await webhooks.create(
        "service-desk", f"{web.url}/desk", stores=shop.stores, now=NOW, private=True
    )
    await shop.publish((FOLDER / f"{name}.rules").read_text(encoding="utf-8"))
    program = (await shop.rulebook.current()).program
    people = dict(people_of(FOLDER / f"{name}.people.jsonl", program, "UTC"))
    for user_id, facts in people.items():
        known = facts["user"]
        birthday = known.get("birthday")
        await shop.person(
            user_id,
            email=known.get("email"),
            timezone=known.get("timezone"),
            birthday=None if birthday is None else datetime.fromisoformat(birthday).date(),
            consent=Consent(email=known.get("consent", {}).get("email", False)),
        )
    path = FOLDER / f"{name}.events.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    account = await simulate(
        program, people, list(script_of(path, program)) if lines else [], since=begin, until=end
    )
    script: dict[datetime, list[IncomingEvent]] = {}
    for entry in map(json.loads, lines):
        script.setdefault(datetime.fromisoformat(entry["occurredAt"]), []).append(read_event(entry))

    await shop.fill()
    await shop.occur()
    for now in sorted({happening.at for happening in account} | script.keys()):
        shop.clock.business = shop.clock.real = now
        await shop.tell(*script.get(now, ()))
        await shop.occur()

    expected = [
        told(
            {
                "at": each.effect.at,
                "user": each.user_id,
                "kind": each.effect.kind,
                "template": each.effect.template,
                "data": each.effect.data,
                "reason": each.effect.reason,
                "state": each.effect.state,
            }
        )
        for each in account
        if each.effect is not None
    ]
    assert sorted(told(effect) for effect in await shop.effects()) == sorted(expected)
    assert {EffectKind(kind) for _, _, kind, *_ in expected} >= {EffectKind.MESSAGE}
    reached = await shop.stores.runs.documents.count_documents({"converted_at": {"$ne": None}})
    assert reached == len([each for each in account if each.kind == "goal"])
    assert await besides(shop) == {
        kind: sorted(
            (each.at, each.user_id, each.detail.partition(":")[0])
            for each in account
            if each.kind == kind and "skipped" not in each.detail
        )
        for kind in ("entered", "left", "lottery")
    }
    for user_id in people:
        held = [each.detail for each in account if (each.kind, each.user_id) == ("points", user_id)]
        balance = (await shop.stores.users.get(user_id)).points
        assert balance == (int(held[-1].split()[2]) if held else 0)


async def test_a_run_that_ends_as_its_trigger_comes_round_makes_room_for_the_next():
    rules = 'trigger daily { every day at 09:00  then { tag "a"  wait 1 day } }'
    program = dsl.check([dsl.SourceFile("r", rules)]).program
    people = {name: {"user": {"id": name}, "events": {}} for name in map(str, range(12))}

    account = await simulate(
        program, people, [], since=NOW, until=NOW.replace(hour=12) + timedelta(days=3)
    )

    started = Counter(each.user_id for each in account if each.kind == "started")
    assert len(started) == 12
    assert len(set(started.values())) == 1


async def test_who_starts_anew_takes_the_place_in_the_total_of_the_run_that_ends(tmp_path):
    rules = """
    event cart_updated { total: money USD }
    trigger t { on cart_updated  limit 1 total  reenter restart  then { wait 1 hour  tag "x" } }
    """
    program = dsl.check([dsl.SourceFile("r", rules)]).program
    carts = [
        {"name": "cart_updated", "id": f"c{n}", "user": who, "occurredAt": f"{NOW:%F}T12:0{n}:00Z"}
        for n, who in enumerate(("ann", "ann", "bob"))
    ]
    events = tmp_path / "events.jsonl"
    events.write_text("".join(f"{json.dumps(each | {'data': {}})}\n" for each in carts))

    account = await simulate(
        program, {}, list(script_of(events, program)), since=NOW, until=NOW + timedelta(days=1)
    )

    tagged = [(each.user_id, each.at - NOW) for each in account if each.kind == "effect"]
    assert tagged == [("ann", timedelta(hours=1, minutes=1))]


async def test_a_run_that_ends_as_its_trigger_comes_round_leaves_the_next_its_place_in_the_total():
    rules = "trigger daily { every day at 09:00  limit 1 total  then { wait 1 day } }"
    program = dsl.check([dsl.SourceFile("r", rules)]).program
    people = {"ann": {"user": {"id": "ann"}, "events": {}}}

    account = await simulate(
        program, people, [], since=NOW, until=NOW.replace(hour=12) + timedelta(days=3)
    )

    days = [each.at.date() - NOW.date() for each in account if each.kind == "started"]
    assert [day.days for day in days] == [1, 2, 3]


async def test_what_a_run_emits_does_not_end_the_run_that_it_starts_through_a_segment(tmp_path):
    rules = """
    event a { }
    event c { n: number }
    segment s { count(c, ever) >= 1 }
    trigger p { on a  goal c within 1 day  then { emit c { n: 3 }  wait 1 hour } }
    trigger r { when user enters segment s  then { wait 1 hour unless c } }
    """
    program = dsl.check([dsl.SourceFile("r", rules)]).program
    events = tmp_path / "events.jsonl"
    a = {"name": "a", "id": "1", "user": "ann", "occurredAt": f"{NOW:%F}T12:00:00Z", "data": {}}
    events.write_text(json.dumps(a))

    account = await simulate(
        program, {}, list(script_of(events, program)), since=NOW, until=NOW + timedelta(days=1)
    )

    of_runs = [
        (each.kind, each.trigger, each.detail) for each in account if each.trigger or each.detail
    ]
    assert of_runs == [
        ("event", "", "a"),
        ("started", "p", ""),
        ("effect", "p", ""),
        ("waits", "p", ""),
        ("event", "", "c"),
        ("goal", "p", ""),
        ("entered", "", "s"),
        ("started", "r", ""),
        ("waits", "r", ""),
        ("ended", "p", ""),
        ("ended", "r", ""),
    ]


async def test_a_run_that_waited_and_did_nothing_gives_its_place_in_the_total_to_the_next(tmp_path):
    rules = """
    event cart_updated { total: money USD }
    trigger t { on cart_updated  limit 1 total  then { wait 1 minute  send email "hello" } }
    """
    program = dsl.check([dsl.SourceFile("r", rules)]).program
    with_address = {"email": "cem@example.test", "consent": {"email": True}}
    people = {"cem": {"user": {"id": "cem", **with_address}, "events": {}}}
    carts = [
        {"name": "cart_updated", "id": f"c{n}", "user": who, "occurredAt": f"{NOW:%F}T1{n}:00:00Z"}
        for n, who in enumerate(("ann", "bob", "cem", "cem"))
    ]
    events = tmp_path / "events.jsonl"
    events.write_text("".join(f"{json.dumps(each | {'data': {}})}\n" for each in carts))

    account = await simulate(
        program, people, list(script_of(events, program)), since=NOW, until=NOW + timedelta(days=1)
    )

    sent = [(each.user_id, each.effect.reason) for each in account if each.kind == "effect"]
    assert sent == [("ann", "no_address"), ("bob", "no_address"), ("cem", "")]
