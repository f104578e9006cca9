"""Forgetting people, and giving them what is kept of them, through the API."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from models.api_key import Scope
from models.principal import Role
from services import erasures, recent
from services.passwords import Passwords
from tests.client import Api, Caller
from tests.resolvers.test_api_keys import made

PASSWORD = "correct horse battery"
ERASE = """
mutation ($id: ID!, $password: String) {
  erasePerson(input: { userId: $id, password: $password }) {
    erasure { userId askedAt doneAt waitsFor }
    userErrors { code field }
  }
}
"""
STATE = "query ($id: ID!) { erasure(userId: $id) { userId doneAt } }"
EXPORT = """
query ($id: ID, $password: String) {
  exportPerson(userId: $id, password: $password) { documents { collection document } cursor }
}
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "FRESH", -1.0)


@pytest.fixture
async def ann(api: Api) -> Caller:
    ann = await api.caller(Role.CUSTOMER, name="Ann", email="ann@example.test")
    with closing(Passwords()) as passwords:
        hashed = await passwords.hash(PASSWORD)
    await api.stores.credentials.put(ann.id, hashed, now=datetime.now(UTC))
    return ann


async def lines(api: Api, token: str | None, **asked: str) -> tuple[int, list[dict]]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    response = await api.http.get("/v1/person", params=asked, headers=headers)
    return response.status_code, [orjson.loads(line) for line in response.content.splitlines()]


async def own_lines(api: Api, caller: Caller, password: str) -> tuple[int, list[dict]]:
    headers = {"authorization": f"Bearer {caller.token}"}
    response = await api.http.post("/v1/person", json={"password": password}, headers=headers)
    return response.status_code, [orjson.loads(line) for line in response.content.splitlines()]


async def test_a_misspelt_parameter_is_not_taken_for_none(api: Api, ann: Caller):
    admin = await api.caller(Role.ADMIN)

    status, (answer,) = await lines(api, admin.token, userId=ann.global_id)

    assert status == 400
    assert "there are externalId, user" in answer["errors"][0]["message"]


async def test_someone_takes_what_is_kept_of_them_and_has_it_forgotten(api: Api, ann: Caller):
    admin = await api.caller(Role.ADMIN)
    export = (await api.ask(EXPORT, {"password": PASSWORD}, by=ann))["exportPerson"]
    status, streamed = await own_lines(api, ann, PASSWORD)
    kept = {each["collection"]: each["document"] for each in export["documents"]}
    assert (kept["users"]["name"], export["cursor"]) == ("Ann", None)
    assert (status, streamed[0]["collection"]) == (200, "sessions")
    assert streamed[-1] == {"complete": True, "documents": len(streamed) - 1}

    wrong = (await api.ask(ERASE, {"id": ann.global_id, "password": "a guess"}, by=ann))[
        "erasePerson"
    ]
    answer = (await api.ask(ERASE, {"id": ann.global_id, "password": PASSWORD}, by=ann))[
        "erasePerson"
    ]

    assert wrong["userErrors"] == [{"code": "WRONG_PASSWORD", "field": ["password"]}]
    assert answer["userErrors"] == []
    assert answer["erasure"]["doneAt"] is None
    assert await api.code("{ me { id } }", by=ann) == "SESSION_ENDED"
    for minutes in range(3):
        wall = datetime.now(UTC) + timedelta(minutes=minutes)
        await erasures.look_after(stores=api.stores, wall=wall)
    state = (await api.ask(STATE, {"id": ann.global_id}, by=admin))["erasure"]
    assert state["doneAt"] is not None
    assert (await api.ask(EXPORT, {"id": ann.global_id}, by=admin))["exportPerson"] is None
    assert (await lines(api, admin.token, user=ann.global_id))[0] == 404


async def test_someone_takes_what_is_kept_of_them_only_with_their_password(api: Api, ann: Caller):
    own = {"id": ann.global_id}
    guesses: list[dict[str, str]] = [{}, own, own | {"password": ""}, {"password": "a guess"}]

    assert {await api.code(EXPORT, each, by=ann) for each in guesses} == {"WRONG_PASSWORD"}
    for answer in (
        await lines(api, ann.token),
        await lines(api, ann.token, user=ann.global_id),
        await own_lines(api, ann, ""),
    ):
        assert (answer[0], answer[1][0]["errors"][0]["extensions"]["code"]) == (
            400,
            "WRONG_PASSWORD",
        )
    # To say none is no try: after five that are wrong none is looked at.
    for _ in range(4):
        assert (await own_lines(api, ann, "a guess"))[0] == 400
    assert (await own_lines(api, ann, PASSWORD))[0] == 429
    assert await api.code(EXPORT, {"password": PASSWORD}, by=ann) == "RATE_LIMITED"


async def test_others_are_nobody_to_those_who_are_not_administrators(api: Api, ann: Caller):
    bob = await api.caller(Role.CUSTOMER, Role.MARKETER)

    answer = (await api.ask(ERASE, {"id": ann.global_id}, by=bob))["erasePerson"]

    assert answer["userErrors"] == [{"code": "NOT_FOUND", "field": ["userId"]}]
    assert (await api.ask(EXPORT, {"id": ann.global_id}, by=bob))["exportPerson"] is None
    assert (await lines(api, bob.token, user=ann.global_id))[0] == 404
    assert (await lines(api, None))[0] == 401


async def test_a_key_does_so_only_with_its_scope(api: Api, ann: Caller):
    admin = await api.caller(Role.ADMIN)
    events, _ = await made(api, admin, Scope.EVENTS)
    people, _ = await made(api, admin, Scope.PEOPLE)

    refused, _ = await lines(api, events, user=ann.global_id)
    status, streamed = await lines(api, people, user=ann.global_id)
    erased = await api.post(
        ERASE, {"id": ann.global_id}, headers={"authorization": f"Bearer {people}"}
    )

    assert (refused, status, streamed[-1]["complete"]) == (403, 200, True)
    assert erased.json()["data"]["erasePerson"]["erasure"]["userId"] == ann.global_id
    assert await api.stores.users.find(ann.id) is None
