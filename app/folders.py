"""The commands that keep rules in files: `plan`, `publish` and `pull`."""

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.client import Client
    from app.commands.server import Server

app = typer.Typer()

Paths = Annotated[
    list[Path], typer.Argument(metavar="DIR|FILE…", help="Folders of rules, or single files.")
]
Url = Annotated[
    str, typer.Option("--server", metavar="URL", envvar="FANFARE_URL", help="The API's address.")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="End campaigns whose file is gone from the folder.")
]


def command(name: str, example: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mount a command with the example that its help ends in."""
    return app.command(name, epilog=f"Example: {example}")


@command("plan", "fanfare plan rules/ --detailed-exitcode")
def plan(
    paths: Paths,
    server: Url = "",
    against: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Compare with these files, not a server.")
    ] = None,
    prune: Prune = False,
    output: Annotated[
        str, typer.Option("--format", metavar="text|json", help="How to say it.")
    ] = "text",
    detailed: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 3 if there is something to do.")
    ] = False,
    zone: Annotated[
        str, typer.Option(metavar="ZONE", help="Without a server: the workspace's time zone.")
    ] = "UTC",
) -> None:
    """Show what publishing files of rules would change, without changing anything.

    A server is asked what is live: the API at FANFARE_URL (as FANFARE_TOKEN, or as FANFARE_EMAIL
    with FANFARE_PASSWORD), else the database at FANFARE_MONGODB_URI. It also says who would come
    into segments and fall out of them, and which journeys are under way. Without either, the
    files are checked and compared with those of --against.

    Exits with 0 if they could be published, with 1 if not, and with 2 after a wrong call.
    """
    from app.commands import plan as command_line
    from app.commands.sources import known_zone
    from app.settings import Settings

    if output not in ("text", "json"):
        raise typer.BadParameter("text or json", param_hint="--format")
    if not known_zone(zone):
        raise typer.BadParameter(f"there is no time zone {zone!r}", param_hint="--zone")
    _require_folders(paths, prune=prune)
    how = {"as_json": output == "json", "detailed": detailed}
    settings = Settings()
    if against is None and (server or "mongodb_uri" in settings.model_fields_set):
        with _asked(server, by="") as asked:
            code = command_line.plan(paths, asked, prune=prune, **how)
    else:
        code = command_line.plan_against(paths, against, zone, **how)
    raise typer.Exit(code)


@command("publish", 'fanfare publish rules/ --why "The spring campaign"')
def publish(
    paths: Paths,
    server: Url = "",
    prune: Prune = False,
    by: Annotated[str, typer.Option(help="Who publishes, if not through the API.")] = "",
    why: Annotated[str, typer.Option(help="Why, for the history.")] = "",
) -> None:
    """Make files of rules live, all of them at one moment or none. Safe to repeat.

    Each file is a campaign, known by the file's name. All are checked together with everything
    else that is live. Templates beside them (templates/*.liquid) are saved first. There is no
    review: this is for those who review before, in version control.

    Publishes through the API at FANFARE_URL (as FANFARE_TOKEN, or as FANFARE_EMAIL with
    FANFARE_PASSWORD, an administrator), else right in the database at FANFARE_MONGODB_URI.
    """
    from app.commands import publish as command_line

    _require_folders(paths, prune=prune)
    with _asked(server, by=by) as asked:
        code = command_line.publish(paths, asked, prune=prune, why=why)
    raise typer.Exit(code)


@command("pull", "fanfare pull rules/")
def pull(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files belong.")],
    server: Url = "",
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that say something else.")
    ] = False,
) -> None:
    """Write what is live to files: the rules of every campaign, and the templates.

    What is in the folder already keeps its place. Files that differ from what is live are not
    overwritten, and no file is deleted. Reads from the API at FANFARE_URL, else from the database
    at FANFARE_MONGODB_URI, as `fanfare publish` does.
    """
    from app.commands import pull as command_line

    with _asked(server, by="") as asked:
        code = command_line.pull(folder, asked, force=force)
    raise typer.Exit(code)


@contextmanager
def account(url: str) -> Iterator["Client"]:
    """Know the API at an address, as whom the environment names."""
    from app.client import connected
    from models.errors import Invalid

    if not url:
        raise Invalid("Say where the API is: --server, or FANFARE_URL.")
    names = ("token", "email", "password")
    with connected(url, {name: os.environ.get(f"FANFARE_{name.upper()}") for name in names}) as api:
        yield api


@contextmanager
def _asked(url: str, *, by: str) -> Iterator["Server"]:
    """Ask the API, or without an address the database itself."""
    if url:
        from app.commands.server import OverApi

        with account(url) as client:
            yield OverApi(client)
    else:
        from app.commands.database import OverDatabase
        from app.settings import Settings

        yield OverDatabase(Settings(), by=by or getpass.getuser())


def _require_folders(paths: list[Path], *, prune: bool) -> None:
    """Refuse to prune what was named file by file: everything else would end."""
    if prune and not all(path.is_dir() for path in paths):
        raise typer.BadParameter("only goes with folders", param_hint="--prune")
