"""Where links in messages lead: pages for people, without a script and without a session."""

from contextlib import suppress
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.wiring import Wiring
from models.audit import Actor, Credential
from models.errors import NotFound, Unavailable
from services import subscriptions, tracking
from services.links import Links, Subscription

_CHANNELS = {"email": "e-mails", "sms": "text messages", "push": "notifications"}


class Subscriptions:
    """`/u/TOKEN`. Looking changes nothing: mail programs look at links by themselves.

    A POST withdraws the consent, from the page's button or from the mail program's (RFC 8058).
    """

    def __init__(self, links: Links) -> None:
        self._links = links

    async def handle(self, request: Request, wiring: Wiring) -> Response:
        """Show what the link is for, or do it."""
        try:
            subscription = self._links.read_unsubscribe(request.path_params["token"])
            if request.method != "POST":
                return _page(f"Do you want to get no more {_what(subscription)} from us?", ask=True)
            by = Actor(Credential.LINK, subscription.user_id)
            async with wiring.recorder.record("unsubscribe", by, [f"User:{by.id}"]):
                now = wiring.clock.now()
                await subscriptions.withdraw(subscription, stores=wiring.stores, now=now)
        except NotFound as error:
            return _page(error.message, status=404)
        except Unavailable:
            return _page("Something is away for the moment. Please try again shortly.", status=503)
        return _page(f"Done. You will get no more {_what(subscription)} from us.")


# A GIF of one transparent pixel.
_PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)


class Tracking:
    """`/c/TOKEN` leads on to where a link leads, `/o/TOKEN` is a picture; both let us know.

    Where the database is away people come where they wanted to all the same.
    """

    def __init__(self, links: Links) -> None:
        self._links = links

    async def click(self, request: Request, wiring: Wiring) -> Response:
        """Lead on. Mail programs that only look (HEAD) do not count."""
        try:
            effect_id, url = self._links.read_click(request.path_params["token"])
        except NotFound as error:
            return _page(error.message, status=404)
        if request.method == "GET":
            with suppress(Unavailable):
                now = wiring.clock.now()
                await tracking.note_click(effect_id, url, stores=wiring.stores, now=now)
        return RedirectResponse(url, status_code=302, headers={"cache-control": "no-store"})

    async def opened(self, request: Request, wiring: Wiring) -> Response:
        """Show the picture, whoever asks."""
        with suppress(NotFound, Unavailable):
            effect_id = self._links.read_opened(request.path_params["token"])
            if request.method == "GET":
                await tracking.note_open(effect_id, stores=wiring.stores, now=wiring.clock.now())
        return Response(_PIXEL, media_type="image/gif", headers={"cache-control": "no-store"})


def _what(subscription: Subscription) -> str:
    what = _CHANNELS.get(subscription.channel, "messages")
    return f"{what} about {subscription.topic}" if subscription.topic else what


def _page(text: str, *, ask: bool = False, status: int = 200) -> HTMLResponse:
    button = '<form method="post"><button>Unsubscribe</button></form>' if ask else ""
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="robots" content="noindex"><title>Unsubscribe</title></head>'
        f"<body><p>{escape(text)}</p>{button}</body></html>"
    )
    headers = {"cache-control": "no-store"}
    if status == 503:
        headers["retry-after"] = "2"
    return HTMLResponse(body, status_code=status, headers=headers)
