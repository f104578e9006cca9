"""What came of campaigns, as it is counted: for one, or for all in pages."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias
from weakref import WeakKeyDictionary

from models.campaign import Campaign
from models.errors import Invalid
from models.paging import Span, Window
from models.report import Row
from models.store import Stores
from models.store.metrics import Metrics
from services.reporting.entries import hour_of
from services.together import Together

PAGE = 100  # campaigns

_Reports: TypeAlias = Together[tuple[str, Span], Sequence[Row]]


async def of_campaign(campaign_id: str, span: Span, *, stores: Stores) -> Sequence[Row]:
    """Return a campaign's rows over a span. Raises Invalid.

    Those who ask at one moment, as for each of a list of campaigns, share a read.
    """
    check(span)
    together = _TOGETHER.get(stores.metrics)
    if together is None:
        together = _TOGETHER[stores.metrics] = Together(_reading(stores))
    return await together((campaign_id, span))


async def pages(
    span: Span, *, stores: Stores
) -> AsyncGenerator[Sequence[tuple[Campaign | None, Sequence[Row]]]]:
    """Yield all campaigns with their rows, and last what belongs to none. Raises Invalid."""
    check(span)
    start: tuple[str, ...] | None = None
    more = True
    while more:
        page = await stores.campaigns.page(Window(PAGE, start))
        found = await stores.metrics.of([each.id for each in page.items], span)
        yield [(each, found[each.id]) for each in page.items]
        more = page.more
        start = (page.items[-1].id,) if page.items else None
    yield [(None, (await stores.metrics.of([""], span))[""])]


def check(span: Span) -> None:
    """Raise Invalid unless it is made of whole hours."""
    for name, at in (("from", span.since), ("until", span.until)):
        if at is not None and at != hour_of(at):
            raise Invalid("Reports count by the hour: give a whole one, in UTC.", field=(name,))
    if span.since is not None and span.until is not None and span.since >= span.until:
        raise Invalid("That ends before it begins.", field=("until",))


def _reading(
    stores: Stores,
) -> Callable[[Sequence[tuple[str, Span]]], Awaitable[Sequence[Sequence[Row]]]]:
    async def read(asked: Sequence[tuple[str, Span]]) -> Sequence[Sequence[Row]]:
        found: dict[Span, Mapping[str, Sequence[Row]]] = {}
        for span in {span for _, span in asked}:
            wanted = list(dict.fromkeys(campaign for campaign, own in asked if own == span))
            found[span] = await stores.metrics.of(wanted, span)
        return [found[span][campaign] for campaign, span in asked]

    return read


_TOGETHER: WeakKeyDictionary[Metrics, _Reports] = WeakKeyDictionary()
