"""Everything that is kept of one person: all of it, and nothing of others or that lets one in."""

from contextlib import closing

import pytest

from models.errors import Invalid, NotFound
from models.principal import Principal, Role
from models.store.personal import HOLDINGS
from services import dossiers
from services.passwords import Passwords
from tests import known
from tests.staging import once


@pytest.fixture
@once
async def erika(shop, web):
    await known.make(shop, web.url)
    return shop


@pytest.fixture
def check(shop):
    """Have someone ask about somebody."""
    with closing(Passwords()) as passwords:

        async def check(user_id, caller, password=None):
            await dossiers.check(
                user_id,
                password=password,
                caller=caller,
                stores=shop.stores,
                passwords=passwords,
                wall=shop.clock.wall(),
            )

        yield check


async def test_everything_is_there_and_nothing_that_lets_one_in_or_is_of_others(erika, monkeypatch):
    found = [each async for each in dossiers.everything(known.ID, stores=erika.stores)]
    by_collection = {each.collection: each.document for each in found}

    assert set(by_collection) == {
        holding.collection for holding in HOLDINGS if holding.is_personal
    } - {"erasures", "redemptions"}
    assert by_collection["users"]["email"] == known.EMAIL
    assert "password" not in by_collection["credentials"]
    assert "salt" not in by_collection["sessions"]
    assert [each["user"] for each in by_collection["groups"]["members"]] == [known.ID]
    entries = [
        each for block in found if block.collection == "feed" for each in block.document["entries"]
    ]
    assert {entry["user"] for entry in entries} == {known.ID}

    monkeypatch.setattr(dossiers, "PAGE", 7)
    paged, after = [], None
    while True:
        page, after = await dossiers.page(known.ID, after=after, stores=erika.stores)
        paged += page
        if after is None:
            break
    assert paged == found


async def test_a_place_that_is_none_is_refused(shop):
    for place in ("x", "[0]", '["users", "ann"]', "[0, {}]"):
        with pytest.raises(Invalid):
            await dossiers.page("ann", after=place, stores=shop.stores)


async def test_only_administrators_ask_about_others(shop, check):
    await shop.person("ann")
    for role in set(Role) - {Role.ADMIN}:
        with pytest.raises(NotFound):
            await check("ann", Principal("bob", frozenset({role}), "s"))

    await check("ann", Principal("root", frozenset({Role.ADMIN}), "s"))


async def test_whoever_asks_about_themself_gives_their_password(erika, check):
    for role in Role:
        herself = Principal(known.ID, frozenset({role}), "s")
        with pytest.raises(Invalid, match="Give your password"):
            await check(known.ID, herself)
        await check(known.ID, herself, known.PASSWORD)
