"""Which segments a change can concern, who is in them, and when that can next change by time."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dsl import Compiler, Moment, Program, changes_by_time, fades, next_change
from dsl.compiled import Judge
from dsl.core import Expr, InSegment, Ref
from dsl.walking import nodes
from engine.listening import Heard, Listener, events_asked, fact_of, source_of
from engine.memory import once_per_program
from engine.needs import Need, needs_of
from models.event import Event
from models.membership import ANYTHING


@dataclass(frozen=True, slots=True)
class Watch:
    """A program's segments. `by_fact` says which ask about a fact: "user.NAME", "event.NAME" or
    more exactly those events that pass a filter (engine.listening).

    `timed` are those whose members time alone can change; of `fading` ones it only takes members.
    """

    program: Program
    by_fact: Mapping[str, frozenset[str]]
    listeners: Mapping[str, Listener] = field(repr=False)
    timed: frozenset[str]
    fading: frozenset[str]
    judges: Mapping[str, Judge] = field(repr=False)
    needs: Mapping[str, frozenset[Need]] = field(repr=False)

    def changed_by(self, event: Event) -> frozenset[str]:
        """Return the facts that an event changes and that some segment asks about."""
        listener = self.listeners.get(event.name)
        return frozenset() if listener is None else listener.hears(event)

    def concerned(self, changed: Iterable[str]) -> frozenset[str]:
        """Return the segments that a change of these facts can concern."""
        return frozenset().union(
            *(
                self.judges if name == ANYTHING else self.by_fact.get(name, frozenset())
                for name in changed
            )
        )

    def needed(self, segments: Iterable[str]) -> frozenset[Need]:
        """Return what must be loaded to judge these segments."""
        return frozenset().union(*(self.needs[name] for name in segments))

    def holding(
        self, segments: Iterable[str], facts: Mapping[str, Any], moment: Moment
    ) -> frozenset[str]:
        """Return those of the segments that someone is in."""
        return frozenset(name for name in segments if self.judges[name](facts, moment))

    def next_change(
        self,
        segments: Iterable[str],
        holding: Collection[str],
        facts: Mapping[str, Any],
        moment: Moment,
    ) -> datetime | None:
        """Return the first instant at which someone may be in others of them by time alone.

        `holding` are those of them that they are in.
        """
        turns = [
            next_change(self.program.segments[name].condition, facts, moment, holds=name in holding)
            for name in segments
            if name in self.timed and (name in holding or name not in self.fading)
        ]
        turns += [at for at in _times(facts) if at > moment.now]
        return min((turn for turn in turns if turn is not None), default=None)


def _times(facts: Mapping[str, Any]) -> Iterator[datetime]:
    for events in facts.get("events", {}).values():
        yield from (event["time"] for event in events)


@once_per_program
def watch_of(program: Program) -> Watch:
    """Return what a program's segments depend on."""
    compiler = Compiler(program)
    conditions = {name: segment.condition for name, segment in program.segments.items()}
    by_fact: dict[str, set[str]] = {}
    by_event: dict[str, list[Heard]] = {}
    for name, condition in conditions.items():
        for fact in _facts(condition, program, {name}):
            by_fact.setdefault(fact, set()).add(name)
        for aggregate in events_asked(condition, program):
            source, fact = source_of(aggregate), fact_of(aggregate)
            heard = Heard(fact, source, aggregate.where)
            by_event.setdefault(source.event, []).append(heard)
            for each in (f"event.{source.event}", fact):
                by_fact.setdefault(each, set()).add(name)
    return Watch(
        program,
        {fact: frozenset(names) for fact, names in by_fact.items()},
        {event: Listener(filters, program) for event, filters in by_event.items()},
        frozenset(n for n, condition in conditions.items() if changes_by_time(condition, program)),
        frozenset(n for n, condition in conditions.items() if fades(condition, program)),
        {name: compiler.condition(condition) for name, condition in conditions.items()},
        {
            name: needs_of(program, [condition], in_workspace=True)
            for name, condition in conditions.items()
        },
    )


def changed_between(before: Program, after: Program, changed: Iterable[str]) -> frozenset[str]:
    """Return the segments that must be filled anew, given those whose conditions have changed.

    Another zone has other days; a field of another type is read differently.
    """
    if before.zone != after.zone:
        return frozenset(after.segments)
    others = {
        name
        for name in after.segments.keys() & before.segments.keys()
        for need in watch_of(after).needs[name]
        if before.events.get(need.event) != after.events.get(need.event)
    }
    return (frozenset(changed) | others) & after.segments.keys()


def _facts(expr: Expr, program: Program, seen: set[str]) -> Iterator[str]:
    for node in nodes(expr):
        match node:
            case Ref("user", path) if path:
                yield f"user.{path[0]}"
            case InSegment(name) if name in program.segments and name not in seen:
                seen.add(name)
                yield from _facts(program.segments[name].condition, program, seen)
            case _:
                pass
