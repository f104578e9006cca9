"""What people open and click is known only of those who agreed to it."""

import re

import pytest

from models.user import Consent
from services.links import Links
from services.tracking import tracked
from tests.shop import event

LINKS = Links("https://shop.test", "a key")
HTML = (
    '<html><body><a class="x" href="https://a.example/?x=1&amp;y=2">A</a>'
    "<A HREF='http://b.example/'>B</A><a href=\"mailto:ann@example.test\">C</a>"
    '<a href="{{ unsubscribe_url }}">D</a></body></html>'
)
RULES = """
event cart_updated { total: money USD }
trigger greet { on cart_updated  then { send %s "greet" } }
"""


def hrefs(html: str) -> list[str]:
    return [found[1] for found in re.findall(r"href=([\"'])(.*?)\1", html, re.IGNORECASE)]


def test_links_lead_by_way_of_us_to_where_they_led():
    html = tracked(HTML.replace("{{ unsubscribe_url }}", "https://shop.test/u/x.y"), "m1", LINKS)

    a, b, c, d = hrefs(html)
    assert LINKS.read_click(a.rpartition("/")[2]) == ("m1", "https://a.example/?x=1&y=2")
    assert LINKS.read_click(b.rpartition("/")[2]) == ("m1", "http://b.example/")
    assert (c, d) == ("mailto:ann@example.test", "https://shop.test/u/x.y")
    pixel = re.search(r'<img src="([^"]+)"[^>]*></body>', html)
    assert LINKS.read_opened(pixel[1].rpartition("/")[2]) == "m1"


def test_a_link_of_one_kind_is_not_one_of_another():
    token = LINKS.opened("m1").rpartition("/")[2]

    with pytest.raises(Exception, match="not one of ours"):
        LINKS.read_click(token)


@pytest.mark.parametrize(
    ("kind", "agreed", "follows"),
    [("email", True, True), ("email", False, False), ("email transactional", True, False)],
)
async def test_only_marketing_to_those_who_agreed_is_followed(shop, smtp, kind, agreed, follows):
    await shop.template("greet", html=HTML)
    await shop.publish(RULES % kind)
    await shop.person(consent=Consent(email=True, tracking=agreed))
    await shop.tell(event("cart_updated", "c1", total="1"))

    await shop.work()

    (mail,) = smtp.messages
    html = mail.get_body(("html",)).get_content()
    assert ("https://a.example/" not in html) is follows
    assert ("<img" in html) is follows
