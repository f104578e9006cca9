"""`/v1/exports`: lists as files, people's data only for who may have it, whole or broken off."""

import asyncio
import csv
import json
import socket
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from app.exports import AT_ONCE
from models.api_key import Scope
from models.campaign import Act
from models.feed import Block, FeedEntry
from models.principal import Role
from models.user import Consent, User
from services import api_keys, chaining, fillings, releases
from services.releases import RulesFile
from services.reporting import rollup
from services.rulebook import Rulebook
from tests.client import NO_REDIS, listening
from tests.known import SEAL_KEYS
from tests.shop import NOW, undisputed
from tests.staging import once
from tests.waiting import until

RULES = """
attributes user { country: text }
segment all_of_us { user.name is known }
"""
ORDER = """
mutation ($user: ID!) {
  placeOrder(input: {
    key: "o1", total: "35.00", userId: $user,
    cart: { currency: "USD", shipping: "5.00", lines: [
      { sku: "A", price: "10.00", quantity: 2, category: "=1+1" }, { sku: "B", price: "10.00" }
    ] }
  }) { order { id } userErrors { message } }
}
"""


@pytest.fixture
async def admin(api):
    return await api.caller(Role.ADMIN)


@pytest.fixture
async def key(api, admin):
    async def make(*scopes):
        _, token = await api_keys.create(
            "crm",
            scopes,
            caller=admin.principal,
            stores=api.stores,
            tokens=api.tokens,
            now=datetime.now(UTC),
        )
        return {"authorization": f"Bearer {token}"}

    return make


@pytest.fixture
@once
async def shop(api):
    """Two people, one of whom writes like a spreadsheet, in a segment."""
    files = [RulesFile("shop", "Shop", RULES)]
    await releases.release(files, Act("marketer", NOW), stores=api.stores)
    ann = User(
        id="ann",
        created_at=NOW,
        email="ann@x.test",
        name="=HYPERLINK(1)",
        phone="+43660123456",
        tags=("a", "b"),
        consent=Consent(email=True),
        attributes={"country": "AT"},
    )
    await api.stores.users.save_many([ann, User(id="ben", created_at=NOW + timedelta(days=1))])
    await api.stores.identities.link_external("7", "ann")


async def fetch(api, headers, path):
    answer = await api.http.get(f"/v1/exports/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    if "ndjson" in path:
        return [json.loads(line) for line in answer.text.splitlines()]
    return list(csv.DictReader(answer.text.splitlines()))


async def test_people_come_with_what_is_theirs_only_by_the_scope_for_it(api, key, shop, admin):
    plain, personal = await key(Scope.EXPORTS), await key(Scope.EXPORTS, Scope.PERSONAL)

    ann, ben, *_ = await fetch(api, plain, "users?until=2026-03-04T00:00:00Z")
    assert (ann["id"], ann["externalId"], ann["tags"]) == ("ann", "7", "a|b")
    assert (ann["consent.email"], ben["consent.email"], ben["tags"]) == ("true", "false", "")
    assert not {"email", "name", "phone", "birthday", "attributes.country"} & ann.keys()

    ann, ben = await fetch(api, personal, "users?until=2026-03-04T00:00:00Z")
    assert (ann["email"], ann["attributes.country"]) == ("ann@x.test", "AT")
    assert (ann["name"], ann["phone"]) == ("'=HYPERLINK(1)", "'+43660123456")

    (ann, ben) = await fetch(api, personal, "users?format=ndjson&until=2026-03-04T00:00:00Z")
    assert (ann["name"], ann["attributes"], ben["attributes"]) == (
        "=HYPERLINK(1)",
        {"country": "AT"},
        {"country": None},
    )
    later = await fetch(api, plain, "users?since=2026-03-03T00:00:00Z")
    assert {each["id"] for each in later} >= {"ben"}
    assert "ann" not in {each["id"] for each in later}


async def test_who_has_fetched_what_is_in_the_audit_log(api, key, shop, admin):
    await fetch(api, await key(Scope.EXPORTS, Scope.PERSONAL), "users?until=2026-03-04T00:00:00Z")
    await fetch(api, {"authorization": f"Bearer {admin.token}"}, "orders")
    while await chaining.link(stores=api.stores, wall=datetime.now(UTC), keys=SEAL_KEYS):
        pass

    log = await api.ask(
        "{ auditLog(first: 2) { edges { node { operation credential result rows personal } } } }",
        by=admin,
    )

    assert [edge["node"] for edge in log["auditLog"]["edges"]] == [
        {
            "operation": "exportOrders",
            "credential": "SESSION",
            "result": "DONE",
            "rows": 0,
            "personal": True,
        },
        {
            "operation": "exportUsers",
            "credential": "API_KEY",
            "result": "DONE",
            "rows": 2,
            "personal": True,
        },
    ]


async def test_members_of_a_segment_say_since_when_and_why(api, key, shop):
    book = Rulebook(api.stores, fresh=0)
    while await fillings.step(undisputed, stores=api.stores, rulebook=book, now=NOW):
        pass
    personal = await key(Scope.EXPORTS, Scope.PERSONAL)

    rows = await fetch(api, personal, "members?segment=all_of_us")

    (ann,) = [row for row in rows if row["id"] == "ann"]
    assert (ann["externalId"], ann["cause"], ann["email"]) == ("7", "publication", "ann@x.test")
    assert ann["since"] == NOW.isoformat()


async def test_an_order_has_a_row_for_each_of_its_lines(api, key, admin, shop):
    made = await api.ask(ORDER, {"user": admin.global_id}, by=admin)
    assert made["placeOrder"]["userErrors"] == []

    first, second = await fetch(api, await key(Scope.EXPORTS), "orders")

    assert (first["orderId"], first["user"], first["state"]) == ("o1", admin.id, "placed")
    assert (first["total"], first["shipping"], first["currency"]) == ("35.00", "5.00", "USD")
    assert (first["item.sku"], first["item.quantity"], first["item.amount"]) == ("A", "2", "20.00")
    assert first["item.category"] == "'=1+1"
    assert second["item.sku"] == "B"
    assert await fetch(api, await key(Scope.EXPORTS), "orders?until=2020-01-01T00:00:00Z") == []


@pytest.fixture
async def happenings(api, shop):
    """What the feed tells of a campaign: of journeys, messages and an order."""
    (campaign,) = (await api.stores.campaigns.find_keys(["shop"])).values()
    run = {"trigger": "welcome"}
    message = {**run, "step": "hello", "channel": "email", "template": "greeting"}
    halves = [{"arm": arm, "share": "50"} for arm in ("a", "b")]
    dealt = {"split": "size", "arm": "b", "arms": halves}
    share = {"promotion": "ten", "campaign": campaign.id, "amount": "5.00", "splits": [dealt]}
    told = (
        ("run.started", run, 0),
        ("run.started", {**run, "held_out": True}, 0),
        ("run.split", {**run, "splits": [dealt]}, 1),
        ("run.converted", {**run, "splits": [dealt]}, 24),
        ("message.sent", message, 0),
        ("message.opened", message, 1),
        ("order.placed", {"currency": "USD", "total": "45.00", "promotions": [share]}, 24),
    )
    entries = tuple(
        FeedEntry(f"e{n}", kind, NOW + timedelta(hours=hours), campaign.id, "ann", data)
        for n, (kind, data, hours) in enumerate(told)
    )
    last = await api.stores.feed.find_last()
    number, seq = (last.number, last.last_seq) if last else (0, 0)
    await api.stores.feed.append(Block(number + 1, seq + 1, entries, NOW))
    await rollup.follow(stores=api.stores)
    return campaign.id


async def test_journeys_say_what_came_of_them(api, key, happenings):
    (row,) = await fetch(api, await key(Scope.EXPORTS), "journeys?format=ndjson")

    assert row == {
        "campaign": happenings,
        "title": "Shop",
        "trigger": "welcome",
        "runs": 1,
        "heldOut": 1,
        "converted": 1,
        "heldOutConverted": 0,
        "messages": 1,
        "sent": 1,
        "skipped": 0,
        "failed": 0,
        "unknown": 0,
        "opened": 1,
        "clicked": 0,
    }


async def test_reports_have_a_row_for_each_thing_that_is_counted(api, key, happenings):
    headers = await key(Scope.EXPORTS)

    rows = await fetch(api, headers, "reports")
    assert {row["campaign"] for row in rows} == {happenings}
    said = {
        (row["about"], row["name"], row["step"] or row["arm"]): {
            name: cell
            for name, cell in row.items()
            if cell not in ("", "0", "0.00")
            and name not in ("campaign", "title", "about", "name", "step", "arm")
        }
        for row in rows
    }
    assert said == {
        ("campaign", "", ""): {"people": "1"},
        ("journey", "welcome", ""): {"started": "1", "heldOut": "1", "converted": "1"},
        ("message", "welcome", "hello"): {
            "channel": "email",
            "template": "greeting",
            "sent": "1",
            "opened": "1",
        },
        ("promotion", "ten", ""): {"currency": "USD", "redemptions": "1", "discount": "5.00"},
        ("sales", "", ""): {"currency": "USD", "orders": "1", "revenue": "45.00"},
        ("arm", "welcome", "a"): {"split": "size", "share": "50.0"},
        ("arm", "welcome", "b"): {
            "split": "size",
            "share": "50.0",
            "people": "1",
            "converted": "1",
        },
        ("promotion_arm", "ten", "a"): {"currency": "USD", "split": "size", "share": "50.0"},
        ("promotion_arm", "ten", "b"): {
            "currency": "USD",
            "split": "size",
            "share": "50.0",
            "people": "1",
            "orders": "1",
            "revenue": "45.00",
            "discount": "5.00",
        },
    }

    until = (NOW + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    first = await fetch(api, headers, f"reports?format=ndjson&until={until}")
    assert {row["about"] for row in first} == {"campaign", "journey", "message", "arm"}
    (journey,) = [row for row in first if row["about"] == "journey"]
    assert (journey["started"], journey["converted"], journey["sent"]) == (1, 0, None)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("houses", 404),
        ("members", 400),
        ("members?segment=nobody", 404),
        ("users?format=xml", 400),
        ("users?sinc=2026-03-03T00:00:00Z", 400),
        ("users?since=yesterday", 400),
        ("reports?since=2026-03-03T00:30:00Z", 400),
    ],
)
async def test_what_cannot_be_meant_is_refused(api, key, shop, path, status):
    headers = await key(Scope.EXPORTS)
    answer = await api.http.get(f"/v1/exports/{path}", headers=headers)

    assert answer.status_code == status


async def test_the_scope_is_needed(api, key):
    assert (await api.http.get("/v1/exports/users")).status_code == 401
    for scopes in ([Scope.IMPORTS], [Scope.PERSONAL]):
        answer = await api.http.get("/v1/exports/users", headers=await key(*scopes))
        assert answer.status_code == 403


# --- over a wire ---------------------------------------------------------------------------------


@pytest.fixture
async def crowd(api, admin):
    """More people than sockets hold."""
    people = [{"_id": f"u{n:05}", "created_at": NOW, "name": "x" * 10_000} for n in range(1_500)]
    await api.stores.users.documents.insert_many(people)
    return {"authorization": f"Bearer {admin.token}"}


async def test_an_export_that_breaks_off_does_not_look_complete(api, database, mongodb_uri, crowd):
    await api.stores.users.documents.insert_one({"_id": "v", "name": "nobody can read this"})

    async with (
        listening(mongodb_uri=mongodb_uri, database=database.name, redis_url=NO_REDIS) as host,
        httpx2.AsyncClient(timeout=60) as http,
        http.stream("GET", f"http://{host}/v1/exports/users", headers=crowd) as answer,
    ):
        assert answer.status_code == 200
        with pytest.raises(httpx2.RemoteProtocolError, match="incomplete chunked read"):
            async for _ in answer.aiter_bytes():
                pass


async def reader_of(host, headers):
    """Ask for an export, read its first bytes, and no more."""
    loop = asyncio.get_running_loop()
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    reader.setblocking(False)
    await loop.sock_connect(reader, ("127.0.0.1", int(host.rpartition(":")[2])))
    head = f"GET /v1/exports/users HTTP/1.1\r\nhost: {host}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    await loop.sock_sendall(reader, f"{head}\r\n".encode())
    assert (await loop.sock_recv(reader, 100)).startswith(b"HTTP/1.1 200")
    return reader


async def test_who_reads_slowly_or_goes_away_keeps_nobody_from_exporting(
    database, mongodb_uri, crowd
):
    async with (
        listening(mongodb_uri=mongodb_uri, database=database.name, redis_url=NO_REDIS) as host,
        httpx2.AsyncClient(timeout=60) as http,
    ):
        url = f"http://{host}/v1/exports/users?until=2020-01-01T00:00:00Z"
        readers = [await reader_of(host, crowd) for _ in range(AT_ONCE)]

        refused = await http.get(url, headers=crowd)
        assert (refused.status_code, refused.headers.get("retry-after")) == (429, "5")
        assert (await http.get(f"http://{host}/readyz")).status_code == 200
        for reader in readers:
            reader.close()

        async def free():
            return (await http.get(url, headers=crowd)).status_code == 200

        await until(free)


async def test_the_command_writes_a_file_whole_or_not_at_all(run, api_url, stores, tmp_path):
    await stores.users.save_many([User(id="ann", created_at=NOW, name="Ann")])

    ended, _, said = await run("export", "users", "--out", "people.csv")
    assert ended == 0, said
    assert "ann" in (tmp_path / "people.csv").read_text(encoding="utf-8")
    ended, _, said = await run("export", "members", "nobody", "--out", "members.csv")
    assert (ended, "no segment" in said) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people.csv"]


async def test_the_command_leaves_no_file_of_what_broke_off(run, tmp_path, monkeypatch):
    async def half(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + b"4\r\nid\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    monkeypatch.setenv("FANFARE_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("FANFARE_TOKEN", "x")

    ended, _, said = await run("export", "users", "--out", "people.csv")
    server.close()

    assert (ended, "broke off" in said) == (1, True), said
    assert list(tmp_path.iterdir()) == []
