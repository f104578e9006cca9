"""Imports through the API: listed, followed, ended."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.imports import Import, ImportKind, RowError
from models.principal import Role
from schema.ids import to_global
from tests.shop import NOW

LIST = """
query ($after: String) {
  imports(first: 2, after: $after) {
    totalCount pageInfo { endCursor hasNextPage } edges { node { key } }
  }
}
"""
ONE = """
query ($id: ID!) {
  import(id: $id) {
    key kind state dryRun rows read written refused
  }
  importErrors(id: $id, first: 2) {
    totalCount pageInfo { hasNextPage } edges { node { row field code message hint } }
  }
}
"""
CANCEL = """
mutation ($id: ID!) {
  cancelImport(input: { id: $id }) { import { state } userErrors { code } }
}
"""
JOB = Import(
    id="i0",
    kind=ImportKind.USERS,
    table="csv",
    mapping="",
    by="crm",
    started_at=NOW,
    touched_at=NOW,
)


@pytest.fixture
async def integrator(api):
    for number in range(3):
        job = replace(JOB, id=f"i{number}", started_at=NOW + timedelta(seconds=number))
        await api.stores.imports.begin(job)
    errors = [RowError(row, "email", "INVALID", "no", "yes") for row in (2, 10, 9)]
    await api.stores.import_errors.put("i1", errors, wall=NOW)
    return await api.caller(Role.INTEGRATOR)


async def test_they_are_listed_from_the_latest(api, integrator):
    first = (await api.ask(LIST, by=integrator))["imports"]
    rest = (await api.ask(LIST, {"after": first["pageInfo"]["endCursor"]}, by=integrator))[
        "imports"
    ]

    assert [edge["node"]["key"] for edge in first["edges"] + rest["edges"]] == ["i2", "i1", "i0"]
    assert (first["totalCount"], rest["pageInfo"]["hasNextPage"]) == (3, False)


async def test_one_says_how_far_it_is_and_what_it_refused_by_rows(api, integrator):
    found = await api.ask(ONE, {"id": to_global("Import", "i1")}, by=integrator)

    assert found["importErrors"] == {
        "totalCount": 3,
        "pageInfo": {"hasNextPage": True},
        "edges": [
            {
                "node": {
                    "row": row,
                    "field": "email",
                    "code": "INVALID",
                    "message": "no",
                    "hint": "yes",
                }
            }
            for row in (2, 9)
        ],
    }
    assert found["import"] == {
        "key": "i1",
        "kind": "USERS",
        "state": "RECEIVING",
        "dryRun": False,
        "rows": 0,
        "read": 0,
        "written": 0,
        "refused": 0,
    }


async def test_one_is_ended_and_one_that_is_not_there_is_not(api, integrator):
    answer = await api.ask(CANCEL, {"id": to_global("Import", "i1")}, by=integrator)
    assert answer["cancelImport"] == {"import": {"state": "CANCELLED"}, "userErrors": []}

    answer = await api.ask(CANCEL, {"id": to_global("Import", "i9")}, by=integrator)
    assert answer["cancelImport"]["userErrors"] == [{"code": "NOT_FOUND"}]
    gone = "query ($id: ID!) { import(id: $id) { key } }"
    assert await api.ask(gone, {"id": to_global("Import", "i9")}, by=integrator) == {"import": None}
