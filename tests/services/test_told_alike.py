"""The system and the simulation do the same where they were once found to differ."""

import json
from datetime import timedelta

import pytest

import dsl
from app.commands.simulate import people_of, script_of
from models.errors import Invalid
from models.user import Consent
from services.simulation import simulate
from tests.shop import NOW, event

ORDERS = """
loyalty club { earn 1 point per 1 USD of order_placed.total }
trigger t { on order_placed  reenter parallel  then { tag "seen" } }
"""


async def simulated(tmp_path, rules: str, people: list[dict], events: list[dict]) -> list[str]:
    """Return what happens within a day, but for the events themselves."""
    program = dsl.check([dsl.SourceFile("r", rules)]).program
    files = {"people": people, "events": events}
    for name, lines in files.items():
        (tmp_path / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    account = await simulate(
        program,
        dict(people_of(tmp_path / "people", program, "UTC")),
        list(script_of(tmp_path / "events", program)),
        since=NOW,
        until=NOW + timedelta(days=1),
    )
    return [
        f"{each.kind} {each.detail}".strip()
        if each.effect is None
        else f"{each.effect.kind.value} {each.effect.reason}".strip()
        for each in account
        if each.kind != "event"
    ]


def told(name: str, id: str, **data) -> dict:
    at = NOW + timedelta(minutes=int(id))
    return {"name": name, "id": id, "user": "ann", "occurredAt": at.isoformat(), "data": data}


def order(id: str) -> dict:
    return told("order_placed", id, order_id="o", total="10.00", items=[])


@pytest.mark.parametrize(
    "condition",
    [
        "user.points < 10",
        "user.consent.email = false",
        "user.tags is known and length(user.tags) = 0",
        "user.name is missing",
    ],
)
async def test_what_everybody_has_need_not_be_said_of_them(shop, tmp_path, condition):
    rules = f'event a {{}} trigger t {{ on a for {condition} then {{ tag "x" }} }}'
    await shop.person("ann", name="", consent=Consent())
    await shop.publish(rules)
    await shop.tell(event("a", "1"))
    await shop.work()

    assert [effect["kind"] for effect in await shop.effects()] == ["tag"]
    happened = await simulated(tmp_path, rules, [{"id": "ann"}], [told("a", "1")])
    assert happened == ["started", "tag", "ended"]


async def test_a_name_of_nothing_is_none_in_a_file_of_people_too(tmp_path):
    rules = 'event a {} trigger t { on a for user.name is missing then { tag "x" } }'

    happened = await simulated(tmp_path, rules, [{"id": "ann", "name": ""}], [told("a", "1")])

    assert happened == ["started", "tag", "ended"]


async def test_an_order_counts_once_whoever_tells_of_it(tmp_path):
    happened = await simulated(tmp_path, ORDERS, [{"id": "ann"}], [order("1"), order("2")])

    assert happened == ["started", "tag", "ended", "points +10 points, 10 in all"]


async def test_what_a_journey_told_of_an_order_is_not_told_again(tmp_path):
    rules = f"""{ORDERS}
    event a {{}}
    trigger early {{ on a then {{ emit order_placed {{ order_id: "o", total: 7 USD }} }} }}
    """

    happened = await simulated(tmp_path, rules, [{"id": "ann"}], [told("a", "1"), order("2")])

    assert [each for each in happened if "points" in each] == ["points +7 points, 7 in all"]
    assert happened.count("tag") == 1


async def test_a_phone_and_devices_can_be_said_of_people(tmp_path):
    rules = 'event a {} trigger t { on a then { send sms "s"  send push "p" } }'
    consent = {"consent": {"sms": True, "push": True}}
    reached = {"phone": "+43 1 234567", "devices": ["d1"]}

    async def happens(**more) -> list[str]:
        return await simulated(
            tmp_path, rules, [{"id": "ann", **consent, **more}], [told("a", "1")]
        )

    assert await happens() == ["started", "message no_address", "message no_address", "ended"]
    assert await happens(**reached) == ["started", "message", "message", "ended"]


@pytest.mark.parametrize("wrong", [{"phone": 43}, {"devices": "d1"}, {"devices": [1]}])
async def test_where_nobody_can_be_reached_is_refused_with_its_line(tmp_path, wrong):
    with pytest.raises(Invalid, match=rf"people:2: {next(iter(wrong))}: must be a"):
        await simulated(tmp_path, "event a {}", [{"id": "ann"}, {"id": "bob", **wrong}], [])
