"""Whether things stand as the audit log left them: what was changed behind the application's back.

    note: an entry finds its place ─► what it is about is sealed as it is then
    check: what is there ─► is it what was sealed?

What workers and the clock change is not under the seals. An entry that does not know how its change
went, or that may have concerned more than it names, has everything sealed anew.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.audit import MOST_ABOUT, AuditEntry, Mark, Result, SealKeys, digest
from models.store import Stores
from models.store.audit_states import KINDS, State

STATES = "states"
PAGE = 500
# Of the one thing of its kind, which has no id in the API.
_SETTINGS = "Workspace:workspace"
_OF_SETTINGS = frozenset({"updateMessagingPolicy"})


async def note(
    entries: Sequence[AuditEntry], *, stores: Stores, head: tuple[int, str], keys: SealKeys
) -> None:
    """Seal what these entries, which have their place, are about; the first time, everything.

    Safe to repeat, and to be killed at any point.
    """
    begun = await stores.audit_marks.raw(STATES) is not None
    changes = [entry for entry in entries if entry.result is not Result.REFUSED]
    if not begun or any(_may_concern_more(entry) for entry in changes):
        for kind in KINDS:
            await _seal(kind, None, stores, head[0], keys)
    else:
        wanted: dict[str, set[str]] = defaultdict(set)
        for thing in _things(changes):
            kind, _, key = thing.partition(":")
            wanted[kind].add(key)
        for kind, things in wanted.items():
            await _seal(kind, things, stores, head[0], keys)
    if not begun:
        await stores.audit_marks.reach(STATES, Mark(*head), keys)


async def check(*, stores: Stores, keys: SealKeys | None) -> tuple[str, list[str]]:
    """Return what was looked at, and the things whose last change has no entry."""
    if keys is None or await stores.audit_marks.raw(STATES) is None:
        return "nothing of what it is about", []
    looked_at, problems = await _look(stores, keys)
    if problems:
        # A change that was made while we looked is there when we look again, or is being noted.
        _, again = await _look(stores, keys)
        problems = [problem for problem in problems if problem in again]
    return looked_at, problems


async def _look(stores: Stores, keys: SealKeys) -> tuple[str, list[str]]:
    pending = await stores.audit_states.pending()
    if pending is None:
        return "nothing of what it is about, for changes are under way", []
    seals, noted = await stores.audit_states.raw(), await stores.audit_states.noted()
    problems: list[str] = []
    looked_at = 0
    left = set(seals)
    for kind, spec in KINDS.items():
        known = [thing.partition(":")[2] for thing in seals if thing.startswith(f"{kind}:")]
        states = [state async for state in stores.audit_states.now(kind)]
        if spec.which is not None:  # those who were among them, and may be no more
            there = {state.thing for state in states}
            others = stores.audit_states.now(kind, known, known=True)
            states += [state async for state in others if state.thing not in there]
        for state in states:
            left.discard(state.thing)
            seal = seals.get(state.thing)
            if state.thing in pending or (seal is None and not spec.must):
                continue
            looked_at += 1
            if problem := await _problem(state, seal, noted, stores, keys):
                problems.append(f"{state.thing} {problem}")
    problems += [
        f"{thing} is gone, and no entry says so"
        for thing in sorted(await _gone(left - pending, stores))
    ]
    return f"{looked_at} things it is about", problems


def _things(entries: Sequence[AuditEntry]) -> Iterator[str]:
    for entry in entries:
        if entry.operation in _OF_SETTINGS:
            yield _SETTINGS
        yield from (thing for thing in entry.about if thing.partition(":")[0] in KINDS)


def _may_concern_more(entry: AuditEntry) -> bool:
    return entry.result is not Result.DONE or len(entry.about) >= MOST_ABOUT


async def _seal(
    kind: str, wanted: set[str] | None, stores: Stores, number: int, keys: SealKeys
) -> None:
    states = stores.audit_states
    found = [state async for state in states.now(kind, wanted)]
    if KINDS[kind].which is not None:
        # Whoever had a seal keeps one, whatever they are now.
        rest = await states.known(kind, wanted)
        rest -= {state.thing.partition(":")[2] for state in found}
        found += [state async for state in states.now(kind, rest, known=True)]
    for place in range(0, len(found), PAGE):
        await states.keep(found[place : place + PAGE], number, keys)


async def _problem(
    state: State,
    seal: Mapping[str, Any] | None,
    noted: Mapping[str, int],
    stores: Stores,
    keys: SealKeys,
) -> str | None:
    if seal is None:
        return "is there, and no entry says how it came to be"
    key = keys.find(str(seal.get("key")))
    if key is None:
        return "is sealed with a key that is none of those given (FANFARE_OLD_DATA_KEYS)"
    if seal.get("number", 0) < noted.get(state.thing, 0):
        return "has the seal of an earlier change than the last that was noted"
    kind, _, own = state.thing.partition(":")
    sealed = {name: value for name, value in seal.items() if name != "hash"}
    if seal["hash"] == digest(sealed | {"content": state.content}, key):
        return None
    if kind == "Campaign" and await stores.audit_states.settling(
        own, seal.get("settled", 0), state.settled
    ):
        return None  # a publication has brought its text since: by the clock, or told late
    return "was changed, and no entry says so"


async def _gone(things: set[str], stores: Stores) -> set[str]:
    """Return those of these things whose end is not known otherwise: people may be erased."""
    found = set()
    for thing in things:
        kind, _, key = thing.partition(":")
        if kind != "User" or await stores.erasures.find(key) is None:
            found.add(thing)
    return found
