"""Links in messages: only ours, and only for what they are for."""

import pytest

from models.errors import NotFound
from services.links import Links, Subscription

LINKS = Links("https://shop.test/", "a key")
SUBSCRIPTION = Subscription("ann", "email", "", "run:step")


def token(url: str) -> str:
    return url.rpartition("/")[2]


def test_a_link_says_what_it_was_made_of():
    url = LINKS.unsubscribe(SUBSCRIPTION)

    assert url.startswith("https://shop.test/u/")
    assert LINKS.read_unsubscribe(token(url)) == SUBSCRIPTION


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: "A" + token,
        lambda token: token.partition(".")[0],
        lambda token: token.swapcase(),
        lambda _: "",
        lambda _: "ä.ö",
    ],
)
def test_a_link_that_was_changed_leads_nowhere(spoil):
    with pytest.raises(NotFound):
        LINKS.read_unsubscribe(spoil(token(LINKS.unsubscribe(SUBSCRIPTION))))


def test_a_link_made_with_another_key_leads_nowhere():
    forged = Links("https://shop.test", "another").unsubscribe(SUBSCRIPTION)

    with pytest.raises(NotFound):
        LINKS.read_unsubscribe(token(forged))
