"""`fanfare simulate`: what journeys would do when, told without a server and without waiting."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dsl
from app.commands.sources import read_sources, show
from app.incoming import read_event, read_json
from dsl.program import Program
from engine.incoming import Mismatch, instant, stored_record
from engine.pricing.buyer import read_buyer
from engine.support import unsupported
from models.effect import Effect, EffectKind, EffectState
from models.errors import Invalid
from models.event import Event
from services.events import key_of
from services.simulation import PUBLICATION, Happening, simulate


def tell(
    rules: list[Path],
    events: Path | None,
    users: Path | None,
    *,
    since: datetime | None,
    until: datetime,
    zone: str,
) -> int:
    """Print what happens and return the exit code. Raises Invalid for bad events or users."""
    sources = read_sources(rules)
    checked = dsl.check(sources, dsl.Settings(zone=zone))
    program = checked.program
    if program is None:
        show((each for each in checked.diagnostics if each.severity == "error"), sources)
        return 1
    refused = [dsl.Diagnostic("E290", message, span) for span, message in unsupported(program)]
    if refused:
        show(refused, sources)
        return 1
    script = [] if events is None else list(script_of(events, program))
    people = {} if users is None else dict(people_of(users, program, zone))
    begin = since or min((event.at for event in script), default=until)
    account = asyncio.run(simulate(program, people, script, since=begin, until=until))
    for happening in account:
        print(_line(happening))
    return 0


# --- what is given --------------------------------------------------------------------------------


def _entries(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the lines of a file of JSON, one object on each, with their numbers."""
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            try:
                yield number, read_json(line)
            except Mismatch as error:
                raise Invalid(f"{path}:{number}: {error.reason}") from None


def script_of(path: Path, program: Program) -> Iterator[Event]:
    """Yield the events of a file. Raises Invalid, naming the line."""
    for number, entry in _entries(path):
        yield _event(entry, program, f"{path}:{number}")


def _event(entry: Any, program: Program, place: str) -> Event:
    try:
        incoming = read_event(entry)
        record = program.events.get(incoming.name)
        if record is None:
            raise Mismatch(("name",), f"there is no event `{incoming.name}` in these rules")
        if not incoming.user or incoming.at is None:
            raise Mismatch((), "say whose it is (`user`) and when it happens (`occurredAt`)")
        at = instant(incoming.at, ("occurredAt",))
        data = stored_record(incoming.data, record, program.currency, ("data",))
    except Mismatch as error:
        where = ": ".join([place, *filter(None, [".".join(error.path)])])
        raise Invalid(f"{where}: {error.reason}") from None
    return Event(
        id=key_of(incoming.source, incoming.id, incoming.name, data),
        name=incoming.name,
        user_id=incoming.user,
        at=at,
        received_at=at,
        publication=PUBLICATION,
        data=data,
    )


def people_of(path: Path, program: Program, zone: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the facts of a file of people, by id. Raises Invalid, naming the line."""
    for number, entry in _entries(path):
        try:
            facts, _ = read_buyer(entry, program, zone)
        except Invalid as error:
            raise Invalid(f"{path}:{number}: {error.message}") from None
        user_id = facts["user"].get("id")
        if not isinstance(user_id, str):
            raise Invalid(f"{path}:{number}: a person needs an `id`")
        where = {f"@{name}": each for name, each in _reached(entry, f"{path}:{number}")}
        yield user_id, {"user": facts["user"] | where, "events": facts["events"]}


def _reached(entry: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    """Yield where texts and push messages go, which no rule sees."""
    phone, devices = entry.get("phone"), entry.get("devices")
    if phone is not None:
        if not isinstance(phone, str):
            raise Invalid(f'{place}: phone: must be a text, such as "+43 1 234567"')
        yield "phone", phone
    if devices is not None:
        if not isinstance(devices, list) or not all(isinstance(each, str) for each in devices):
            raise Invalid(f"{place}: devices: must be a list of texts")
        yield "devices", devices


# --- what is told ---------------------------------------------------------------------------------


# What is told of people rather than of their runs.
_PLAIN = {
    "event": "event {}",
    "entered": "comes into segment {}",
    "left": "leaves segment {}",
    "lottery": "enters lottery {}",
    "points": "{}",
    "tier": "tier {}",
}


def _line(happening: Happening) -> str:
    time, user = _time(happening.at), happening.user_id
    if happening.kind in _PLAIN:
        return f"{time}  {user}  {_PLAIN[happening.kind].format(happening.detail)}"
    run = f"{happening.trigger} #{happening.run}"
    return f"{time}  {user}  {run}  {_what(happening)}"


def _what(happening: Happening) -> str:
    match happening.kind:
        case "effect":
            assert happening.effect is not None
            return _deed(happening.effect)
        case "waits":
            assert happening.until is not None
            return f"waits until {_time(happening.until)}"
        case "ended":
            return f"ended: {happening.detail}" if happening.detail else "done"
        case "split":
            return f"split {happening.detail}"
        case "goal":
            return "reached its goal"
        case kind:
            return kind


def _deed(effect: Effect) -> str:
    data = effect.data
    match effect.kind:
        case EffectKind.MESSAGE:
            said = f"send {effect.channel} {_json(effect.template)}"
            said += f" with {_json(data)}" if data else ""
            skipped = effect.state is EffectState.SKIPPED
            return f"{said}: skipped, {effect.reason}" if skipped else said
        case EffectKind.CALL:
            said = f"call {_json(effect.template)}"
            return f"{said} with {_json(data)}" if data else said
        case EffectKind.TAG | EffectKind.UNTAG:
            return f"{effect.kind.value} {_json(data['tag'])}"
        case EffectKind.SET:
            return f"set user.{data['path'][0]} to {_json(data.get('value'))}"
        case EffectKind.GRANT:
            return f"grant {data['promotion']}: {data['code']} until {_time(data['expires_at'])}"
        case EffectKind.AWARD:
            return f"award {data['points']} points"
        case EffectKind.EMIT:
            return f"emit {data['event']} {_json(data['data'])}"
        case EffectKind.ENTER:
            said = f"enter {data['lottery']}"
            skipped = effect.state is EffectState.SKIPPED
            return f"{said}: skipped, {effect.reason}" if skipped else said


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_plain)


def _plain(value: Any) -> Any:
    return _time(value) if isinstance(value, datetime) else str(value)


def _time(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
