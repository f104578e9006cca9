"""People through the API."""

from datetime import UTC, datetime, timedelta

import pytest

from models.principal import Role
from schema.ids import to_global
from services import recent
from tests.client import REGISTER, Api

SIGN_IN = """
mutation ($input: SignInInput!) {
  signIn(input: $input) {
    user { id } session { accessToken refreshToken } userErrors { code field message }
  }
}
"""
REFRESH = """
mutation ($token: String!) {
  refreshSession(input: {refreshToken: $token}) {
    user { id } session { accessToken refreshToken } userErrors { code field message }
  }
}
"""
UPDATE = """
mutation ($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    user { name locale timezone birthday consent { email sms push } version }
    userErrors { code field message }
  }
}
"""
ANN = {"email": "Ann@Example.test", "password": "correct horse battery", "name": " Ann  Lee "}


async def test_whoever_completes_a_registration_is_a_signed_in_customer(api: Api) -> None:
    payload = await api.join(**ANN)

    assert payload["userErrors"] == []
    assert payload["user"]["email"] == "ann@example.test"
    assert payload["user"]["emailVerifiedAt"] is not None
    assert payload["user"]["name"] == "Ann Lee"
    assert payload["user"]["roles"] == ["CUSTOMER"]
    token = payload["session"]["accessToken"]
    answer = await api.post("{ me { email } }", headers={"authorization": f"Bearer {token}"})
    assert answer.json() == {"data": {"me": {"email": "ann@example.test"}}}


async def test_registering_does_not_tell_whether_an_address_is_taken(api: Api) -> None:
    await api.join(**ANN)

    taken, free = [
        (await api.post(REGISTER, {"input": {"email": email, "name": "Eve"}})).json()
        for email in ("ANN@example.test", "eve@example.test")
    ]

    assert taken == free == {"data": {"register": {"requested": True, "userErrors": []}}}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("email", "a" * 288 + "@example.test", "at most 254 characters; this has 301"),
        ("email", "ann", "not an e-mail address"),
        ("email", "ann@localhost", "not an e-mail address"),
        ("email", "a b@example.test", "not an e-mail address"),
        ("name", "n" * 201, "at most 200"),
        ("name", "a\u0007b", "control characters"),
    ],
)
async def test_bad_input_is_named(api: Api, field: str, value: str, says: str) -> None:
    given = {"email": "ann@example.test", "name": "Ann"} | {field: value}

    payload = (await api.ask(REGISTER, {"input": given}))["register"]

    (error,) = payload["userErrors"]
    assert error["field"] == [field]
    assert says in error["message"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("short", "at least 8"),
        ("x1" * 65, "at most 128"),
        ("Password123", "first that anyone tries"),
        ("ann@example.test", "e-mail address as a password"),
    ],
)
async def test_a_bad_password_is_refused(api: Api, value: str, says: str) -> None:
    (error,) = (await api.join("ann@example.test", value))["userErrors"]

    assert error["field"] == ["password"]
    assert says in error["message"]


async def test_signing_in_takes_the_right_password(api: Api) -> None:
    await api.join(**ANN)
    right = {"email": "ann@EXAMPLE.test ", "password": ANN["password"]}

    good = (await api.ask(SIGN_IN, {"input": right}))["signIn"]
    wrong = (await api.ask(SIGN_IN, {"input": right | {"password": "wrong"}}))["signIn"]
    nobody = (await api.ask(SIGN_IN, {"input": right | {"email": "bob@example.test"}}))["signIn"]

    assert good["session"]["accessToken"]
    assert wrong["userErrors"][0]["code"] == "WRONG_CREDENTIALS"
    assert nobody == wrong


async def test_five_wrong_passwords_lock_an_account_for_a_while(api: Api) -> None:
    await api.join(**ANN)
    wrong = {"input": {"email": "ann@example.test", "password": "wrong"}}
    for _ in range(5):
        await api.ask(SIGN_IN, wrong)

    answer = await api.post(SIGN_IN, {"input": ANN | {"name": None}} | wrong)

    assert answer.status_code == 429
    assert 800 <= int(answer.headers["retry-after"]) <= 900
    assert answer.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_right_password_clears_the_failures_before_it(api: Api) -> None:
    await api.join(**ANN)
    right = {"input": {"email": ANN["email"], "password": ANN["password"]}}
    for _ in range(3):
        for _ in range(4):
            await api.ask(SIGN_IN, {"input": right["input"] | {"password": "wrong"}})
        assert (await api.ask(SIGN_IN, right))["signIn"]["session"]


async def refused(api: Api, token: str) -> bool:
    """Whether a session cannot be gone on with by a token: expected, so no error of the request."""
    payload = (await api.ask(REFRESH, {"token": token}))["refreshSession"]
    if not payload["userErrors"]:
        return False
    ended = {
        "code": "SESSION_ENDED",
        "field": ["refreshToken"],
        "message": "The session has ended; sign in again.",
    }
    assert payload == {"user": None, "session": None, "userErrors": [ended]}
    return True


async def test_a_refresh_token_is_good_once_but_for_a_lost_answer(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)

    first = (await api.ask(REFRESH, {"token": ann.refresh_token}))["refreshSession"]
    again = (await api.ask(REFRESH, {"token": ann.refresh_token}))["refreshSession"]

    assert first == again
    assert first["session"]["refreshToken"] != ann.refresh_token


async def test_a_reused_refresh_token_ends_the_whole_session(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    second = await api.ask(REFRESH, {"token": ann.refresh_token})
    token = second["refreshSession"]["session"]["refreshToken"]
    third = await api.ask(REFRESH, {"token": token})

    assert await refused(api, ann.refresh_token)

    assert await refused(api, third["refreshSession"]["session"]["refreshToken"])


async def test_the_previous_refresh_token_is_stolen_goods_after_ten_seconds(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    await api.ask(REFRESH, {"token": ann.refresh_token})
    await api.stores.sessions.documents.update_one(
        {}, {"$set": {"rotated_at": datetime.now(UTC) - timedelta(seconds=11)}}
    )

    assert await refused(api, ann.refresh_token)


async def test_a_forged_refresh_token_ends_nothing(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    session, generation, _ = ann.refresh_token.split(".")

    assert await refused(api, f"{session}.{generation}.AAAA")
    assert await refused(api, "nonsense")

    assert not await refused(api, ann.refresh_token)


async def test_signing_out_ends_the_session(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)

    await api.ask("mutation { signOut(input: {}) { signedOut userErrors { code } } }", by=ann)

    assert await refused(api, ann.refresh_token)


async def test_a_profile_changes_where_something_was_said(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER, name="Ann", locale="de-AT")
    change = {
        "version": 1,
        "locale": None,
        "timezone": "Europe/Vienna",
        "birthday": "1990-02-28",
        "consent": {"email": True},
    }

    payload = (await api.ask(UPDATE, {"input": change}, by=ann))["updateProfile"]

    assert payload["user"] == {
        "name": "Ann",
        "locale": None,
        "timezone": "Europe/Vienna",
        "birthday": "1990-02-28",
        "consent": {"email": True, "sms": False, "push": False},
        "version": 2,
    }


async def test_a_profile_changed_meanwhile_is_not_overwritten(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    await api.ask(UPDATE, {"input": {"version": 1, "name": "First"}}, by=ann)

    payload = (await api.ask(UPDATE, {"input": {"version": 1, "name": "Second"}}, by=ann))[
        "updateProfile"
    ]

    assert payload["user"] is None
    assert payload["userErrors"][0]["code"] == "CONFLICT"


async def test_a_profile_says_where_messages_go(api: Api) -> None:
    ann = await api.caller(Role.CUSTOMER)
    change = {"version": 1, "phone": "+43 660/123 456", "devices": ["d1", "d1", "d2"]}
    query = """mutation ($input: UpdateProfileInput!) {
      updateProfile(input: $input) { user { phone devices } }
    }"""

    changed = (await api.ask(query, {"input": change}, by=ann))["updateProfile"]["user"]
    assert changed == {"phone": "+43660123456", "devices": ["d1", "d2"]}

    cleared = {"version": 2, "phone": None, "devices": []}
    changed = (await api.ask(query, {"input": cleared}, by=ann))["updateProfile"]["user"]
    assert changed == {"phone": None, "devices": []}


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "Mars/Olympus"},
        {"locale": "german"},
        {"birthday": "2999-01-01"},
        {"phone": "0660 123456"},
        {"devices": ["token"] * 3 + [""]},
    ],
)
async def test_a_profile_takes_no_nonsense(api: Api, change: dict[str, str]) -> None:
    ann = await api.caller(Role.CUSTOMER)

    payload = (await api.ask(UPDATE, {"input": {"version": 1} | change}, by=ann))["updateProfile"]

    assert payload["userErrors"][0]["field"] == list(change)


async def test_another_customer_answers_as_a_missing_one(api: Api) -> None:
    ann, bob = await api.caller(Role.CUSTOMER), await api.caller(Role.CUSTOMER)
    shop, analyst = await api.caller(Role.INTEGRATOR), await api.caller(Role.ANALYST)
    query = "query ($id: ID!) { user(id: $id) { id } }"

    assert await api.ask(query, {"id": bob.global_id}, by=shop) == {"user": None}
    assert await api.ask(query, {"id": bob.global_id}, by=analyst) == {
        "user": {"id": bob.global_id}
    }
    assert await api.ask(query, {"id": ann.global_id}, by=ann) == {"user": {"id": ann.global_id}}
    assert await api.ask(query, {"id": bob.global_id}, by=ann) == {"user": None}
    assert await api.ask(query, {"id": "nonsense"}, by=ann) == {"user": None}


async def test_users_are_listed_forward_and_backward(api: Api) -> None:
    ids = [(await api.caller(Role.CUSTOMER)).global_id for _ in range(4)]
    analyst = await api.caller(Role.ANALYST)
    query = """query ($first: Int, $after: String, $last: Int, $before: String) {
      users(first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id } } totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }"""

    first = (await api.ask(query, {"first": 2}, by=analyst))["users"]
    cursor = first["pageInfo"]["endCursor"]
    second = (await api.ask(query, {"first": 2, "after": cursor}, by=analyst))["users"]
    back = (await api.ask(query, {"last": 1, "before": cursor}, by=analyst))["users"]

    assert [edge["node"]["id"] for edge in first["edges"]] == ids[:2]
    assert [edge["node"]["id"] for edge in second["edges"]] == ids[2:]
    assert [edge["node"]["id"] for edge in back["edges"]] == ids[:1]
    assert first["totalCount"] == 5
    assert first["pageInfo"]["hasNextPage"]
    assert not first["pageInfo"]["hasPreviousPage"]
    assert back["pageInfo"]["hasNextPage"]
    assert not back["pageInfo"]["hasPreviousPage"]


async def test_users_are_found_by_role_and_by_address(api: Api) -> None:
    await api.join(**ANN)
    admin = await api.caller(Role.ADMIN)
    query = "query ($filter: UserFilter) { users(filter: $filter) { edges { node { email } } } }"

    admins = await api.ask(query, {"filter": {"role": "ADMIN"}}, by=admin)
    ann = await api.ask(query, {"filter": {"email": "ANN@example.test"}}, by=admin)
    nobody = await api.ask(query, {"filter": {"email": "bob@example.test"}}, by=admin)

    assert admins["users"]["edges"] == [{"node": {"email": None}}]
    assert ann["users"]["edges"] == [{"node": {"email": "ann@example.test"}}]
    assert nobody["users"]["edges"] == []


ASSIGN = """
mutation ($id: ID!, $roles: [Role!]!, $version: Int! = 1) {
  assignRoles(input: { userId: $id, roles: $roles, version: $version }) {
    user { roles version } userErrors { code field }
  }
}
"""


async def test_an_administrator_makes_a_customer_a_marketer_and_takes_it_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "FRESH", 0.0)
    admin, ann = await api.caller(Role.ADMIN), await api.caller(Role.CUSTOMER)
    assert await api.code("{ campaigns { totalCount } }", by=ann) == "FORBIDDEN"

    given = {"id": ann.global_id, "roles": ["MARKETER", "CUSTOMER", "MARKETER"]}
    made = (await api.ask(ASSIGN, given, by=admin))["assignRoles"]

    assert made == {"user": {"roles": ["CUSTOMER", "MARKETER"], "version": 2}, "userErrors": []}
    assert await api.ask("{ campaigns { totalCount } }", by=ann) == {"campaigns": {"totalCount": 0}}

    taken = {"id": ann.global_id, "roles": ["CUSTOMER"], "version": 2}
    await api.ask(ASSIGN, taken, by=admin)
    assert await api.code("{ campaigns { totalCount } }", by=ann) == "FORBIDDEN"


async def test_roles_that_cannot_be_assigned_are_refused(api: Api) -> None:
    admin, ann = await api.caller(Role.ADMIN), await api.caller(Role.CUSTOMER)
    nobody = to_global("User", "nobody")

    async def refused(id: str, *roles: str, version: int = 1) -> tuple[str, list[str] | None]:
        given = {"id": id, "roles": roles, "version": version}
        (error,) = (await api.ask(ASSIGN, given, by=admin))["assignRoles"]["userErrors"]
        return error["code"], error["field"]

    assert await refused(ann.global_id) == ("INVALID", ["roles"])
    assert await refused(ann.global_id, "ANALYST", version=7) == ("CONFLICT", None)
    assert await refused(nobody, "ANALYST") == ("NOT_FOUND", None)
    assert await refused(admin.global_id, "MARKETER") == ("OWN_ROLES", ["roles"])
    assert (await api.stores.users.get(ann.id)).roles == {Role.CUSTOMER}
    assert (await api.stores.users.get(admin.id)).roles == {Role.ADMIN}
