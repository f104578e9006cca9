"""Draws through the API: what is public, and what is only the entrant's."""

from datetime import timedelta

from engine import draws as engine
from models.campaign import Act
from models.event import Event
from models.principal import Role
from services import draws, entering
from services.journeys import Rules
from services.releases import RulesFile, release
from services.rulebook import Rulebook
from tests.client import Api
from tests.shop import NOW

LOTTERY = """
lottery lucky "Lucky" { active from 2026-03-01 to 2026-03-10
  enter on order_placed  draw at 2026-03-12T12:00  prize "Phone" quantity 1 }
"""
DRAWS = "{ draws { id lottery state operatorTrusted entries prizes { title quantity winners } } }"
RECORD = "query ($id: ID!) { drawRecord(id: $id) { record problems } }"
RECEIPTS = """
query ($id: ID!) { drawReceipts(id: $id) { ticket source nonce prize proof { hash isLeft } } }
"""


async def drawn(api: Api, *users: str) -> None:
    """Have these people enter, and the draw come."""
    await release([RulesFile("rules", "Rules", LOTTERY)], Act("cli", NOW), stores=api.stores)
    rulebook = Rulebook(api.stores, fresh=0)
    published = await rulebook.current()
    rules = await Rules.of({published.number}, published, rulebook)
    events = [
        Event(
            id=f"shop|{user}",
            name="order_placed",
            user_id=user,
            at=NOW,
            received_at=NOW,
            publication=published.number,
        )
        for user in users
    ]
    await entering.enter(events, rules, {user: {} for user in users}, stores=api.stores, wall=NOW)
    for days in (10, 10.1, 20):
        at = NOW + timedelta(days=days)
        await draws.look_after(published, stores=api.stores, now=at, wall=at)


async def test_a_draw_is_public_and_its_receipts_are_the_entrants(api: Api) -> None:
    ann, bob = [await api.caller(Role.CUSTOMER) for _ in range(2)]
    await drawn(api, ann.id, bob.id)

    (draw,) = (await api.ask(DRAWS))["draws"]
    assert (draw["state"], draw["entries"], draw["operatorTrusted"]) == ("DRAWN", 2, True)
    (winner,) = draw["prizes"][0]["winners"]

    answer = (await api.ask(RECORD, {"id": draw["id"]}))["drawRecord"]
    assert answer["problems"] == engine.problems(answer["record"]) == []

    receipts = [
        (await api.ask(RECEIPTS, {"id": draw["id"]}, by=who))["drawReceipts"] for who in (ann, bob)
    ]
    assert [len(each) for each in receipts] == [1, 1]
    assert {each[0]["prize"] for each in receipts} == {"Phone", None}
    for (receipt,) in receipts:
        proof = [engine.Step(step["hash"], step["isLeft"]) for step in receipt["proof"]]
        assert engine.leads_to(receipt["ticket"], proof, answer["record"]["root"])
        assert (receipt["ticket"] == winner) is (receipt["prize"] == "Phone")


async def test_a_draw_that_does_not_exist_is_null(api: Api) -> None:
    assert await api.ask('{ draw(id: "RHJhdzpub25l") { id } }') == {"draw": None}
