"""Folders of rules, through the API."""

import pytest

from models.principal import Role
from tests.client import Api, Caller

PLAN = """
query ($input: PlanRulesInput!) {
  planRules(input: $input) {
    publication valid empty files
    diagnostics { file diagnostic { code line } }
    declarations { change kind name file movedFrom lines }
  }
}
"""
RELEASE = """
mutation ($input: ReleaseRulesInput!) {
  releaseRules(input: $input) {
    publication campaigns { title status liveSource } ended { title } templates { name }
    userErrors { code field message }
  }
}
"""
PUBLISHED = "query { publishedRules { publication files { title name text } } }"
A = {"name": "a", "text": "segment a { user.points > 1 }"}
B = {"name": "offers/b", "text": "promotion b { for user in segment a  take 1% off cart }"}


@pytest.fixture
async def ann(api: Api) -> Caller:
    return await api.caller(Role.ADMIN)


async def release(api: Api, by: Caller, *files, **more):
    answer = await api.ask(RELEASE, {"input": {"files": list(files), **more}}, by=by)
    return answer["releaseRules"]


async def plan(api: Api, by: Caller, *files, **more):
    return (await api.ask(PLAN, {"input": {"files": list(files), **more}}, by=by))["planRules"]


async def test_a_folder_is_released_and_read_back(api, ann):
    released = await release(api, ann, A, B, publication=0, reason="It is time.")
    published = (await api.ask(PUBLISHED, by=ann))["publishedRules"]

    assert (released["publication"], released["userErrors"]) == (1, [])
    assert [c["status"] for c in released["campaigns"]] == ["RUNNING", "RUNNING"]
    assert published["publication"] == 1
    assert {(f["name"], f["text"]) for f in published["files"]} == {
        (A["name"], A["text"]),
        (B["name"], B["text"]),
    }


async def test_every_reason_for_a_refusal_is_told(api, ann):
    wrong = {"name": "c", "text": "promotion c { take 1% off crt }\nsegment d { user.no = 1 }"}

    released = await release(api, ann, B, wrong)

    assert released["publication"] is None
    assert {error["code"] for error in released["userErrors"]} >= {"E101", "E203"}


async def test_a_plan_that_is_out_of_date_is_refused(api, ann):
    await release(api, ann, A)

    released = await release(api, ann, A, B, publication=0)

    assert [error["code"] for error in released["userErrors"]] == ["PUBLISHED_MEANWHILE"]


async def test_a_plan_tells_what_is_wrong_and_where(api, ann):
    planned = await plan(api, ann, A, {"name": "b", "text": "\nsegment b { user.no = 1 }"})

    assert (planned["valid"], planned["publication"]) == (False, 0)
    assert [(d["file"], d["diagnostic"]["line"]) for d in planned["diagnostics"]] == [("b", 2)]


async def test_a_plan_names_declarations_and_files(api, ann):
    await release(api, ann, A)

    planned = await plan(api, ann, {"name": "a", "text": A["text"].replace("1", "2")})

    assert (planned["empty"], planned["files"]) == (False, ["a"])
    assert planned["declarations"] == [
        {
            "change": "CHANGED",
            "kind": "SEGMENT",
            "name": "a",
            "file": "a",
            "movedFrom": None,
            "lines": ["-   user.points > 1", "+   user.points > 2"],
        }
    ]


@pytest.mark.parametrize("name", ["../a", "", "/etc/passwd", "a\\b"])
async def test_a_file_has_a_name_that_files_can_have(api, ann, name):
    released = await release(api, ann, {"name": name, "text": A["text"]})

    assert released["userErrors"][0]["field"] == ["files"]


async def test_files_of_one_name_and_too_large_ones_are_refused(api, ann):
    twice = await release(api, ann, A, A)
    large = await release(api, ann, {"name": "a", "text": "#" * 300_000})

    assert twice["userErrors"][0]["message"] == "There are two files called a."
    assert "at most 256 KiB" in large["userErrors"][0]["message"]
