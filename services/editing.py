"""Help for whoever writes rules in a browser: canonical text, completions, what a word means."""

import asyncio
from dataclasses import dataclass

import dsl
from models.errors import Invalid
from models.store import Stores
from services.drafts import DRAFT, program_with


@dataclass(frozen=True, slots=True)
class Formatted:
    """`source` is None where syntax errors stand against it."""

    source: str | None
    diagnostics: tuple[dsl.Diagnostic, ...] = ()


async def formatted(source: str) -> Formatted:
    """Return a text in its canonical layout, or what is wrong with it."""
    try:
        return Formatted(await asyncio.to_thread(dsl.format_source, dsl.SourceFile(DRAFT, source)))
    except dsl.RuleError as error:
        return Formatted(None, error.diagnostics)


async def completions(
    source: str,
    offset: int,
    *,
    stores: Stores,
    with_published: bool = False,
    campaign_id: str | None = None,
) -> list[dsl.Completion]:
    """Return what could be written at an offset, the likeliest first."""
    _check_offset(source, offset)
    files, settings = await program_with(source, stores, with_published, campaign_id)
    return await asyncio.to_thread(dsl.complete, files, DRAFT, offset, settings)


async def hover(
    source: str,
    offset: int,
    *,
    stores: Stores,
    with_published: bool = False,
    campaign_id: str | None = None,
) -> dsl.Hover | None:
    """Say what the word at an offset means, or None where there is nothing to say."""
    _check_offset(source, offset)
    files, settings = await program_with(source, stores, with_published, campaign_id)
    return await asyncio.to_thread(dsl.hover, files, DRAFT, offset, settings)


def _check_offset(source: str, offset: int) -> None:
    if not 0 <= offset <= len(source):
        raise Invalid(f"`offset` is between 0 and {len(source)}.", field=("offset",))
