"""Rules being written. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.errors import Invalid
from resolvers.access import staff
from schema.context import Info
from schema.ids import from_global
from schema.rules import RulesReport, SegmentPreview
from services import drafts

Source = Annotated[str, strawberry.argument(description="The text of the rules.")]
Replacing = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The campaign whose live text this is to replace."),
]


@strawberry.type
class RulesQueries:
    @strawberry.field(
        description="What is wrong with a text of rules, and what it declares.", extensions=staff()
    )
    async def check_rules(
        self,
        info: Info,
        source: Source,
        with_published: Annotated[
            bool, strawberry.argument(description="Check it together with what is live.")
        ] = False,
        campaign_id: Replacing = None,
    ) -> RulesReport:
        report = await drafts.report(
            source,
            stores=info.context.stores,
            now=info.context.clock.now(),
            with_published=with_published,
            campaign_id=_key(campaign_id),
        )
        return RulesReport.of(report)

    @strawberry.field(
        description="How many people a segment reaches now, and who for example.",
        extensions=staff(),
    )
    async def segment_preview(
        self,
        info: Info,
        segment: Annotated[str, strawberry.argument(description="The segment's name.")],
        source: Annotated[
            str | None,
            strawberry.argument(
                description="Rules that declare it; they may use what is live. "
                "Without them, the segment that is live."
            ),
        ] = None,
        campaign_id: Replacing = None,
        first: Annotated[
            int, strawberry.argument(description="How many people to show, at most 100.")
        ] = 10,
    ) -> SegmentPreview:
        if not 1 <= first <= 100:
            raise Invalid("`first` is between 1 and 100.", field=("first",))
        preview = await drafts.preview(
            segment,
            source=source,
            stores=info.context.stores,
            now=info.context.clock.now(),
            limit=first,
            campaign_id=_key(campaign_id),
        )
        return SegmentPreview.of(preview)


def _key(campaign_id: strawberry.ID | None) -> str | None:
    return None if campaign_id is None else from_global("Campaign", campaign_id)
