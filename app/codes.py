"""`fanfare codes …`: single-use codes in bulk, and as CSV."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Single-use codes, of promotions with `codes unique`.")

Promotion = Annotated[str, typer.Argument(help="The promotion's name.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where to write; default: standard output.")
]


@app.command("generate", epilog="Example: fanfare codes generate spring 1000 --out spring.csv")
def generate(
    promotion: Promotion,
    count: Annotated[int, typer.Argument(min=1, max=1_000_000, help="How many.")],
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"], help="UTC."),
    ] = None,
    out: Out = None,
) -> None:
    """Make codes of a promotion that is live, and write them as CSV."""
    from app.clock import Clock
    from app.maintenance import with_database
    from app.settings import Settings
    from models.store import Database, Stores
    from services import codes
    from services.rulebook import Rulebook

    settings = Settings()
    _require_room(out)

    async def work(database: Database) -> None:
        stores = Stores.over(database)
        batch = await codes.generate(
            promotion,
            count,
            expires_at=expires and expires.replace(tzinfo=UTC),
            stores=stores,
            rulebook=Rulebook(stores),
            now=Clock.parse(settings.clock).now(),
        )
        await _write(codes.export(promotion, batch, stores=stores), out)

    with_database(settings, work)


@app.command("export", epilog="Example: fanfare codes export spring --out spring.csv")
def export(
    promotion: Promotion,
    batch: Annotated[
        str | None, typer.Option(help="Only those made together; default: all.")
    ] = None,
    out: Out = None,
) -> None:
    """Write a promotion's codes as CSV: whom each is for, until when, and what became of it."""
    from app.maintenance import with_database
    from app.settings import Settings
    from models.store import Database, Stores
    from services import codes

    async def work(database: Database) -> None:
        await _write(codes.export(promotion, batch, stores=Stores.over(database)), out)

    with_database(Settings(), work)


def _require_room(out: Path | None) -> None:
    """Raise Invalid for a file that cannot be written: before there are codes, not after."""
    from models.errors import Invalid

    if out is None:
        return
    if out.is_dir() or not os.access(out if out.exists() else out.parent, os.W_OK):
        raise Invalid(f"{out} cannot be written; no codes were made")


async def _write(lines: AsyncIterator[str], out: Path | None) -> None:
    if out is None:
        async for line in lines:
            typer.echo(line.rstrip("\r\n"))
        return
    with out.open("w", encoding="utf-8", newline="") as file:
        async for line in lines:
            file.write(line)
