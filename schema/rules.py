"""Rules being written, in the API: what is wrong with them, and whom they reach."""

from enum import Enum
from typing import Self

import strawberry

import dsl
from schema.user import User
from services import drafts


@strawberry.enum(description="How bad it is. Only errors keep rules from being published.")
class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@strawberry.enum(description="What a declaration declares.")
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


@strawberry.type(description="Whom a segment reaches now.")
class SegmentPreview:
    count: int = strawberry.field(description="How many people.")
    sample: list[User] = strawberry.field(description="Some of them.")

    @classmethod
    def of(cls, preview: drafts.Preview) -> Self:
        """Show a preview."""
        return cls(count=preview.count, sample=[User.of(user) for user in preview.sample])
