"""Letters about accounts: sent to whom they concern, good once, and silent about who there is."""

import asyncio
import re
from contextlib import suppress
from datetime import timedelta

import pytest

from models.errors import Conflict, Invalid, RateLimited
from models.letter import Purpose
from models.messaging import Bar
from models.store import Stores, connect
from models.user import User
from services import accounts, letters, sessions
from services.jobs import Job
from services.letters import Post
from services.passwords import Passwords
from services.seals import Seals
from services.tokens import Tokens
from tests.client import SECRET
from tests.shop import NOW, Shop
from tests.wire import between

EMAIL, PASSWORD, BETTER = "ann@example.test", "correct horse battery", "a better horse battery"
HOME = "10.0.0.1"
SEALS = Seals("a key for tests")


@pytest.fixture(scope="module")
def passwords():
    return Passwords()


@pytest.fixture
async def ann(shop, passwords, smtp):
    """Someone who has registered, and completed that with the letter that came of it."""
    await register(shop)
    await deliver(shop)
    user = await complete(shop, passwords, token_in(smtp.messages[-1]))
    # As if she had been known before addresses were shown to be one's own.
    await shop.stores.users.documents.update_one({"_id": user.id}, {"$unset": {"verified_at": ""}})
    return user


async def register(shop: Shop, email: str = EMAIL, name: str = "Ann") -> None:
    await accounts.register(
        email=email,
        name=name,
        address=HOME,
        stores=shop.stores,
        jobs=shop.bells,
        wall=shop.clock.wall(),
    )


async def complete(shop: Shop, passwords: Passwords, token: str, password: str = PASSWORD) -> User:
    return await accounts.complete_registration(
        token,
        password,
        address=HOME,
        stores=shop.stores,
        passwords=passwords,
        seals=SEALS,
        wall=shop.clock.wall(),
        now=shop.clock.now(),
    )


async def deliver(shop: Shop, **post) -> None:
    for letter_id in shop.bells.take(Job.SEND_LETTERS):
        await letters.deliver(letter_id, Post(mail=shop.mail, seals=SEALS, **post))


async def request(shop: Shop, purpose: Purpose = Purpose.RESET, email: str = EMAIL) -> None:
    await accounts.request(
        purpose,
        email,
        address=HOME,
        stores=shop.stores,
        jobs=shop.bells,
        wall=shop.clock.wall(),
    )


async def reset(shop: Shop, token: str, passwords: Passwords, password: str = BETTER) -> None:
    await accounts.reset_password(
        token,
        password,
        address=HOME,
        stores=shop.stores,
        passwords=passwords,
        seals=SEALS,
        wall=shop.clock.wall(),
    )


async def verify(shop: Shop, token: str) -> None:
    await accounts.verify_email(
        token, address=HOME, stores=shop.stores, seals=SEALS, wall=shop.clock.wall()
    )


async def sign_in(shop: Shop, passwords: Passwords, password: str) -> tuple:
    return await sessions.sign_in(
        email=EMAIL,
        password=password,
        origin=sessions.Origin(HOME),
        stores=shop.stores,
        passwords=passwords,
        tokens=Tokens(SECRET),
        wall=shop.clock.wall(),
    )


def token_in(message) -> str:
    (found,) = re.findall(r"^[0-9a-z]{26}\.[\w-]{43}(?=\s)", message.get_content(), re.MULTILINE)
    return found


async def test_a_letter_lets_its_reader_choose_a_new_password(shop, ann, smtp, passwords):
    _, before = await sign_in(shop, passwords, PASSWORD)
    await request(shop)
    await deliver(shop)

    await reset(shop, token_in(smtp.messages[-1]), passwords)

    assert await sign_in(shop, passwords, BETTER)
    with pytest.raises(Invalid):
        await sign_in(shop, passwords, PASSWORD)
    session = await shop.stores.sessions.find(before.refresh_token.partition(".")[0])
    assert session is not None
    assert not session.is_live(shop.clock.wall())


async def change(shop: Shop, passwords: Passwords, current: str, pair, password: str = BETTER):
    access = Tokens(SECRET).read(pair.access_token, now=shop.clock.wall())
    await accounts.change_password(
        current,
        password,
        caller=access.principal,
        address=HOME,
        stores=shop.stores,
        passwords=passwords,
        wall=shop.clock.wall(),
    )


async def test_whoever_knows_the_password_changes_it_and_stays_signed_in(shop, ann, passwords):
    _, elsewhere = await sign_in(shop, passwords, PASSWORD)
    _, here = await sign_in(shop, passwords, PASSWORD)
    await request(shop)

    await change(shop, passwords, PASSWORD, here)

    live = await shop.stores.sessions.of_user(ann.id, now=shop.clock.wall(), limit=9)
    assert [each.id for each in live] == [here.refresh_token.partition(".")[0]]
    assert elsewhere.refresh_token.partition(".")[0] not in {each.id for each in live}
    assert await sign_in(shop, passwords, BETTER)
    assert await shop.stores.letters.documents.count_documents({"purpose": "reset"}) == 0


async def wrong_again(shop: Shop, passwords: Passwords, pair) -> None:
    while True:
        with suppress(Invalid):
            await change(shop, passwords, "wrong horse battery", pair)


async def test_a_wrong_password_changes_nothing_and_is_counted(shop, ann, passwords):
    _, here = await sign_in(shop, passwords, PASSWORD)
    for password in ("wrong horse battery", "x" * 200):
        with pytest.raises(Invalid) as refused:
            await change(shop, passwords, password, here)
        assert refused.value.code == "WRONG_PASSWORD"
    with pytest.raises(Invalid, match="first that anyone tries"):
        await change(shop, passwords, PASSWORD, here, "password123")
    with pytest.raises(RateLimited):
        await wrong_again(shop, passwords, here)

    shop.clock.turn(minutes=16)

    assert await sign_in(shop, passwords, PASSWORD)


async def test_of_two_who_change_it_at_once_one_is_told_of_the_other(shop, ann, passwords):
    _, here = await sign_in(shop, passwords, PASSWORD)

    results = await asyncio.gather(
        *(change(shop, passwords, PASSWORD, here, f"a better horse {n}") for n in range(2)),
        return_exceptions=True,
    )

    (refused,) = [each for each in results if each is not None]
    assert isinstance(refused, Conflict | Invalid)


async def test_of_several_who_use_a_letter_at_once_one_succeeds(shop, ann, smtp, passwords):
    await request(shop)
    await deliver(shop)
    token = token_in(smtp.messages[-1])

    ends = await asyncio.gather(
        *(reset(shop, token, passwords, f"{BETTER} {n}") for n in range(4)), return_exceptions=True
    )

    assert [type(end) for end in ends].count(type(None)) == 1
    assert {end.code for end in ends if isinstance(end, Invalid)} == {"BAD_TOKEN"}


async def test_a_letter_is_good_for_an_hour(shop, ann, smtp, passwords):
    await request(shop)
    await deliver(shop)
    shop.clock.turn(minutes=61)

    with pytest.raises(Invalid, match="too old"):
        await reset(shop, token_in(smtp.messages[-1]), passwords)


async def test_a_bad_password_leaves_the_letter_good(shop, ann, smtp, passwords):
    await request(shop)
    await deliver(shop)
    token = token_in(smtp.messages[-1])

    with pytest.raises(Invalid, match="at least 8"):
        await reset(shop, token, passwords, "short")

    await reset(shop, token, passwords)


async def test_a_letter_is_good_for_nothing_but_its_purpose(shop, ann, smtp, passwords):
    (welcome,) = smtp.messages

    with pytest.raises(Invalid, match="not complete"):
        await reset(shop, token_in(welcome), passwords)
    for forged in ("", "nonsense", token_in(welcome)[:-2] + "AA", "x." + "A" * 43):
        with pytest.raises(Invalid, match="not complete"):
            await verify(shop, forged)


async def test_a_letter_verifies_an_address_once(shop, ann, smtp):
    await request(shop, Purpose.VERIFY)
    await deliver(shop)

    await verify(shop, token_in(smtp.messages[-1]))

    assert (await shop.stores.users.get(ann.id)).verified_at == NOW
    await request(shop, Purpose.VERIFY)
    await deliver(shop)
    assert len(smtp.messages) == 2  # there is nothing left to verify


async def test_a_letter_leads_to_the_shops_page_and_says_what_the_shop_wants(shop, ann, smtp):
    await shop.template("account.reset", "New password, {{ name }}?", "Here: {{ url }}")
    await request(shop)
    await deliver(shop, pages="https://shop.test/account/")

    message = smtp.messages[-1]
    assert message["Subject"] == "New password, Ann?"
    assert message.get_content().startswith("Here: https://shop.test/account/reset#token=")


async def test_nobody_learns_whose_an_address_is(shop, ann, smtp, mongodb_uri, database):
    async with between(int(mongodb_uri.split(":")[2].split("/")[0])) as wire:
        watched = connect(wire.uri, database.name, patience_ms=60_000)
        through = Shop(Stores.over(watched), smtp.url, bells=shop.bells)
        await request(through, email="warm@example.test")
        asked = {}
        for email in (EMAIL, "nobody@example.test"):
            wire.asked.clear()
            await request(through, email=email)
            asked[email] = list(wire.asked)
        watched.client.close()

    assert asked[EMAIL] == asked["nobody@example.test"]
    assert len(shop.bells.rung) == 3  # which of them are for someone is seen by who delivers
    await deliver(shop)
    assert [message["To"] for message in smtp.messages[1:]] == [f"Ann <{EMAIL}>"]


async def test_too_many_letters_are_refused_whoever_they_are_for(shop, ann):
    for email in (EMAIL, "nobody@example.test"):
        for _ in range(3):
            await request(shop, email=email)
        with pytest.raises(RateLimited):
            await request(shop, email=email)


async def test_a_letter_whose_bell_was_lost_is_sent_by_the_sweep(shop, ann, smtp):
    await request(shop)
    shop.bells.rung.clear()
    shop.clock.turn(seconds=4)

    await letters.sweep(stores=shop.stores, jobs=shop.bells, wall=shop.clock.wall())
    await deliver(shop)

    assert len(smtp.messages) == 2


async def test_a_letter_refused_for_now_is_sent_later(shop, ann, smtp):
    await request(shop)
    smtp.refusal = "451 try again"
    await deliver(shop)
    assert len(smtp.messages) == 1

    smtp.refusal = None
    shop.clock.turn(seconds=10)
    await letters.sweep(stores=shop.stores, jobs=shop.bells, wall=shop.clock.wall())
    await deliver(shop)

    assert len(smtp.messages) == 2
    assert not await shop.stores.letters.overdue(before=NOW + timedelta(days=1), limit=1)


async def test_nothing_is_sent_where_nothing_arrives(shop, ann, smtp):
    await shop.suppression.add("email", EMAIL, Bar.BOUNCE, now=NOW)
    await request(shop)
    await deliver(shop)

    assert len(smtp.messages) == 1


async def die(shop: Shop, letter_id: str, times: int) -> None:
    """Do what workers do that are killed with a letter, with pauses that let leases run out."""
    store = shop.stores.letters
    for _ in range(times):
        about = {"wall": shop.clock.wall(), "lease": letters.LEASE}
        if not await store.claim(letter_id, **about):
            assert await store.claim_suspect(letter_id, **about)
        shop.clock.real += letters.LEASE


async def test_a_letter_that_five_workers_died_with_is_set_aside_and_sent_on_request(
    shop, ann, smtp
):
    await request(shop)
    (letter_id,) = {arg for job, arg in shop.bells.rung if job is Job.SEND_LETTERS}
    smtp.messages.clear()

    await die(shop, letter_id, 5)
    await deliver(shop)
    await shop.sweep()
    await deliver(shop)

    told = [entry for entry in await shop.stores.outbox.waiting(9) if "set_aside" in entry.type]
    assert [(e.type, e.data["letter"]) for e in told] == [("alert.letter_set_aside", letter_id)]
    assert not smtp.messages
    for redriven in (1, 0):
        about = {"stores": shop.stores, "jobs": shop.bells, "wall": shop.clock.wall()}
        assert await letters.redrive([letter_id], **about) == redriven
    await deliver(shop)
    assert len(smtp.messages) == 1


async def test_a_letter_that_fewer_workers_died_with_is_sent_once(shop, ann, smtp):
    await request(shop)
    (letter_id,) = {arg for job, arg in shop.bells.rung if job is Job.SEND_LETTERS}
    smtp.messages.clear()
    await die(shop, letter_id, 4)

    for _ in range(2):
        await letters.deliver(letter_id, Post(mail=shop.mail, seals=SEALS))

    assert len(smtp.messages) == 1
