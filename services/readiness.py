"""What keeps rules that are right from being carried out: asked for before they go live."""

from collections.abc import Collection

import dsl
from engine.support import unsupported
from models.store import Stores
from models.template import Template
from services import templates, webhooks


async def hindrances(
    program: dsl.Program, *, stores: Stores, coming: Collection[Template] = ()
) -> list[dsl.Diagnostic]:
    """Return an error for each thing asked for that is not there, or that we cannot do yet.

    `coming` are templates that will be there before the rules are.
    """
    found = [dsl.Diagnostic("E290", message, span) for span, message in unsupported(program)]
    found += await templates.missing(program, stores=stores, coming=coming)
    found += [
        dsl.Diagnostic("E291", message, span)
        for span, message in await webhooks.missing(program, stores=stores)
    ]
    return sorted(found, key=lambda each: (each.span.file, each.span.start))
