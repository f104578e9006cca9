"""The command line `fanfare`."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from app import codes, folders, simulations, transfers
from app.options import At, Files, Rules, User, Zone, moment_of

# Everything else is imported by the command that needs it: `check` and `quote` answer at once.

app = typer.Typer(
    name="fanfare",
    help="A shop's marketing as text: segments, promotions and journeys, written, checked and run.",
    epilog="Example: fanfare demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(folders.app)
app.add_typer(simulations.app)
app.add_typer(
    codes.app, name="codes", epilog="Example: fanfare codes generate spring 1000 --out spring.csv"
)
app.add_typer(transfers.exports, name="export", epilog="Example: fanfare export users")
app.add_typer(transfers.imports, name="import", epilog="Example: fanfare import users crm.csv")
admin = typer.Typer(no_args_is_help=True, help="Accounts with the run of the house.")
app.add_typer(admin, name="admin", epilog="Example: fanfare admin create ann@example.test")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"fanfare {version('fanfare')}")
        raise typer.Exit


@app.callback()
def _root(
    _version_wanted: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say which version."),
    ] = False,
) -> None:
    """Settings come from environment variables named FANFARE_…; see `fanfare serve --help`."""
    # Modules stay: looking for garbage among them takes a twentieth of the time to load them.
    gc.set_threshold(50_000)


def command(name: str, example: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mount a command with the example that its help ends in."""
    return app.command(name, epilog=f"Example: {example}")


DieWithParent = Annotated[bool, typer.Option("--die-with-parent", hidden=True)]


@command("demo", "fanfare demo")
def demo(
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many worker processes.")] = 1,
    die_with_parent: DieWithParent = False,
) -> None:
    """Run everything on real data: a year of a grocer, its rules, its last week told again.

    As `fanfare up`, and then imports, publishes, replays and says what came of it. A second time
    it goes on with what is there. Ctrl-C stops everything.
    """
    from app.settings import Settings

    settings = Settings()
    from app.demo import run

    run(settings, workers=workers, die_with_parent=die_with_parent)


@command("up", "FANFARE_PORT=8080 fanfare up")
def up(
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many worker processes.")] = 1,
    die_with_parent: DieWithParent = False,
) -> None:
    """Run everything here: MongoDB, Valkey, a mail catcher, the API, workers, the scheduler.

    Servers that FANFARE_MONGODB_URI, FANFARE_REDIS_URL and FANFARE_SMTP_URL name are used instead
    of own ones. Data is kept in FANFARE_DATA_DIR (default: .data). Ctrl-C stops everything.
    """
    from app.settings import Settings

    settings = Settings()
    from app.up import run

    run(settings, workers=workers, die_with_parent=die_with_parent)


@command("serve", "FANFARE_SECRET=… FANFARE_MONGODB_URI=mongodb://… fanfare serve")
def serve() -> None:
    """Serve the API: /graphql, /healthz, /readyz, /metrics and the playground.

    Reads FANFARE_MONGODB_URI, FANFARE_REDIS_URL, FANFARE_SECRET, FANFARE_HOST, FANFARE_PORT,
    FANFARE_PUBLIC_URL, FANFARE_ALLOWED_ORIGINS, FANFARE_DEV and FANFARE_CLOCK.
    """
    from app.settings import Settings

    settings = Settings()
    settings.signing_key()  # what is missing is said before everything is loaded
    from app.serve import run

    run(settings)


@command("worker", "FANFARE_MONGODB_URI=mongodb://… FANFARE_REDIS_URL=redis://… fanfare worker")
def worker() -> None:
    """Do the work that events and due journeys make, until SIGTERM. Any number may run.

    Reads FANFARE_MONGODB_URI, FANFARE_REDIS_URL, FANFARE_SMTP_URL, FANFARE_MAIL_FROM and
    FANFARE_CLOCK.
    """
    from app.settings import Settings

    settings = Settings()
    from app.worker import run_worker

    run_worker(settings)


@command("scheduler", "FANFARE_MONGODB_URI=mongodb://… fanfare scheduler")
def scheduler() -> None:
    """Call workers to what has come due or was forgotten, until SIGTERM. One of many leads.

    Reads FANFARE_MONGODB_URI, FANFARE_REDIS_URL, FANFARE_SECRET, FANFARE_AUDIT_DAYS and
    FANFARE_CLOCK.
    """
    from app.settings import Settings

    settings = Settings()
    from app.scheduler import run_scheduler

    run_scheduler(settings)


@command("check", "fanfare check rules/ --format json")
def check(
    files: Files,
    output: Annotated[
        str, typer.Option("--format", metavar="text|json", help="How to say what was found.")
    ] = "text",
    zone: Zone = "UTC",
    templates: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="A folder of templates (NAME.liquid) that what is sent must be in.",
        ),
    ] = None,
) -> None:
    """Say what is wrong with files of rules, and run their examples. No server is needed.

    Exits with 1 if there is an error, and with 0 if there are none or only warnings.
    """
    from app.commands import check as command_line
    from app.commands.sources import known_zone

    if output not in ("text", "json"):
        raise typer.BadParameter("text or json", param_hint="--format")
    if not known_zone(zone):
        raise typer.BadParameter(f"there is no time zone {zone!r}", param_hint="--zone")
    raise typer.Exit(
        command_line.check(files, zone=zone, as_json=output == "json", templates=templates)
    )


@command("fmt", "fanfare fmt --check rules/")
def fmt(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILE…",
            help="Files of rules and folders of them; `-` reads from standard input.",
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 if something would.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what would change, and change nothing.")
    ] = False,
) -> None:
    """Bring files of rules into their canonical layout. Comments stay; the meaning does too.

    Exits with 2 if a file has syntax errors; the others are formatted all the same.
    """
    from app.commands.format import format_files

    raise typer.Exit(format_files(files, check=check, diff=diff))


@command("lsp", "fanfare lsp")
def lsp(zone: Zone = "UTC") -> None:
    """Serve editors over standard input and output: the Language Server Protocol.

    Mistakes while typing, completion, hover, go to definition, formatting, an outline. The files
    of the editor's folder are one program.
    """
    from importlib.util import find_spec

    from app.commands.sources import known_zone

    if not known_zone(zone):
        raise typer.BadParameter(f"there is no time zone {zone!r}", param_hint="--zone")
    if find_spec("pygls") is None:
        typer.echo("fanfare: the language server needs: pip install 'fanfare[lsp]'", err=True)
        raise typer.Exit(1)
    from app.lsp.server import serve

    serve(zone)


@command("quote", "fanfare quote spring.rules cart.json --at 2026-03-05T12:00")
def quote(
    rules: Rules,
    cart: Annotated[Path, typer.Argument(help="A cart as JSON: its currency and lines.")],
    user: User = None,
    at: At = None,
    zone: Zone = "UTC",
) -> None:
    """Say what a cart costs under rules, as JSON. No server is needed."""
    from app.commands import quote as command_line

    moment = moment_of(at, zone)
    raise typer.Exit(command_line.price(rules, cart, user, at=moment, zone=zone))


@command("explain", "fanfare explain spring.rules spring_ladder --user ann.json --cart cart.json")
def explain(
    rules: Rules,
    name: Annotated[str, typer.Argument(help="A segment, a promotion or a trigger.")],
    user: User = None,
    cart: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A cart as JSON; default: none.")
    ] = None,
    at: At = None,
    zone: Zone = "UTC",
    output: Annotated[
        str, typer.Option("--format", metavar="text|json", help="How to say it.")
    ] = "text",
) -> None:
    """Say why something is for someone or is not, and the least that would have to change.

    No server is needed. Of a trigger that starts on an event, the user's latest one is looked at.
    """
    from app.commands import explain as command_line

    if output not in ("text", "json"):
        raise typer.BadParameter("text or json", param_hint="--format")
    moment, as_json = moment_of(at, zone), output == "json"
    raise typer.Exit(
        command_line.explain(
            rules, name, user=user, cart=cart, at=moment, zone=zone, as_json=as_json
        )
    )


@command("schema", "fanfare schema > schema/schema.graphql")
def schema() -> None:
    """Print the GraphQL schema."""
    from app.schema_print import printed

    typer.echo(printed(), nl=False)


@command("openapi", "fanfare openapi > schema/openapi.json")
def openapi() -> None:
    """Print what there is over HTTP beside GraphQL, in OpenAPI 3.1."""
    from app.openapi.routes import printed

    typer.echo(printed(), nl=False)


@command("migrate", "FANFARE_MONGODB_URI=mongodb://… fanfare migrate")
def migrate() -> None:
    """Bring indexes and stored documents up to date. Safe to repeat."""
    from app.maintenance import migrate
    from app.settings import Settings

    applied = migrate(Settings())
    for migration in applied:
        typer.echo(f"applied {migration.number}: {migration.name}")
    if not applied:
        typer.echo("nothing to do")


@command("verify", "FANFARE_MONGODB_URI=mongodb://… fanfare verify")
def verify() -> None:
    """Say of each thing that must always hold whether it does. 1 if one does not."""
    from app.commands import verify as command_line
    from app.settings import Settings

    raise typer.Exit(command_line.check(Settings()))


@command("verify-draw", "fanfare verify-draw draw.json")
def verify_draw(
    draw: Annotated[
        str, typer.Argument(metavar="FILE|ID", help="What drawRecord answers, or a draw's id.")
    ],
    beacon: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Ask this beacon as well, such as https://api.drand.sh or a mirror."
        ),
    ] = None,
) -> None:
    """Compute a lottery's draw again. For a file, no server is needed. 1 if it does not agree."""
    from app.commands import verify as command_line

    raise typer.Exit(command_line.check_draw(draw, beacon))


@transfers.imports.command("completejourney", epilog="Example: fanfare import completejourney")
def import_completejourney() -> None:
    """Import a year of a grocer: 2,469 households, 155,848 baskets, 27 campaigns, coupons.

    All dates move by whole weeks so that the year ends now. Goes on where it was cut short.
    """
    from app.maintenance import import_completejourney
    from app.settings import Settings

    import_completejourney(Settings())


@admin.command("create", epilog="Example: fanfare admin create ann@example.test")
def admin_create(
    email: Annotated[str, typer.Argument(help="Who is to have the run of the house.")],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, envvar="FANFARE_ADMIN_PASSWORD")
    ],
) -> None:
    """Create an administrator, or give an account that role and a new password."""
    from app.maintenance import create_admin
    from app.settings import Settings

    create_admin(Settings(), email=email, password=password)
    typer.echo(f"{email} is an administrator")


def main() -> None:
    """Run the command named on the command line: 0 is success, 1 a refusal, 2 a wrong call."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as failure:
        reason = _in_one_line(failure)
        if reason is None:
            raise
        print(f"fanfare: {reason}", file=sys.stderr)
        sys.exit(1)


def _in_one_line(failure: Exception) -> str | None:
    """Word what was to be expected; a fault of ours is None and keeps its traceback."""
    from models.errors import DomainError, Unavailable

    if isinstance(failure, Unavailable):
        return f"{failure.message} (FANFARE_MONGODB_URI says where; `fanfare up` runs its own.)"
    if isinstance(failure, DomainError):
        # Rules that are refused have a line for each diagnostic.
        return "\n".join(part.message for part in getattr(failure, "parts", [failure]))
    if isinstance(failure, OSError) and failure.filename:
        return f"{failure.filename}: {failure.strerror}"
    # Told apart by name, so that a quick command need not import what raises them.
    kinds = {kind.__name__ for kind in type(failure).__mro__}
    if kinds & {"StartError", "Broken"}:
        return str(failure)
    if "ValidationError" in kinds and hasattr(failure, "errors"):
        first = failure.errors()[0]
        name = "FANFARE_" + "_".join(str(part) for part in first["loc"]).upper()
        return f"{name}: {first['msg']}"
    return None


if __name__ == "__main__":
    main()
