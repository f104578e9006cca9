"""The command that tells what journeys would do: `simulate`."""

from pathlib import Path
from typing import Annotated

import typer

from app.options import Files, Zone, moment_of

app = typer.Typer()


@app.command(
    "simulate",
    epilog="Example: fanfare simulate spring.rules --events week.jsonl --until 2026-03-12T00:00",
)
def simulate(
    rules: Files,
    until: Annotated[str, typer.Option(metavar="TIME", help="When to stop.")],
    events: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Events, one JSON object on each line; default: none."),
    ] = None,
    users: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="People, one JSON object on each line; default: none."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When to begin; default: at the first event."),
    ] = None,
    zone: Zone = "UTC",
) -> None:
    """Tell what journeys would do when, if these events happened to these people.

    No server is needed, nothing is sent, and the same is told every time.
    """
    from app.commands import simulate as command_line

    if events is None and since is None:
        raise typer.BadParameter("needed without events", param_hint="--since")
    begin = None if since is None else moment_of(since, zone, "--since")
    end = moment_of(until, zone, "--until")
    raise typer.Exit(command_line.tell(rules, events, users, since=begin, until=end, zone=zone))
