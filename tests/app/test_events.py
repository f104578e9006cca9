"""`POST /v1/events`: lines of JSON and CloudEvents, a verdict on each."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from app.events import BODY
from models.api_key import Scope
from models.campaign import Act
from models.principal import Role
from services import api_keys, backlog, releases
from services.releases import RulesFile
from tests.client import Api
from tests.staging import once

NDJSON = {"content-type": "application/x-ndjson"}
RULES = "event cart_updated { total: money USD }"
TIME = datetime.now(UTC) - timedelta(minutes=5)


@pytest.fixture
@once
async def key(api: Api) -> dict[str, str]:
    """The headers of a key that may tell events, in a shop with rules and a person, `ann`."""
    act = Act("marketer", datetime.now(UTC))
    await releases.release([RulesFile("carts", "Carts", RULES)], act, stores=api.stores)
    admin = await api.caller(Role.ADMIN)
    await api.stores.identities.link_external("ann", admin.id)
    _, token = await api_keys.create(
        "shop",
        [Scope.EVENTS],
        caller=admin.principal,
        stores=api.stores,
        tokens=api.tokens,
        now=act.at,
    )
    return {"authorization": f"Bearer {token}"}


def line(id: str, **more: Any) -> bytes:
    return orjson.dumps({"id": id, "name": "cart_updated", "user": "ann", **more})


async def tell(api: Api, key: dict[str, str], body: Any, **headers: str) -> Any:
    return await api.http.post("/v1/events", content=body, headers=key | NDJSON | headers)


def verdicts(answer: Any) -> list[dict[str, Any]]:
    return [orjson.loads(each) for each in answer.content.splitlines()]


async def stored(api: Api, id: str) -> dict[str, Any]:
    found = await api.stores.events.documents.find_one({"_id": id})
    assert found is not None
    return found


async def test_every_line_gets_a_verdict_by_its_number(api, key):
    body = b"\n".join(
        [
            line("1", data={"total": "12.50"}),
            b"",
            b"{",
            line("2", data={"total": "a lot"}),
            line("1"),
            b'{"id": "3", "name": "cart_updated", "user": "ann", "userid": 1}',
            b'{"id": 4}',
            line("5", source="pos", occurredAt=TIME.isoformat()),
        ]
    )

    answer = await tell(api, key, body)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    found = verdicts(answer)
    assert [(each["line"], each["outcome"]) for each in found] == [
        (1, "accepted"),
        (3, "rejected"),
        (4, "rejected"),
        (5, "duplicate"),
        (6, "rejected"),
        (7, "rejected"),
        (8, "accepted"),
    ]
    assert found[1]["reason"].startswith("is not JSON")
    assert found[2]["path"] == ["data", "total"]
    assert "userid" in found[4]["reason"]
    assert found[5]["path"] == ["id"]
    assert (await stored(api, "api|1"))["data"] == {"total": 1250}
    assert (await stored(api, "pos|5"))["at"] == TIME.replace(
        microsecond=TIME.microsecond // 1000 * 1000
    )


async def test_lines_are_taken_in_as_they_arrive(api, key):
    seen: list[int] = []

    async def slowly():
        for start in range(0, 1200, 300):
            chunk = b"\n".join(line(str(number)) for number in range(start, start + 300)) + b"\n"
            yield chunk[:-50]
            seen.append(await api.stores.events.count_pending())
            yield chunk[-50:]

    answer = await tell(api, key, slowly())

    assert len(verdicts(answer)) == 1200
    assert seen == [0, 500, 500, 1000]


async def test_a_body_over_five_mebibytes_is_refused_and_what_was_read_stays_known(api, key):
    async def too_much():
        yield line("1") + b"\n"
        for _ in range(6):
            yield b" " * 1024 * 1024

    declared = await tell(api, key, b"x" * (BODY + 1))
    undeclared = await tell(api, key, too_much())

    assert (declared.status_code, undeclared.status_code) == (413, 413)
    assert [each["outcome"] for each in verdicts(await tell(api, key, line("1")))] == ["accepted"]


CLOUD = {
    "specversion": "1.0",
    "type": "com.example.shop.cart_updated",
    "source": "https://shop.example/carts?region=eu",
    "id": "c-1",
    "subject": "ann",
    "time": TIME.isoformat(),
    "data": {"total": "9.00"},
}


async def test_a_cloud_event_in_structured_mode_is_taken(api, key):
    answer = await tell(
        api, key, orjson.dumps(CLOUD), **{"content-type": "application/cloudevents+json"}
    )

    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    kept = await stored(api, "https://shop.example/carts?region=eu|c-1")
    assert (kept["name"], kept["data"]) == ("cart_updated", {"total": 900})


async def test_a_cloud_event_in_binary_mode_is_the_same_event(api, key):
    headers = {f"ce-{name}": value for name, value in CLOUD.items() if isinstance(value, str)}
    both = [
        await tell(api, key, orjson.dumps(CLOUD), **{"content-type": "application/json"}),
        await tell(
            api,
            key,
            orjson.dumps(CLOUD["data"]),
            **headers,
            **{"content-type": "application/json"},
        ),
    ]

    assert [answer.json()["verdicts"][0]["outcome"] for answer in both] == ["accepted", "duplicate"]


async def test_cloud_events_come_in_batches_and_lines_too(api, key):
    two = [CLOUD, CLOUD | {"id": "c-2"}]

    batch = await tell(
        api, key, orjson.dumps(two), **{"content-type": "application/cloudevents-batch+json"}
    )
    lines = await tell(api, key, orjson.dumps(CLOUD | {"id": "c-3"}))

    assert batch.json()["accepted"] == 2
    assert verdicts(lines)[0]["outcome"] == "accepted"


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"specversion": "0.3"}, ["specversion"]),
        ({"data_base64": "AA=="}, ["data_base64"]),
        ({"type": "com.example.unheard_of"}, ["name"]),
        ({"subject": "nobody"}, ["user"]),
        ({"data": [1]}, ["data"]),
    ],
)
async def test_a_cloud_event_that_is_wrong_is_not_to_be_sent_again(api, key, wrong, path):
    answer = await tell(
        api, key, orjson.dumps(CLOUD | wrong), **{"content-type": "application/cloudevents+json"}
    )

    assert answer.status_code == 422
    assert answer.json()["verdicts"][0]["path"] == path


async def test_only_whoever_may_tell_events_is_heard(api, key):
    customer = await api.caller(Role.CUSTOMER)
    admin = await api.caller(Role.ADMIN)
    _, prices = await api_keys.create(
        "p",
        [Scope.PRICES],
        caller=admin.principal,
        stores=api.stores,
        tokens=api.tokens,
        now=datetime.now(UTC),
    )

    nobody = await tell(api, {}, line("1"))
    others = [
        await tell(api, {"authorization": f"Bearer {token}"}, line("1"))
        for token in (customer.token, prices)
    ]

    assert nobody.status_code == 401
    assert [answer.status_code for answer in others] == [403, 403]


async def test_another_kind_of_body_is_refused_with_the_kinds_there_are(api, key):
    answer = await tell(api, key, line("1"), **{"content-type": "text/csv"})

    assert answer.status_code == 415
    assert "application/x-ndjson" in answer.json()["errors"][0]["message"]


async def test_past_a_depth_of_waiting_events_senders_are_told_when_to_come_back(
    api, key, monkeypatch
):
    monkeypatch.setattr(backlog, "MOST", 2)
    monkeypatch.setattr(backlog, "FRESH", 0)
    await tell(api, key, b"\n".join([line("1"), line("2"), line("3")]))

    refused = await tell(api, key, line("4"))
    through_graphql = await api.post(
        "mutation { ingestEvents(input: { events: [] }) { accepted } }", headers=key
    )

    for answer in (refused, through_graphql):
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == 5
    await api.stores.events.documents.delete_one({"_id": "api|1"})
    assert (await tell(api, key, line("4"))).status_code == 200
