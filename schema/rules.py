"""Rules being written, in the API: what is wrong with them, and whom they reach."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Self

import strawberry

import dsl
from schema.enums import describe
from schema.user import User
from services import drafts, editing


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


describe(
    Severity,
    "How bad it is.",
    ERROR="It keeps rules from being published.",
    WARNING="It is probably not meant so.",
    INFORMATION="It is good to know.",
)


class DeclarationKind(Enum):
    EVENT = "event"
    ATTRIBUTES = "attributes"
    LIST = "list"
    CAMPAIGN = "campaign"
    SEGMENT = "segment"
    PROMOTION = "promotion"
    TRIGGER = "trigger"
    LOYALTY = "loyalty"
    FLASH_SALE = "flash_sale"
    GROUP_BUY = "group_buy"
    LOTTERY = "lottery"
    EXAMPLE = "example"


describe(
    DeclarationKind,
    "What a declaration declares.",
    EVENT="An event, and its fields.",
    ATTRIBUTES="What is known of people or items besides.",
    LIST="A list of values under a name.",
    CAMPAIGN="What holds for all of a campaign, as its budget.",
    SEGMENT="A segment of people.",
    PROMOTION="A promotion.",
    TRIGGER="A trigger, which starts journeys.",
    LOYALTY="How points are earned, and tiers.",
    FLASH_SALE="A flash sale.",
    GROUP_BUY="A group buy.",
    LOTTERY="A lottery.",
    EXAMPLE="An example, which is tried out whenever rules are checked.",
)


@strawberry.type(description="A range of the text. Counted in code points, the end exclusive.")
class SourceSpan:
    offset: int = strawberry.field(description="Of the first character, from 0.")
    end_offset: int = strawberry.field(description="After the last character.")
    line: int = strawberry.field(description="Of the first character, from 1.")
    column: int = strawberry.field(description="Of the first character, from 1.")
    end_line: int = strawberry.field(description="Of the end, from 1.")
    end_column: int = strawberry.field(description="Of the end, from 1.")

    @classmethod
    def of(cls, span: dsl.Span) -> Self:
        """Show a range."""
        return cls(
            offset=span.start,
            end_offset=span.end,
            line=span.line,
            column=span.column,
            end_line=span.end_line,
            end_column=span.end_column,
        )


@strawberry.type(description="One problem, worded for the person who wrote the rules.")
class Diagnostic:
    code: str = strawberry.field(description="Stable; the documentation explains each.")
    severity: Severity = strawberry.field(description="How bad it is.")
    message: str = strawberry.field(description="What is wrong.")
    hint: str | None = strawberry.field(description="What to try.")
    offset: int = strawberry.field(description="Where it begins, in code points from 0.")
    end_offset: int = strawberry.field(description="Where it ends, exclusive.")
    line: int = strawberry.field(description="The line of its beginning, from 1.")
    column: int = strawberry.field(description="The column of its beginning, from 1.")
    end_line: int = strawberry.field(description="The line of its end, from 1.")
    end_column: int = strawberry.field(description="The column of its end, from 1, exclusive.")

    @classmethod
    def of(cls, diagnostic: dsl.Diagnostic) -> Self:
        """Show a diagnostic."""
        span = diagnostic.span
        return cls(
            code=diagnostic.code,
            severity=Severity(diagnostic.severity.value),
            message=diagnostic.message,
            hint=diagnostic.hint or None,
            offset=span.start,
            end_offset=span.end,
            line=span.line,
            column=span.column,
            end_line=span.end_line,
            end_column=span.end_column,
        )


@strawberry.type(description="Something the rules declare.")
class Declaration:
    kind: DeclarationKind = strawberry.field(description="What it is.")
    name: str = strawberry.field(description="Its name; an example's is its title.")
    title: str | None = strawberry.field(description="Its title, for people.")
    span: SourceSpan = strawberry.field(description="Where it stands.")

    @classmethod
    def of(cls, declared: dsl.Declared) -> Self:
        """Show a declaration."""
        return cls(
            kind=DeclarationKind(declared.kind),
            name=declared.name,
            title=declared.title,
            span=SourceSpan.of(declared.span),
        )


@strawberry.type(description="What is to be said of a text of rules.")
class RulesReport:
    valid: bool = strawberry.field(description="Whether there is no error.")
    diagnostics: list[Diagnostic] = strawberry.field(
        description="At most 50 errors, and whatever else there is to say, in the text's order."
    )
    declarations: list[Declaration] = strawberry.field(
        description="What could be read of it, in the text's order."
    )

    @classmethod
    def of(cls, report: drafts.Report) -> Self:
        """Show a report."""
        return cls(
            valid=report.valid,
            diagnostics=[Diagnostic.of(diagnostic) for diagnostic in report.diagnostics],
            declarations=[Declaration.of(declared) for declared in report.declarations],
        )


@strawberry.type(description="How many people a segment shares with one that is live.")
class SegmentOverlap:
    segment: str = strawberry.field(description="The name of the segment that is live.")
    members: int = strawberry.field(description="How many people are in that.")
    shared: int = strawberry.field(description="How many of them are in both.")


@strawberry.type(description="What finding a segment's people takes.")
class SegmentCost:
    people: int = strawberry.field(description="How many people are looked at, roughly.")
    lookups: int = strawberry.field(
        description="How often the events of each are looked up: that takes far longer than "
        "anything else. Aggregates that are kept by the day need none."
    )
    steps: int = strawberry.field(
        description="Elementary steps for one person with a long history, at most."
    )
    timed: bool = strawberry.field(
        description="Whether people come in or go by time alone, as days begin."
    )


async def _overlaps(root: strawberry.Parent[Any]) -> list[SegmentOverlap]:
    return [
        SegmentOverlap(segment=each.segment, members=each.members, shared=each.shared)
        for each in await root.overlapping()
    ]


@strawberry.type(description="Whom a segment reaches now.")
class SegmentPreview:
    count: int = strawberry.field(description="How many people.")
    sample: list[User] = strawberry.field(description="Some of them.")
    cost: SegmentCost = strawberry.field(description="What finding them takes.")
    overlapping: strawberry.Private[Callable[[], Awaitable[list[drafts.Overlap]]]]

    overlaps: list[SegmentOverlap] = strawberry.field(
        resolver=_overlaps,
        description="How many of them are in each segment that is live. Counted only if asked for.",
    )

    @classmethod
    def of(cls, preview: drafts.Preview) -> Self:
        """Show a preview."""
        cost = preview.cost
        return cls(
            count=preview.count,
            sample=[User.of(user) for user in preview.sample],
            cost=SegmentCost(
                people=cost.people, lookups=cost.lookups, steps=cost.steps, timed=cost.timed
            ),
            overlapping=preview.overlaps,
        )


class CompletionKind(Enum):
    DECLARATION = "declaration"
    CLAUSE = "clause"
    STEP = "step"
    KEYWORD = "keyword"
    OPERATOR = "operator"
    FACT = "fact"
    EVENT = "event"
    NAME = "name"
    FUNCTION = "function"
    UNIT = "unit"
    CURRENCY = "currency"
    VALUE = "value"


describe(
    CompletionKind,
    "What a completion is, for the sign that an editor puts beside it.",
    DECLARATION="A word that begins a declaration.",
    CLAUSE="A word that begins a clause.",
    STEP="A word that begins a step of a journey.",
    KEYWORD="Another word of the language.",
    OPERATOR="An operator.",
    FACT="Something that rules can ask of people, carts or items.",
    EVENT="An event.",
    NAME="The name of a declaration.",
    FUNCTION="A function.",
    UNIT="A unit of time.",
    CURRENCY="A currency.",
    VALUE="A value that there is.",
)


@strawberry.type(description="Something that could be written at a place.")
class Completion:
    label: str = strawberry.field(description="What to show.")
    kind: CompletionKind = strawberry.field(description="What it is.")
    detail: str | None = strawberry.field(description="Its type, or what it means, in a few words.")
    documentation: str | None = strawberry.field(description="More about it, with an example.")
    insert: str = strawberry.field(description="What to put into the text.")
    offset: int = strawberry.field(
        description="Where what it replaces begins, in code points from 0."
    )
    end_offset: int = strawberry.field(description="Where what it replaces ends, exclusive.")

    @classmethod
    def of(cls, completion: dsl.Completion) -> Self:
        """Show a completion."""
        return cls(
            label=completion.label,
            kind=CompletionKind(completion.kind.value),
            detail=completion.detail or None,
            documentation=completion.documentation or None,
            insert=completion.insert,
            offset=completion.start,
            end_offset=completion.end,
        )


@strawberry.type(description="What a word in the rules means.")
class RulesHover:
    title: str = strawberry.field(description="The name, with its type.")
    text: str = strawberry.field(description="What it means. Indented lines are rules.")
    span: SourceSpan = strawberry.field(description="Where the word stands.")

    @classmethod
    def of(cls, hover: dsl.Hover) -> Self:
        """Show a hover."""
        return cls(title=hover.title, text=hover.text, span=SourceSpan.of(hover.span))


@strawberry.type(description="Rules in their canonical layout.")
class FormattedRules:
    source: str | None = strawberry.field(
        description="The canonical text, comments kept; null where syntax errors forbid it."
    )
    diagnostics: list[Diagnostic] = strawberry.field(description="The syntax errors.")

    @classmethod
    def of(cls, formatted: editing.Formatted) -> Self:
        """Show formatted rules."""
        return cls(
            source=formatted.source,
            diagnostics=[Diagnostic.of(diagnostic) for diagnostic in formatted.diagnostics],
        )
