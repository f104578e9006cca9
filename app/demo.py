"""The demo: a year of a grocer imported, its rules published, its last week told again."""

import json
import shlex
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import app.importer.load as importer
from app import console, demo_campaigns, demo_summary, maintenance
from app.client import Client
from app.clock import Clock
from app.commands.folder import read_templates
from app.importer.load import Plan
from app.importer.shift import shift_rules
from app.replay import Tally, clock_from, replay
from app.settings import Settings
from app.up import ADMIN, Stack
from devserver.process import tie_to_parent
from models.audit import Actor, Credential
from models.principal import Role
from models.store import Database, Stores
from services.audit import Recorder

EXAMPLES = Path(__file__).parent.parent / "examples"
PEOPLE = {
    "marketer@example.test": ("Mona Marketer", Role.MARKETER),
    "reviewer@example.test": ("Rafa Reviewer", Role.MARKETER),
    "shop@example.test": ("The shop's own program", Role.INTEGRATOR),
}
_NOTE_EVERY = 10.0
_HOUR = timedelta(hours=1)


def run(settings: Settings, *, workers: int = 1, die_with_parent: bool = False) -> None:
    """Show everything, say where to look, and stay until Ctrl-C."""
    if die_with_parent:
        tie_to_parent()
    began = time.monotonic()
    with Stack(settings, workers) as stack:
        stack.start_servers()
        stack.prepare()
        plan, notes = _import(stack)
        clock = _clock(plan, notes)
        stack.start_processes(str(clock))
        people = {email: _client(stack, email) for email in PEOPLE}
        source = shift_rules((EXAMPLES / "groceries.rules").read_text(), plan.weeks)
        with console.step("Creating, reviewing and publishing the campaigns"):
            demo_campaigns.publish(
                source, people["marketer@example.test"], people["reviewer@example.test"]
            )
        if not notes.get("replayed"):
            _replay(stack, plan, people["shop@example.test"], clock)
        demo_summary.show(stack, plan, source, people, took=time.monotonic() - began)
        _where_to_look(stack)
        stack.watch()


def _import(stack: Stack) -> tuple[Plan, dict[str, Any]]:
    """Bring in what is not there yet, and the people and templates that the demo needs."""

    templates = list(read_templates(EXAMPLES))

    async def bring_in(database: Database) -> tuple[Plan, dict[str, Any]]:
        stores = Stores.over(database)
        now = Clock().now()
        plan = await importer.plan(stores, now=now, replay=True)
        if await importer.is_done(stores):
            console.note("  The data has been imported before.")
        else:
            console.note("  Importing the Complete Journey data:")
            await importer.run(plan, stores, now=now, bar=console.bar)
        recorder = Recorder(stores, Clock().wall)
        async with recorder.record("demo", Actor(Credential.COMMAND)) as note:
            made = await demo_campaigns.prepare(
                PEOPLE, templates, password=stack.password(), stores=stores, now=now
            )
            note.concerns(made)
        return plan, await stores.progress.find(importer.NAME) or {}

    return maintenance.with_database(stack.settings, bring_in)


def _clock(plan: Plan, notes: dict[str, Any]) -> Clock:
    """Return a clock a week behind; one that was stopped on its way goes on from there."""
    if notes.get("replayed"):
        return Clock()
    start: datetime = notes.get("told_until") or plan.replay_starts
    return clock_from(start, week=plan.replay_starts, now=Clock().wall())


def _replay(stack: Stack, plan: Plan, shop: Client, clock: Clock) -> None:
    events = plan.replayed()
    noted = time.monotonic()

    def between(now: datetime) -> None:
        nonlocal noted
        stack.supervisor.check()
        if time.monotonic() - noted > _NOTE_EVERY:
            _note(stack, told_until=now)
            noted = time.monotonic()

    console.note(f"  Telling the week from {plan.replay_starts:%A, %d %B} again, faster:")
    with console.bar("Events", len(events)) as advance:
        tally = replay(events, shop, clock, advance=advance, between=between)
    _catch_up(stack, clock)
    _note(stack, replayed=True)
    _tell(tally)


def _catch_up(stack: Stack, clock: Clock) -> None:
    """Wait until the clock agrees with real time: what waits for days comes due meanwhile."""
    reached = clock.now()
    with console.bar("Hours until now", (clock.wall() - reached) // _HOUR) as advance:
        while not clock.has_caught_up():
            stack.supervisor.watch(seconds=0.3)
            hours = (clock.now() - reached) // _HOUR
            reached += hours * _HOUR
            advance(hours)


def _tell(tally: Tally) -> None:
    console.note(f"  {tally.accepted} events accepted, {tally.duplicate} told before.")
    if tally.rejected:
        console.note(f"  {tally.rejected} events were rejected, the first because: {tally.reason}")


def _note(stack: Stack, **notes: Any) -> None:
    async def note(database: Database) -> None:
        await Stores.over(database).progress.note(importer.NAME, **notes)

    maintenance.with_database(stack.settings, note)


def _client(stack: Stack, email: str) -> Client:
    return Client(stack.url, email=email, password=stack.password())


def _where_to_look(stack: Stack) -> None:
    sign_in = (
        f'mutation {{ signIn(input: {{email: "{ADMIN}", password: "{stack.password()}"}}) '
        "{ user { name roles } session { accessToken } } }"
    )
    body = json.dumps({"query": sign_in})
    curl = f"curl -s {stack.url}/graphql -H 'content-type: application/json' -d {shlex.quote(body)}"
    console.note(
        f"\nWhere to look\n"
        f"  Playground   {stack.url}/\n"
        f"  GraphQL      {stack.url}/graphql, for example:\n"
        f"               {curl}\n"
        f"  Sign in      {ADMIN} (or {', '.join(PEOPLE)})\n"
        f"               password {stack.password()}\n"
        f"  Mailbox      {stack.mailbox or 'e-mails really leave: FANFARE_SMTP_URL is set'}\n"
        f"  Logs         {stack.folder / 'logs'}\n"
        f"  Stop         Ctrl-C. `make demo` goes on from here; `make clean` removes everything."
    )
