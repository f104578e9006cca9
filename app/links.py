"""Where links in messages lead: pages for people, without a script and without a session."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.wiring import Wiring
from models.errors import NotFound, Unavailable
from services import subscriptions
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
            await subscriptions.withdraw(subscription, stores=wiring.stores, now=wiring.clock.now())
        except NotFound as error:
            return _page(error.message, status=404)
        except Unavailable:
            return _page("Something is away for the moment. Please try again shortly.", status=503)
        return _page(f"Done. You will get no more {_what(subscription)} from us.")


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
