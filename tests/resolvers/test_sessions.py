"""Where someone is signed in, through the API."""

from datetime import UTC, datetime

import pytest

from models.principal import Role
from services import recent, sessions
from tests.client import Api, Caller

LIST = "{ sessions { id current client createdAt lastUsedAt } }"
REVOKE = """mutation ($id: ID!) {
  revokeSession(input: {id: $id}) { session { id } userErrors { code field } }
}"""
OTHERS = "mutation { revokeOtherSessions(input: {}) { revoked userErrors { code } } }"
ANN = {"email": "ann@example.test", "password": "correct horse battery"}
SIGN_IN = """mutation ($input: SignInInput!) {
  signIn(input: $input) { session { accessToken } }
}"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every session each time, as a process does whose last look is too old."""
    assert recent.FRESH < 5
    monkeypatch.setattr(recent, "FRESH", -1.0)


async def again(api: Api, caller: Caller) -> Caller:
    """Sign the same person in once more."""
    user = await api.stores.users.get(caller.id)
    now = datetime.now(UTC)
    pair = await sessions.open_session(user, stores=api.stores, tokens=api.tokens, wall=now)
    access = api.tokens.read(pair.access_token, now=now)
    return Caller(caller.id, pair.access_token, pair.refresh_token, access)


async def test_someone_sees_where_they_are_signed_in(api: Api) -> None:
    await api.join(**ANN)
    answer = await api.post(SIGN_IN, {"input": ANN}, headers={"user-agent": "Shop for Ann/1"})
    token = answer.json()["data"]["signIn"]["session"]["accessToken"]

    listed = await api.post(LIST, headers={"authorization": f"Bearer {token}"})

    newest, first = listed.json()["data"]["sessions"]
    assert (newest["current"], first["current"]) == (True, False)
    assert newest["client"] == "Shop for Ann/1"
    assert "httpx" in first["client"]


async def test_a_token_of_a_revoked_session_is_refused(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    other = await again(api, ann)
    (theirs,) = [each for each in (await api.ask(LIST, by=ann))["sessions"] if not each["current"]]

    answer = await api.ask(REVOKE, {"id": theirs["id"]}, by=ann)

    assert answer["revokeSession"]["session"] == {"id": theirs["id"]}
    refused = await api.post("{ me { id } }", by=other)
    assert refused.status_code == 401
    assert refused.json()["errors"][0]["extensions"]["code"] == "SESSION_ENDED"
    assert [each["current"] for each in (await api.ask(LIST, by=ann))["sessions"]] == [True]


async def test_all_other_sessions_end_and_nobody_elses(api: Api) -> None:
    ann, bob = await api.caller(Role.CUSTOMER), await api.caller(Role.CUSTOMER)
    others = [await again(api, ann) for _ in range(3)]

    await api.ask(OTHERS, by=ann)

    assert [await api.code(LIST, by=each) for each in others] == ["SESSION_ENDED"] * 3
    assert await api.code(LIST, by=ann) is None
    assert await api.code(LIST, by=bob) is None


async def test_whoever_signs_out_is_refused_over_http_too(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)

    await api.ask("mutation { signOut(input: {}) { signedOut } }", by=ann)

    assert await api.code("{ me { id } }", by=ann) == "SESSION_ENDED"


async def test_anothers_session_answers_as_a_missing_one(api: Api) -> None:
    ann, bob = await api.caller(Role.CUSTOMER), await api.caller(Role.CUSTOMER)
    ((theirs,)) = (await api.ask(LIST, by=bob))["sessions"]

    answers = [
        (await api.ask(REVOKE, {"id": each}, by=ann))["revokeSession"]["userErrors"][0]["code"]
        for each in (theirs["id"], "nonsense")
    ]

    assert answers == ["NOT_FOUND", "NOT_FOUND"]
    assert await api.code(LIST, by=bob) is None
