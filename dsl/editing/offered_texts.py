"""What can stand between quotes: values of closed sets, zones, tags, templates, codes."""

from collections.abc import Iterable, Iterator
from zoneinfo import available_timezones

from dsl import nodes
from dsl.editing import wanted
from dsl.editing.offers import CompletionKind, Offer, Rank
from dsl.editing.place import Place
from dsl.editing.world import Known
from dsl.kinds import BOOL, Text


def of_texts(place: Place, known: Known) -> Iterator[Offer]:
    """Yield what can be written between the quotes at a place."""
    quoted = place.walk.tokens[place.cut].text if place.cut < len(place.walk.tokens) else ""
    closing = '"' if place.open_text or not quoted else ""
    for text, detail in _texts(place, known):
        yield Offer(Rank.WANTED, text, CompletionKind.VALUE, detail, _escaped(text) + closing)


def of_values(place: Place, known: Known) -> Iterator[Offer]:
    """Yield whole values for a place outside quotes, where only a few make sense."""
    match wanted.wanted_kind(place, known.world):
        case Text():
            for text, detail in _texts(place, known):
                written = f'"{_escaped(text)}"'
                yield Offer(
                    Rank.WANTED, written, CompletionKind.VALUE, detail, written, found=(text,)
                )
        case kind if kind == BOOL:
            for word in ("true", "false"):
                yield Offer(Rank.WANTED, word, CompletionKind.VALUE, "bool", word)
        case _:
            pass


def _texts(place: Place, known: Known) -> Iterable[tuple[str, str]]:
    before = place.before
    match before[-1].type if before else "":
        case "IN" if "STRING" in place.accepted():
            return [(zone, "time zone") for zone in sorted(available_timezones())]
        case "TAG" | "UNTAG":
            return [(tag, "tag") for tag in _tags(known)]
        case "CALL":
            return _used((n.webhook for n in known.nodes_of(nodes.CallWebhook)), "webhook")
        case "TRANSACTIONAL":
            return _used((n.template for n in known.nodes_of(nodes.Send)), "template")
        case "CODE" if place.keyword == "example":
            return _used((n.code for n in known.nodes_of(nodes.Code)), "code")
    if len(before) > 1 and before[-2].type == "SEND":
        return _used((n.template for n in known.nodes_of(nodes.Send)), "template")
    return _of_fact(place, known)


def _of_fact(place: Place, known: Known) -> Iterable[tuple[str, str]]:
    kind = wanted.wanted_kind(place, known.world)
    if isinstance(kind, Text) and kind.options:
        return [(option, "value") for option in kind.options]
    if kind is None:
        return []
    match wanted.wanted_path(place):
        case ["user", "tier"]:
            return _used((n.name for n in known.nodes_of(nodes.Tier)), "tier")
        case ["user", "tags"]:
            return [(tag, "tag") for tag in _tags(known)]
        case ["user", "timezone"]:
            return [(zone, "time zone") for zone in sorted(available_timezones())]
        case ["cart", "codes"]:
            return _used((n.code for n in known.nodes_of(nodes.Code)), "code")
        case _:
            return []


def _tags(known: Known) -> list[str]:
    return sorted({node.tag.value for node in known.nodes_of(nodes.Tag)})


def _used(found: Iterable[nodes.Text | nodes.Name], what: str) -> list[tuple[str, str]]:
    texts = {node.value if isinstance(node, nodes.Text) else node.text for node in found}
    return [(text, what) for text in sorted(texts)]


def _escaped(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return plain.replace("\n", "\\n").replace("\t", "\\t")
