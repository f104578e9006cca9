"""Options and arguments that several commands have."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="DIR|FILE…", help="Files of rules and folders of them; together one program."
    ),
]
Rules = Annotated[
    Path, typer.Argument(metavar="DIR|FILE", help="A file of rules, or a folder of them.")
]
Zone = Annotated[
    str, typer.Option(metavar="ZONE", help="The workspace's time zone, such as Europe/Berlin.")
]
User = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The person as JSON; default: nobody.")
]
At = Annotated[
    str | None, typer.Option(metavar="TIME", help="When, such as 2026-03-05T12:00; now.")
]


def moment_of(at: str | None, zone: str, option: str = "--at") -> datetime:
    """Return the instant that an option names. Raises BadParameter."""
    from app.commands import sources

    if not sources.known_zone(zone):
        raise typer.BadParameter(f"there is no time zone {zone!r}", param_hint="--zone")
    try:
        return sources.moment_of(at, zone)
    except (ValueError, OverflowError):
        hint = f"{at!r} is no time; write it like 2026-03-05T12:00 or 2026-03-05T12:00:00Z"
        raise typer.BadParameter(hint, param_hint=option) from None
