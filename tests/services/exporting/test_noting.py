"""Which lists of people have left is in the audit log: to whom, when, and how many rows."""

from contextlib import aclosing
from datetime import timedelta

import pytest

from models.audit import Actor, Credential, Result
from models.errors import NotFound
from models.export import Export, ExportKind
from models.paging import Window
from models.user import User
from services import chaining
from services.audit import Recorder
from services.exporting.files import as_csv, as_json
from services.exporting.noting import noted
from services.exporting.rows import PAGE
from tests.known import SEAL_KEYS
from tests.shop import NOW
from tests.staging import once

CRM = Actor(Credential.API_KEY, "crm")


@pytest.fixture
@once
async def people(shop):
    await shop.publish("segment all_of_us { user.id is known }")
    await shop.stores.users.save_many(
        [User(id=f"u{n:04}", created_at=NOW) for n in range(PAGE + 5)]
    )


async def sending(shop, kind, *, write=as_csv, **asked):
    export = Export(kind=kind, **asked)
    parts = write(export, (await shop.rulebook.current()).program, shop.stores)
    recorder = Recorder(shop.stores, shop.clock.wall)
    return noted(export, parts, recorder=recorder, by=CRM)


async def fetch(shop, kind, **asked):
    return b"".join([part async for part in await sending(shop, kind, **asked)])


async def log(shop):
    while await chaining.link(stores=shop.stores, wall=shop.clock.wall(), keys=SEAL_KEYS):
        pass
    links = (await shop.stores.audit.page(Window(limit=100))).items[::-1]
    assert (await chaining.check(stores=shop.stores, keys=SEAL_KEYS))[1] == []
    return [(e.operation, e.result, e.code, e.rows) for e in (link.entry for link in links)]


@pytest.mark.parametrize("write", [as_csv, as_json])
async def test_a_list_of_people_is_noted_with_its_rows(shop, people, write):
    await fetch(shop, ExportKind.USERS, write=write, personal=True)

    assert await log(shop) == [("exportUsers", Result.DONE, None, PAGE + 5)]
    (link,) = (await shop.stores.audit.page(Window(limit=1))).items
    assert (link.entry.by, link.entry.at, link.entry.personal) == (CRM, NOW, True)


async def test_a_segment_is_named(shop, people):
    await shop.fill()
    await fetch(shop, ExportKind.MEMBERS, segment="all_of_us")
    with pytest.raises(NotFound):
        await fetch(shop, ExportKind.MEMBERS, segment="nobody")

    assert await log(shop) == [
        ("exportMembers", Result.DONE, None, PAGE + 5),
        ("exportMembers", Result.REFUSED, "NOT_FOUND", 0),
    ]
    about = [link.entry.about for link in (await shop.stores.audit.page(Window(limit=9))).items]
    assert about == [("Segment:nobody",), ("Segment:all_of_us",)]


async def test_it_is_noted_before_anything_leaves_and_rows_that_nobody_took_do_not_count(
    shop, people
):
    async with aclosing(await sending(shop, ExportKind.USERS)) as parts:
        await anext(parts)
        drafts = await shop.stores.audit_drafts.documents.find().to_list()
        assert [draft["operation"] for draft in drafts] == ["exportUsers"]

    assert await log(shop) == [("exportUsers", Result.FAILED, "BROKEN_OFF", PAGE)]


async def test_of_what_takes_long_a_second_entry_says_how_it_ended(shop, people):
    async with aclosing(await sending(shop, ExportKind.USERS)) as parts:
        async for _ in parts:
            shop.clock.real += timedelta(minutes=1)
            assert (await log(shop))[:1] == [("exportUsers", Result.UNKNOWN, None, None)]

    assert await log(shop) == [
        ("exportUsers", Result.UNKNOWN, None, None),
        ("exportUsers", Result.DONE, None, PAGE + 5),
    ]


async def test_what_is_not_about_people_is_not_noted(shop, people):
    await fetch(shop, ExportKind.REPORTS)
    await fetch(shop, ExportKind.JOURNEYS)

    assert await log(shop) == []
