"""What happens by itself: holds and groups end; the feed hears of it, the audit log of claims."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from models.audit import Asked, AuditEntry, Result
from models.claim import Claim, Told
from models.feed import FeedEntry
from models.group import Group
from models.store import Stores

_PAGE = 500


async def look_after(now: datetime, *, stores: Stores) -> None:
    """End what was held too long and groups that did not come together, and tell of what happened.

    Safe to repeat, also at once.
    """
    await stores.claims.release_ended(now)
    while claims := await stores.claims.with_untold(_PAGE):
        await stores.outbox.add(
            _claim_entry(claim, told) for claim in claims for told in claim.untold
        )
        asked = [
            _asked(claim, told.asked) for claim in claims for told in claim.untold if told.asked
        ]
        if asked:
            await stores.audit_drafts.add(asked)
        latest = {
            claim.sale: (claim, max(told.at for told in claim.untold)) for claim in reversed(claims)
        }
        await _turn(latest, stores)
        # Forgotten last: whoever is killed before comes back here, and entries are keyed.
        await stores.claims.told(claims)
        if len(claims) < _PAGE:
            break
    await stores.groups.fail_ended(now)
    while groups := await stores.groups.with_untold(_PAGE):
        await stores.outbox.add(entry for group in groups for entry in _group_entries(group))
        for group in groups:
            await stores.groups.told(group)
        if len(groups) < _PAGE:
            return


def _group_entries(group: Group) -> Iterator[FeedEntry]:
    about = {"group": group.id, "group_buy": group.name, "sku": group.sku, "size": group.size}
    for told in group.untold:
        user_id = group.members[0].user_id if told.state == "opened" else told.user_id
        key = f"group:{group.id}:{told.state}:{user_id or ''}"
        verb = f"group.{told.state}"
        yield FeedEntry(key, verb, told.at, group.campaign_id, user_id, about)
        # Each member gets what they joined for or their money back, never both.
        outcome = {"completed": "fulfilled", "failed": "refunded"}.get(told.state)
        for member in group.members if outcome else ():
            yield FeedEntry(
                f"group:{group.id}:outcome:{member.user_id}",
                f"group.{outcome}",
                told.at,
                group.campaign_id,
                member.user_id,
                about,
            )


def _claim_entry(claim: Claim, told: Told) -> FeedEntry:
    data: dict[str, Any] = {"claim": claim.id, "sale": claim.name, "sku": claim.sku}
    if told.state == "held":
        data["until"] = claim.until
    if claim.order is not None:
        data["order"] = claim.order
    # A claim can be released, sold late and given back: times tell these apart.
    key = f"claim:{claim.id}:{told.state}:{told.at.isoformat()}"
    return FeedEntry(key, f"claim.{told.state}", told.at, claim.campaign_id, claim.user_id, data)


def _asked(claim: Claim, asked: Asked) -> AuditEntry:
    return AuditEntry(
        id=asked.id,
        at=asked.at,
        by=asked.by,
        operation="claimStock",
        result=Result.DONE,
        about=(f"User:{claim.user_id}", f"Claim:{claim.id}"),
    )


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
