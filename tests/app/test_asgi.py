"""The API process from outside: statuses, sizes, faults."""

import json
from typing import Any

import pytest

from app.admission import ANONYMOUS_BODY, BODY
from models.principal import Role
from services import recent
from tests.client import Api

GRAPHQL_JSON = {"accept": "application/graphql-response+json"}


async def test_health_readiness_and_metrics_answer(api: Api) -> None:
    await api.ask("{ me { id } }")

    health = await api.http.get("/healthz")
    ready = await api.http.get("/readyz")
    metrics = await api.http.get("/metrics")

    assert health.status_code == 200
    # Without its queue the API still takes work.
    assert (ready.status_code, ready.json()) == (200, {"mongodb": "ok", "queue": "away"})
    assert 'fanfare_http_requests_total{path="/graphql",status="200"}' in metrics.text


async def test_the_playground_is_the_front_page(api: Api) -> None:
    answer = await api.http.get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["content-security-policy"]


async def test_an_answer_carries_its_requests_number(api: Api) -> None:
    given = await api.post("{ me { id } }", headers={"x-request-id": "trace-12345678"})
    made_up = await api.post("{ me { id } }", headers={"x-request-id": "<script>"})

    assert given.headers["x-request-id"] == "trace-12345678"
    assert len(made_up.headers["x-request-id"]) == 26


@pytest.mark.parametrize("token", ["nonsense", "", "a.b.c"])
async def test_a_bad_token_is_refused_before_anything_else(api: Api, token: str) -> None:
    answer = await api.post("{ me { id } }", headers={"authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_expired_token_says_so(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    old = (await api.stores.sessions.documents.find_one({}) or {})["created_at"].replace(year=2020)
    ann.token, _ = api.tokens.issue(ann.principal, now=old)

    answer = await api.post("{ me { id } }", by=ann)

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "TOKEN_EXPIRED"
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_body_too_large_is_refused_unread(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    query = "{ me { id } } #" + "x" * ANONYMOUS_BODY

    assert (await api.post(query)).status_code == 413
    assert (await api.post(query, by=ann)).status_code == 200
    assert (await api.post(query + "x" * BODY, by=ann)).status_code == 413


async def test_a_body_of_undeclared_size_is_counted(api: Api) -> None:
    async def long() -> Any:
        for _ in range(300):
            yield b" " * 65_536

    answer = await api.http.post(
        "/graphql", content=long(), headers={"content-type": "application/json"}
    )

    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


async def test_request_errors_have_the_status_the_client_asked_for(api: Api) -> None:
    for query, code in [
        ("{ me {", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: ID!) { user(id: $id) { id } }", "BAD_USER_INPUT"),
    ]:
        new = await api.post(query, headers=GRAPHQL_JSON)
        old = await api.post(query)

        assert (new.status_code, old.status_code) == (400, 200)
        assert new.headers["content-type"].startswith("application/graphql-response+json")
        assert "data" not in new.json()
        assert new.json()["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"5", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"null", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"query": 5}', "application/json", 400),
        (b'{"query": "{ me { id } }", "variables": []}', "application/json", 400),
        (b'{"query": "{ me { id } }", "operationName": 5}', "application/json", 400),
        (b"query=x", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b"\xff", "application/json", 400),
    ],
)
async def test_malformed_requests_are_refused(
    api: Api, content: bytes, kind: str, status: int
) -> None:
    answer = await api.http.post("/graphql", content=content, headers={"content-type": kind})

    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]


async def test_queries_may_be_gotten_and_mutations_may_not(api: Api) -> None:
    query = await api.http.get("/graphql", params={"query": "{ me { id } }"})
    bare = await api.http.get("/graphql", headers={"accept": "*/*"})
    mutation = await api.http.get(
        "/graphql", params={"query": "mutation { signOut(input: {}) { signedOut } }"}
    )
    other = await api.http.put("/graphql")

    assert query.json() == {"data": {"me": None}}
    assert bare.status_code == 400
    assert mutation.status_code in (400, 405)
    assert other.status_code == 405


async def test_of_several_operations_one_has_to_be_named(api: Api) -> None:
    asked = {"query": "query one { me { id } } query two { me { name } }"}

    bare = await api.http.post("/graphql", json=asked)
    named = await api.http.post("/graphql", json=asked | {"operationName": "two"})

    assert "data" not in bare.json()
    (error,) = bare.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "operationName" in error["message"]
    assert named.json() == {"data": {"me": None}}


async def test_a_subscription_without_a_stream_is_told_how_to_get_one(api: Api) -> None:
    shop = await api.caller(Role.INTEGRATOR)
    query = "subscription { feed { cursor } }"

    new = await api.post(query, by=shop, headers=GRAPHQL_JSON)
    old = await api.post(query, by=shop)
    gotten = await api.http.get("/graphql", params={"query": query})

    assert (new.status_code, old.status_code, gotten.status_code) == (400, 200, 200)
    for answer in (new, old, gotten):
        (error,) = answer.json()["errors"]
        assert error["extensions"] == {"code": "NEEDS_STREAM"}
        assert "text/event-stream" in error["message"]


async def test_what_someone_may_do_is_what_they_may_do_now(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "FRESH", 0.0)
    ann = await api.caller(Role.CUSTOMER)
    assert await api.code("{ apiKeys { id } }", by=ann) == "FORBIDDEN"

    await api.stores.users.documents.update_one({"_id": ann.id}, {"$set": {"roles": ["admin"]}})
    assert await api.ask("{ apiKeys { id } }", by=ann) == {"apiKeys": []}

    await api.stores.users.documents.update_one({"_id": ann.id}, {"$set": {"roles": []}})
    assert await api.code("{ apiKeys { id } }", by=ann) == "FORBIDDEN"

    await api.stores.users.documents.delete_one({"_id": ann.id})
    assert (await api.post("{ me { id } }", by=ann)).status_code == 401


async def test_only_the_shops_people_see_the_schema(api: Api) -> None:
    query = "{ __schema { queryType { name } } }"
    ann, mel = await api.caller(Role.CUSTOMER), await api.caller(Role.MARKETER)

    assert await api.code(query) == "GRAPHQL_VALIDATION_FAILED"
    assert await api.code(query, by=ann) == "GRAPHQL_VALIDATION_FAILED"
    assert await api.ask(query, by=mel) == {"__schema": {"queryType": {"name": "Query"}}}


async def test_mistakes_are_answered_without_suggestions(api: Api) -> None:
    answer = await api.post("{ mee { id } }")

    assert "Did you mean" not in answer.text


async def test_an_unforeseen_error_is_masked_and_logged(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await api.caller(Role.CUSTOMER)
    await api.stores.users.documents.update_one({}, {"$set": {"roles": ["no such role"]}})

    answer = await api.post("{ me { id } }", by=ann)

    (error,) = answer.json()["errors"]
    assert error["extensions"] == {
        "code": "INTERNAL_SERVER_ERROR",
        "requestId": answer.headers["x-request-id"],
    }
    assert "role" not in json.dumps(error)
    assert "no such role" in caplog.text
