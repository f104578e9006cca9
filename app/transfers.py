"""`fanfare import …` and `fanfare export …`: files sent to an API, and fetched from it."""

from pathlib import Path
from typing import Annotated

import typer

from app.folders import Url, account

imports = typer.Typer(no_args_is_help=True, help="Bring in data from elsewhere.")
exports = typer.Typer(no_args_is_help=True, help="Fetch lists as files.")

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="A file: .csv or .ndjson, in UTF-8.")
]
Mapping = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, metavar="FILE", help="JSON that says which column is what."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Write nothing, and say what would happen.")
]
Key = Annotated[str, typer.Option(help="Sent again under the same key, it is the same import.")]
Points = Annotated[bool, typer.Option("--points", help="Have them earn points.")]
Consents = Annotated[
    bool, typer.Option("--consents", help="Let it make people who are known agree.")
]


@imports.command("users", epilog="Example: fanfare import users crm.csv --mapping crm.json")
def users(
    file: File,
    mapping: Mapping = None,
    dry_run: DryRun = False,
    consents: Consents = False,
    key: Key = "",
    server: Url = "",
) -> None:
    """Send people: found by externalId or e-mail, completed, or new. 1 if rows are refused."""
    _send("users", file, mapping, key, server, dryRun=dry_run, consents=consents)


@imports.command("products", epilog="Example: fanfare import products products.csv --dry-run")
def products(
    file: File, mapping: Mapping = None, dry_run: DryRun = False, key: Key = "", server: Url = ""
) -> None:
    """Send products: completed by their sku, or new. 1 if rows are refused."""
    _send("products", file, mapping, key, server, dryRun=dry_run)


@imports.command("orders", epilog="Example: fanfare import orders orders.csv --mapping shop.json")
def orders(
    file: File,
    mapping: Mapping = None,
    dry_run: DryRun = False,
    points: Points = False,
    key: Key = "",
    server: Url = "",
) -> None:
    """Send orders of the past: they are counted and start nothing. 1 if rows are refused."""
    _send("orders", file, mapping, key, server, dryRun=dry_run, points=points)


@imports.command("events", epilog="Example: fanfare import events reviews.ndjson")
def events(
    file: File,
    mapping: Mapping = None,
    dry_run: DryRun = False,
    points: Points = False,
    key: Key = "",
    server: Url = "",
) -> None:
    """Send events of the past: they are counted and start nothing. 1 if rows are refused."""
    _send("events", file, mapping, key, server, dryRun=dry_run, points=points)


def _send(
    kind: str, file: Path, mapping: Path | None, key: str, server: str, **options: bool
) -> None:
    from app.commands.importing import send

    with account(server) as client:
        code = send(client, kind, file, mapping=mapping, key=key, **options)
    raise typer.Exit(code)


# --- exports -------------------------------------------------------------------------------------

Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where to write; default: standard output.")
]
Format = Annotated[str, typer.Option("--format", metavar="csv|ndjson", help="What to write.")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="Only from then on.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Only before that.")]


@exports.command("members", epilog="Example: fanfare export members loyal --out loyal.csv")
def export_members(
    segment: Annotated[str, typer.Argument(help="The segment's name.")],
    out: Out = None,
    output: Format = "csv",
    server: Url = "",
) -> None:
    """Fetch who is in a segment, since when and why."""
    _fetch("members", out, server, format=output, segment=segment)


def _of_a_time(kind: str, what: str, example: str) -> None:
    """Declare the command that fetches a list of which a part by time can be had."""

    @exports.command(kind, help=what, epilog=f"Example: fanfare export {example}")
    def fetch(
        out: Out = None,
        output: Format = "csv",
        since: Since = None,
        until: Until = None,
        server: Url = "",
    ) -> None:
        _fetch(kind, out, server, format=output, since=since, until=until)


_of_a_time(
    "users",
    "Fetch people, optionally those who became known at some time.",
    "users --out users.csv",
)
_of_a_time(
    "orders",
    "Fetch orders, a row for each of their lines, the oldest first.",
    "orders --since 2026-03-01T00:00:00Z",
)
_of_a_time(
    "journeys",
    "Fetch what came of each campaign's journeys: runs, goals reached, messages.",
    "journeys",
)
_of_a_time(
    "reports",
    "Fetch all that is counted of campaigns, a row for each trigger, step and promotion.",
    "reports --since 2026-03-01T00:00:00Z",
)


def _fetch(kind: str, out: Path | None, server: str, **asked: str | None) -> None:
    from app.commands.exporting import fetch

    with account(server) as client:
        code = fetch(client, kind, out, **asked)
    raise typer.Exit(code)
