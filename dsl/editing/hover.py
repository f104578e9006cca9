"""What the word under the cursor means: its type and a sentence or two."""

from collections.abc import Sequence
from dataclasses import dataclass

from dsl import nodes
from dsl.checker.aggregates import AGGREGATES
from dsl.checker.operations import FUNCTIONS
from dsl.contents import Declared
from dsl.diagnostics import SourceFile, Span
from dsl.editing import names, views
from dsl.editing.definition import KINDS, definition_of
from dsl.editing.descriptions import AGGREGATE_EXAMPLES, EVENTS, FACTS, TIME, WORDS
from dsl.editing.descriptions import FUNCTIONS as MEANINGS
from dsl.editing.names import Role
from dsl.editing.offered_names import listed, shown, signature
from dsl.editing.phrases import PHRASES, Phrase, owner_of
from dsl.editing.token_at import Pointed, pointed_at
from dsl.editing.world import Known, known
from dsl.money import CURRENCIES, decimals
from dsl.program import Settings

DEFAULTS = Settings()
_MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class Hover:
    """`title` is a name with its type, `text` says more; both in the language's own words."""

    span: Span
    title: str
    text: str


def hover(
    sources: Sequence[SourceFile], file: str, offset: int, settings: Settings = DEFAULTS
) -> Hover | None:
    """Say what the word at an offset means, or None where there is nothing to say."""
    pointed = pointed_at(next(source for source in sources if source.name == file), offset)
    if pointed is None or not pointed.token.word:
        return None
    said = _said(pointed, known(sources, settings))
    return Hover(pointed.token.span, *said) if said else None


def _said(pointed: Pointed, program: Known) -> tuple[str, str] | None:
    token, place = pointed.token, pointed.place
    if not place.keyword:
        return _of_phrase(PHRASES[""], pointed)
    if token.type == "NAME":
        return _of_name(pointed, program)
    if token.type == "CURRENCY":
        if token.text not in CURRENCIES:
            return None
        many = decimals(token.text)
        return f"{token.text}: currency", f"Amounts have {many or 'no'} decimals."
    if pointed.begins_clause and place.body is not None:
        accepted = place.walk.table.accepted(place.body.stack)
        return _of_phrase(PHRASES.get(owner_of(place.keyword, accepted), ()), pointed)
    if token.value in ("user", "cart"):
        return token.text, FACTS[token.value]
    following = place.walk.tokens[place.cut + 1 : place.cut + 2]
    both = f"{token.value} {following[0].text}" if following else ""
    for words in (both, str(token.value)):
        if words in WORDS:
            return words, _sentence(WORDS[words])
    return None


def _of_phrase(phrases: Sequence[Phrase], pointed: Pointed) -> tuple[str, str] | None:
    cut = pointed.place.cut
    ahead = [str(token.value) for token in pointed.place.walk.tokens[cut : cut + 4]]
    fits = [p for p in phrases if ahead[: len(words := p.words.split())] == words]
    if not fits:
        fits = [p for p in phrases if p.words.split()[0] == ahead[0]]
    if not fits:
        return None
    best = max(fits, key=lambda phrase: len(phrase.words))
    return best.words, f"{_sentence(best.means)}\n\n    {best.example}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


# --- names ---------------------------------------------------------------------------------------


def _of_name(pointed: Pointed, program: Known) -> tuple[str, str] | None:
    place, name = pointed.place, str(pointed.token.value)
    tokens = place.walk.tokens
    is_call = place.cut + 1 < len(tokens) and tokens[place.cut + 1].text == "("
    if is_call and (name in AGGREGATES or name in FUNCTIONS):
        example = AGGREGATE_EXAMPLES.get(name)
        return signature(name), MEANINGS[name] + (f"\n\n    {example}" if example else "")
    role = names.role_at(place)
    if role is Role.NEW and place.cut == place.walk.start + 1 and place.keyword != "event":
        return _declared(program.declaration(name, place.keyword), program)
    match role:
        case Role.SEGMENT | Role.PROMOTION | Role.LOTTERY:
            return _declared(program.declaration(name, KINDS[role]), program)
        case Role.EVENT:
            return _event(name, program)
        case Role.NEW if place.cut == place.walk.start + 1:
            return _event(name, program)
        case Role.NEW | Role.GROUP | Role.CHANNEL:
            return None
        case _:
            return _fact(pointed, program)


def _event(name: str, program: Known) -> tuple[str, str] | None:
    record = program.world.events.get(name)
    if record is None:
        return None
    fields = "\n".join(f"    {field}: {shown(kind)}" for field, kind in record.fields)
    return f"event {name}", "\n\n".join(filter(None, (EVENTS.get(name), fields)))


def _declared(declared: Declared | None, program: Known) -> tuple[str, str] | None:
    if declared is None:
        return None
    title = f"{declared.kind} {declared.name}"
    text = program.texts[declared.span.file][declared.span.start : declared.span.end]
    lines = text.split("\n")
    shown_lines = [*lines[:_MOST_LINES], *(["…"] if len(lines) > _MOST_LINES else [])]
    code = "\n".join(f"    {line}" for line in shown_lines)
    return title, "\n\n".join(filter(None, (declared.title, code)))


def _fact(pointed: Pointed, program: Known) -> tuple[str, str] | None:
    fact = views.fact_at(pointed.place, str(pointed.token.value), program.world)
    if fact is None:
        return _list(str(pointed.token.value), program)
    if fact.is_event:
        return _event(fact.path[0], program)
    where = definition_of(pointed, program)
    meaning = FACTS.get(f"{fact.owner}.{fact.path[-1]}" if fact.owner else fact.path[-1], "")
    if where is not None:
        meaning = f"Declared in {where.file}, line {where.line}." if where.file else ""
    elif not meaning and fact.path[-1] == "time":
        meaning = TIME
    return f"{'.'.join(fact.path)}: {shown(fact.kind)}", meaning


def _list(name: str, program: Known) -> tuple[str, str] | None:
    for node in program.every():
        if isinstance(node, nodes.NamedList) and node.name.text == name:
            return f"list {name}", listed(node)
    return None
