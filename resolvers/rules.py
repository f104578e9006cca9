"""Rules being written. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.errors import Invalid
from resolvers.access import staff
from resolvers.naming import named
from schema.context import Info
from schema.explanation import ExplainRulesInput, RulesExplanation
from schema.ids import from_global
from schema.rules import Completion, FormattedRules, RulesHover, RulesReport, SegmentPreview
from services import drafts, editing, explanations

Source = Annotated[str, strawberry.argument(description="The text of the rules.")]
Replacing = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The campaign whose live text this is to replace."),
]
Offset = Annotated[
    int, strawberry.argument(description="The place in the text, in code points from 0.")
]
WithPublished = Annotated[
    bool, strawberry.argument(description="Know the names and facts of what is live too.")
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

    @strawberry.field(description="A text of rules in its canonical layout.", extensions=staff())
    async def format_rules(self, source: Source) -> FormattedRules:
        return FormattedRules.of(await editing.formatted(source))

    @strawberry.field(
        description="What could be written at a place of a text, half-written or not: clauses, "
        "facts, names, units, values; the likeliest first, at most 200.",
        extensions=staff(),
    )
    async def complete_rules(
        self,
        info: Info,
        source: Source,
        offset: Offset,
        with_published: WithPublished = False,
        campaign_id: Replacing = None,
    ) -> list[Completion]:
        found = await editing.completions(
            source,
            offset,
            stores=info.context.stores,
            with_published=with_published,
            campaign_id=_key(campaign_id),
        )
        return [Completion.of(completion) for completion in found]

    @strawberry.field(
        description="What the word at a place of a text means; null where there is none.",
        extensions=staff(),
    )
    async def hover_rules(
        self,
        info: Info,
        source: Source,
        offset: Offset,
        with_published: WithPublished = False,
        campaign_id: Replacing = None,
    ) -> RulesHover | None:
        found = await editing.hover(
            source,
            offset,
            stores=info.context.stores,
            with_published=with_published,
            campaign_id=_key(campaign_id),
        )
        return RulesHover.of(found) if found else None

    @strawberry.field(
        description="Why a segment, a promotion or a trigger is for someone or is not, "
        "and the least that would turn that.",
        extensions=staff(),
    )
    async def explain_rules(
        self,
        info: Info,
        input: Annotated[
            ExplainRulesInput, strawberry.argument(description="What, for whom and when.")
        ],
    ) -> RulesExplanation:
        context = info.context
        account, currency = await explanations.explain(
            explanations.Question(
                input.name,
                source=input.source,
                campaign_id=_key(input.campaign_id),
                user_id=await named(context, input.user_id, input.external_id),
                cart=input.cart.document() if input.cart else None,
            ),
            stores=context.stores,
            rulebook=context.rulebook,
            now=input.at or context.clock.now(),
        )
        return RulesExplanation.of(account, currency)


def _key(campaign_id: strawberry.ID | None) -> str | None:
    return None if campaign_id is None else from_global("Campaign", campaign_id, "campaignId")
