"""`/v1/imports`: who may send, what is refused at once, and what becomes of the rest."""

import asyncio
import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from app.clock import Clock
from app.imports import BODY
from models.api_key import Scope
from models.principal import Role
from services import api_keys
from services.importing import working
from services.importing.working import Importing
from services.rulebook import Rulebook

CSV = {"content-type": "text/csv"}
FILE = "externalId,email\n1,a@x.test\n2,nonsense\n3,=cmd@x.test\n,\n"


def worker(stores):
    return Importing(stores=stores, rulebook=Rulebook(stores, fresh=0), clock=Clock())


@pytest.fixture
async def key(api):
    admin = await api.caller(Role.ADMIN)
    _, token = await api_keys.create(
        "crm",
        [Scope.IMPORTS],
        caller=admin.principal,
        stores=api.stores,
        tokens=api.tokens,
        now=datetime.now(UTC),
    )
    return {"authorization": f"Bearer {token}"}


async def send(api, headers, query="", body=FILE, kind="users"):
    return await api.http.post(
        f"/v1/imports/{kind}?{query}", content=body.encode(), headers=CSV | headers
    )


def code(answer):
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def test_a_file_is_taken_in_followed_and_what_was_refused_is_listed(api, key):
    sent = await send(api, key, "key=nightly")
    assert sent.status_code == 202, sent.text
    assert (sent.json()["state"], sent.json()["rows"]) == ("running", 3)

    await working.work("nightly", worker(api.stores))

    job = (await api.http.get("/v1/imports/users/nightly", headers=key)).json()
    assert (job["state"], job["created"], job["written"], job["refused"]) == ("done", 2, 2, 1)
    listed = await api.http.get("/v1/imports/users/nightly/errors", headers=key)
    assert listed.headers["content-type"].startswith("text/csv")
    assert listed.text.splitlines() == [
        "row,field,code,message,hint",
        '3,email,INVALID,"This is not an e-mail address, as name@example.com is.",',
    ]
    lines = await api.http.get("/v1/imports/users/nightly/errors?format=ndjson", headers=key)
    assert json.loads(lines.text)["row"] == 3
    other = await api.http.get("/v1/imports/orders/nightly", headers=key)
    assert code(other) == (404, "NOT_FOUND")
    head = await api.http.head("/v1/imports/users/nightly/errors", headers=key)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("query", "body", "kind", "expected"),
    [
        ("", "a,b\n", "users", (400, "UNKNOWN_FIELD")),
        ("", "a,b\n", "houses", (404, "NOT_FOUND")),
        ("dryrun=true", FILE, "users", (400, "INVALID")),
        ("dryRun=maybe", FILE, "users", (400, "INVALID")),
        ("delimiter=pipe", FILE, "users", (400, "INVALID")),
        ("format=xml", FILE, "users", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("key=a/b", FILE, "users", (400, "INVALID")),
        ("mapping=%7B", FILE, "users", (400, "INVALID")),
        (quote('mapping={"mail":"email"}', "="), FILE, "users", (400, "UNKNOWN_FIELD")),
        (quote('mapping={"email":"E-Mail"}', "="), FILE, "users", (400, "UNKNOWN_COLUMN")),
        (quote('mapping={"email":{}}', "="), FILE, "users", (400, "INVALID")),
    ],
)
async def test_what_cannot_be_meant_is_refused_at_once(api, key, query, body, kind, expected):
    assert code(await send(api, key, query, body, kind)) == expected
    assert await api.stores.imports.count_open() == 0


async def test_a_key_is_needed_that_is_for_it(api, key):
    assert code(await send(api, {})) == (401, "UNAUTHENTICATED")
    marketer = await api.caller(Role.MARKETER)
    headers = {"authorization": f"Bearer {marketer.token}"}
    assert code(await send(api, headers)) == (403, "FORBIDDEN")
    for path in ("users/nightly", "users/nightly/errors"):
        assert code(await api.http.get(f"/v1/imports/{path}")) == (401, "UNAUTHENTICATED")
        assert code(await api.http.get(f"/v1/imports/{path}", headers=key)) == (404, "NOT_FOUND")


async def test_a_file_that_is_too_large_is_refused_by_what_it_says_of_itself(api, key):
    answer = await api.http.post(
        "/v1/imports/users", content=b"x", headers=CSV | key | {"content-length": str(BODY + 1)}
    )

    assert code(answer) == (413, "BODY_TOO_LARGE")


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
async def working_along(stores):
    """A worker that takes in whatever was sent."""

    async def work():
        while True:
            for each in await stores.imports.running(limit=10):
                await working.work(each, worker(stores))
            await asyncio.sleep(0.01)

    task = asyncio.create_task(work())
    yield
    task.cancel()


async def test_the_command_sends_a_file_and_says_what_came_of_it(
    run, api_url, stores, tmp_path, working_along
):
    (tmp_path / "crm.csv").write_text("No;Mail\n1;a@x.test\n2;b@x.test\n", encoding="utf-8")
    (tmp_path / "crm.json").write_text('{"externalId": "No", "email": "Mail"}', encoding="utf-8")
    arguments = ("import", "users", "crm.csv", "--mapping", "crm.json")

    ended, out, _ = await run(*arguments, "--dry-run")
    assert (ended, out.splitlines()[-1]) == (
        0,
        "users: 2 would be created, 0 would be updated, 0 unchanged, 0 would be refused",
    )
    assert await stores.identities.find_external(["1"]) == {}

    ended, out, _ = await run(*arguments)
    assert out.splitlines()[-1] == "users: 2 created, 0 updated, 0 unchanged, 0 refused"
    assert len(await stores.identities.find_external(["1", "2"])) == 2


async def test_the_command_lists_what_was_refused_and_fails(run, api_url, tmp_path, working_along):
    (tmp_path / "p.csv").write_text("sku,price\nA,1\nB,cheap\n", encoding="utf-8")

    ended, out, _ = await run("import", "products", "p.csv")

    assert ended == 1
    assert "products: 1 created, 0 updated, 0 unchanged, 1 refused" in out
    assert "row 3 price: " in out


async def test_the_command_says_what_the_api_has_against_a_file(run, api_url, tmp_path):
    (tmp_path / "latin.csv").write_bytes("sku,name\nA,Müll\n".encode("latin-1"))
    (tmp_path / "a.xls").write_bytes(b"x")

    ended, _, said = await run("import", "products", "latin.csv")
    assert ended == 1
    assert "Line 2 is not UTF-8" in said
    ended, _, said = await run("import", "products", "a.xls")
    assert (ended, "neither .csv nor .ndjson" in said) == (1, True)
