"""Whether messages are opened and what in them is clicked: known only of those who agreed to it."""

import re
from datetime import datetime
from html import escape, unescape

from models.feed import FeedEntry
from models.store import Stores
from services.links import Links

_LINK = re.compile(r"""(<a\b[^>]*?\bhref\s*=\s*)(["'])(https?://[^"']*)\2""", re.IGNORECASE)
_END = re.compile(r"</body\s*>", re.IGNORECASE)
_MOST_LINKS = 200
_LONGEST = 2_000


def tracked(html: str, effect_id: str, links: Links) -> str:
    """Return HTML whose links lead by way of us, with a picture of one pixel at its end."""

    def by_us(found: re.Match[str]) -> str:
        url = unescape(found[3])
        if links.is_own(url) or len(url) > _LONGEST:
            return found[0]
        return f"{found[1]}{found[2]}{escape(links.click(effect_id, url))}{found[2]}"

    html = _LINK.sub(by_us, html, count=_MOST_LINKS)
    pixel = f'<img src="{escape(links.opened(effect_id))}" width="1" height="1" alt="">'
    end = _END.search(html)
    place = end.start() if end else len(html)
    return html[:place] + pixel + html[place:]


async def note_click(effect_id: str, url: str, *, stores: Stores, now: datetime) -> None:
    """Note that a link was clicked, the first time that any is. Safe to repeat."""
    await _note(effect_id, "clicked", {"url": url}, stores=stores, now=now)


async def note_open(effect_id: str, *, stores: Stores, now: datetime) -> None:
    """Note that a message was opened, the first time. Safe to repeat."""
    await _note(effect_id, "opened", {}, stores=stores, now=now)


async def _note(
    effect_id: str, what: str, data: dict[str, str], *, stores: Stores, now: datetime
) -> None:
    effect = await stores.effects.find(effect_id)
    if effect is None or (effect.clicked_at if what == "clicked" else effect.opened_at):
        return
    entry = FeedEntry(
        f"{effect_id}:{what}",
        f"message.{what}",
        now,
        effect.campaign_id,
        effect.user_id,
        {
            "message": effect.id,
            "trigger": effect.trigger,
            "step": effect.step,
            "channel": effect.channel,
            "template": effect.template,
            **data,
        },
    )
    # Told first: whoever is killed in between tells it again, and the feed knows it.
    await stores.outbox.add([entry])
    await stores.effects.note(effect_id, what, now, **data)
