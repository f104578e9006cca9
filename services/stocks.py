"""What happens to stocks by themselves: holds end, and the feed hears of what has changed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from models.claim import Claim, Told
from models.feed import FeedEntry
from models.store import Stores

_PAGE = 500


async def look_after(now: datetime, *, stores: Stores) -> None:
    """Return to stock what was held too long, and tell the feed. Safe to repeat, also at once."""
    await stores.claims.release_ended(now)
    while claims := await stores.claims.with_untold(_PAGE):
        await stores.outbox.add(
            _claim_entry(claim, told) for claim in claims for told in claim.untold
        )
        latest = {
            claim.sale: (claim, max(told.at for told in claim.untold)) for claim in reversed(claims)
        }
        await _turn(latest, stores)
        # Forgotten last: whoever is killed before comes back here, and entries are keyed.
        await stores.claims.told(claims)
        if len(claims) < _PAGE:
            return


def _claim_entry(claim: Claim, told: Told) -> FeedEntry:
    data: dict[str, Any] = {"claim": claim.id, "sale": claim.name, "sku": claim.sku}
    if told.state == "held":
        data["until"] = claim.until
    if claim.order is not None:
        data["order"] = claim.order
    # A claim can be released, sold late and given back: times tell these apart.
    key = f"claim:{claim.id}:{told.state}:{told.at.isoformat()}"
    return FeedEntry(key, f"claim.{told.state}", told.at, claim.campaign_id, claim.user_id, data)


async def _turn(latest: Mapping[str, tuple[Claim, datetime]], stores: Stores) -> None:
    """Tell of stocks that have sold out, or no longer are."""
    for stock in _of(await stores.stocks.all(), latest):
        claim, at = latest[stock["id"]]
        counts = await stores.claims.counts(stock["id"])
        sold_out = sum(counts.values()) >= stock["initial"]
        if sold_out == stock["sold_out"]:
            continue
        verb = "sold_out" if sold_out else "available"
        entry = FeedEntry(
            f"stock:{stock['id']}:{stock['turns']}",
            f"stock.{verb}",
            at,
            claim.campaign_id,
            None,
            {"sale": claim.name, "sku": claim.sku, "initial": stock["initial"]},
        )
        await stores.outbox.add([entry])
        await stores.stocks.turn(stock["id"], stock["turns"], sold_out=sold_out)


def _of(
    stocks: Iterable[dict[str, Any]], latest: Mapping[str, tuple[Claim, datetime]]
) -> list[dict[str, Any]]:
    return [stock for stock in stocks if stock["id"] in latest]
