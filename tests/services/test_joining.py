"""Joining: by a letter, whose reader chooses the password; and nobody learns who there is."""

import re

import pytest

from models.errors import Invalid, RateLimited
from models.letter import Purpose
from models.store import Stores, connect
from services.passwords import Passwords
from tests.services.test_accounts import (
    BETTER,
    EMAIL,
    PASSWORD,
    complete,
    deliver,
    register,
    sign_in,
    token_in,
)
from tests.shop import NOW, Shop
from tests.wire import between


@pytest.fixture
def passwords():
    return Passwords()


async def test_a_letter_makes_an_account_that_is_verified(shop, smtp, passwords):
    await register(shop)
    await deliver(shop, pages="https://shop.test/account")
    (letter,) = smtp.messages
    assert "https://shop.test/account/join#token=" in letter.get_content()
    assert "Ann" not in str(letter)  # whoever asks does not choose what strangers read

    await register(shop)
    await deliver(shop)
    user = await complete(shop, passwords, token_in(smtp.messages[-1]))

    assert (user.name, user.email, user.verified_at) == ("Ann", EMAIL, NOW)
    assert await sign_in(shop, passwords, PASSWORD)
    assert await shop.stores.letters.documents.count_documents({"purpose": "join"}) == 0


async def test_who_has_an_account_is_told_so_and_it_stays_theirs(shop, smtp, passwords):
    await register(shop)
    await deliver(shop)
    first = token_in(smtp.messages[-1])
    await complete(shop, passwords, first)

    await register(shop, name="Eve")
    await deliver(shop)

    told = smtp.messages[-1]
    assert (told["Subject"], told["To"]) == ("You have an account", EMAIL)
    assert not re.search(r"[\w-]{43}", told.get_content())  # there is no token in it
    with pytest.raises(Invalid, match="has been used"):
        await complete(shop, passwords, first, BETTER)
    assert await sign_in(shop, passwords, PASSWORD)


async def test_registering_is_the_same_work_for_every_address(
    shop, smtp, passwords, mongodb_uri, database
):
    await register(shop)
    await deliver(shop)
    await complete(shop, passwords, token_in(smtp.messages[-1]))
    async with between(int(mongodb_uri.split(":")[2].split("/")[0])) as wire:
        watched = connect(wire.uri, database.name, patience_ms=60_000)
        through = Shop(Stores.over(watched), smtp.url, bells=shop.bells)
        await register(through, "warm@example.test")
        asked = {}
        for email in (EMAIL, "nobody@example.test"):
            wire.asked.clear()
            await register(through, email)
            asked[email] = list(wire.asked)
        watched.client.close()

    assert asked[EMAIL] == asked["nobody@example.test"]
    assert "insert letters" in asked[EMAIL]


async def test_a_bad_password_leaves_the_letter_good(shop, smtp, passwords):
    await register(shop)
    await deliver(shop)
    token = token_in(smtp.messages[-1])

    with pytest.raises(Invalid, match="at least 8"):
        await complete(shop, passwords, token, "short")

    assert await complete(shop, passwords, token)


async def test_only_so_many_letters_go_to_one_address(shop):
    for _ in range(3):
        await register(shop)

    with pytest.raises(RateLimited):
        await register(shop)

    assert await shop.stores.letters.documents.count_documents({"purpose": Purpose.JOIN}) == 3
