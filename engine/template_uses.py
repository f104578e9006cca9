"""What a template uses, held against what it is given: typos found before anyone is written to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache

from dsl.kinds import TEXT, Kind, ListOf, Record
from dsl.program import Program
from dsl.triggers import Send
from engine.rendering import TemplateError, compiled, parts
from models.template import Template

_OWN = frozenset({"unsubscribe_url", "now", "today", "forloop", "tablerowloop", "partial"})
_OF_LISTS = frozenset({"size", "first", "last"})
Use = tuple[str, int, tuple[str, ...]]  # part, line, the path as far as it is written out


def misuses(
    template: Template, send: Send, program: Program, granted: Iterable[str] = ()
) -> list[str]:
    """Say what a template uses that a `send` does not give it, and where.

    Of the promotions that the journey has `granted`, letters know the codes.
    """
    given: dict[str, Kind | None] = {"codes": Record(tuple((name, TEXT) for name in granted))}
    given |= {name: expr.kind for name, expr in send.data}
    given["user"] = program.user
    found = []
    for part, line, path in uses(template):
        problem = _problem(path, given)
        if problem:
            where = f"the {send.channel} template {template.name!r} ({part}, line {line})"
            found.append(f"{where} uses `{'.'.join(path)}`, but {problem}")
    return list(dict.fromkeys(found))


@lru_cache(maxsize=2_000)
def uses(template: Template) -> tuple[Use, ...]:
    """Return every name that a template does not make itself. One that is no Liquid uses none."""
    return tuple(_uses(template))


def _uses(template: Template) -> Iterator[Use]:
    for part, source in parts(template):
        try:
            analysis = compiled(part, source).analyze()
        except TemplateError:
            continue
        for variables in analysis.globals.values():
            for variable in variables:
                line = source.count("\n", 0, variable.span.index) + 1
                yield part, line, _written(variable.segments)


def _written(segments: Sequence[object]) -> tuple[str, ...]:
    """Return a path up to what only the data decides: `items[n]` is `items`."""
    written = []
    for segment in segments:
        if not isinstance(segment, str):
            break
        written.append(segment)
    return tuple(written)


def _problem(path: Sequence[str], given: Mapping[str, Kind | None]) -> str | None:
    if not path or path[0] in _OWN:
        return None
    if path[0] not in given:
        return f"this `send` does not give it{_hint(path[0], [*given])}"
    kind = given[path[0]]
    for name in path[1:]:
        match kind:
            case Record(fields):
                if name not in dict(fields):
                    known = [field for field, _ in fields]
                    return f"there is no `{name}` in it{_hint(name, known)}"
                kind = dict(fields)[name]
            case ListOf(element):
                if name not in _OF_LISTS:
                    return f"a list has no `{name}`; it has first, last and size"
                kind = None if name == "size" else element
            case _:
                return None
    return None


def _hint(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
