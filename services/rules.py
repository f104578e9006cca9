"""Checking rules before anyone relies on them: the language's checks, then their own examples."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import dsl
from dsl import Checked, Settings, SourceFile
from engine.pricing.examples import failures


def check_rules(sources: Sequence[SourceFile], settings: Settings, *, now: datetime) -> Checked:
    """Check files as one program. A failing example is an error, so that there is no program."""
    checked = dsl.check(sources, settings)
    if checked.program is None:
        return checked
    failed = failures(checked.program, now)
    if not failed:
        return checked
    order = {source.name: place for place, source in enumerate(sources)}
    diagnostics = sorted(
        (*checked.diagnostics, *failed),
        key=lambda each: (order.get(each.span.file, 0), each.span.start),
    )
    return replace(checked, program=None, diagnostics=tuple(diagnostics))
