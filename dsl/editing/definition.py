"""Where the name under the cursor is declared."""

from collections.abc import Sequence

from dsl import nodes
from dsl.diagnostics import SourceFile, Span
from dsl.editing import names, views
from dsl.editing.names import Role
from dsl.editing.token_at import Pointed, pointed_at
from dsl.editing.world import Known, known
from dsl.kinds import Record
from dsl.program import Settings

DEFAULTS = Settings()
KINDS = {Role.SEGMENT: "segment", Role.PROMOTION: "promotion", Role.LOTTERY: "lottery"}


def definition(
    sources: Sequence[SourceFile], file: str, offset: int, settings: Settings = DEFAULTS
) -> Span | None:
    """Return where the name at an offset is declared; None for what is built in."""
    pointed = pointed_at(next(source for source in sources if source.name == file), offset)
    if pointed is None or pointed.token.type != "NAME":
        return None
    return definition_of(pointed, known(sources, settings))


def definition_of(pointed: Pointed, program: Known) -> Span | None:
    """Return where the name that is pointed at is declared."""
    place, name = pointed.place, str(pointed.token.value)
    role = names.role_at(place)
    if role in KINDS:
        return _declared(name, KINDS[role], program)
    match role:
        case Role.EVENT:
            return _declared(name, "event", program)
        case Role.NEW:
            return _declared(name, place.keyword, program)
        case Role.GROUP | Role.CHANNEL:
            return None
        case _:
            return _fact(pointed, program)


def _declared(name: str, kind: str, program: Known) -> Span | None:
    declared = program.declaration(name, kind)
    return None if declared is None else program.name_span(declared)


def _fact(pointed: Pointed, program: Known) -> Span | None:
    name = str(pointed.token.value)
    fact = views.fact_at(pointed.place, name, program.world)
    if fact is None:
        return _declared(name, "list", program)
    if fact.is_event:
        return _declared(name, "event", program)
    if fact.record is None:
        return _bound(pointed, name)
    return _field(name, fact.record, program)


def _field(name: str, record: Record, program: Known) -> Span | None:
    """Return where a field is declared: where most of its record is."""
    known_names = {field for field, _ in record.fields}
    found: list[tuple[int, Span]] = []
    for node in program.nodes_of(nodes.RecordType):
        written = {field.name.text: field.name.span for field in node.fields}
        if name in written and set(written) <= known_names:
            found.append((len(written), written[name]))
    return max(found, key=lambda each: (each[0], -each[1].start))[1] if found else None


def _bound(pointed: Pointed, name: str) -> Span | None:
    """Return where `wait for EVENT as NAME` binds a name."""
    walk = pointed.place.walk
    for body in reversed(walk.bodies):
        clause = walk.tokens[body.clause : body.opener]
        words = [token.value for token in clause[:5]]
        if words[:2] == ["wait", "for"] and words[3:] == ["as", name]:
            return clause[4].span
    return None
