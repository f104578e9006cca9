"""What a value at a place is held against: the type decides which values make sense."""

from collections.abc import Sequence
from dataclasses import replace

from dsl.checker.aggregates import AGGREGATES
from dsl.checker.operations import FUNCTIONS
from dsl.checker.world import World
from dsl.editing.names import in_braces_of
from dsl.editing.place import Place
from dsl.editing.views import View, path_before, path_names, record_of, view_at
from dsl.kinds import BOOL, NUMBER, Kind, ListOf
from dsl.parser.tokens import Token


def wanted_kind(place: Place, world: World) -> Kind | None:
    """Return the type of what the value at a place is held against, if that is plain."""
    tokens, index = place.walk.tokens, _asking(place)
    match tokens[index].type:
        case "COLON":
            return _entrys_kind(place, index, world)
        case "TO" if tokens[place.clause()].type == "SET":
            names = path_names(tokens[place.clause() + 1 : index])
            return View(world, {"user": world.user}).kind_of(names)
        case "IN" | "CONTAINS":
            return _element_kind(left_kind(place, _left_end(place, index), world))
        case "EQ" | "EQEQ" | "NE" | "LT" | "LE" | "GT" | "GE" | "BETWEEN":
            return left_kind(place, index, world)
        case _:
            return None


def wanted_path(place: Place) -> list[str]:
    """Return the names of the fact that the value at a place is held against."""
    end = _left_end(place, _asking(place))
    last = path_names(place.walk.tokens[end - 1 : end])
    return path_before(replace(place, cut=end - 1))[0] + last


def _asking(place: Place) -> int:
    """Return the index of the operator, colon or `to` before the value at a place."""
    tokens, index = place.walk.tokens, place.cut - 1
    first = place.walk.start
    if index > first and tokens[index].type in ("INT", "DECIMAL"):
        index -= 1  # the amount of which the unit is to come
    while index > first and tokens[index].type in ("COMMA", "STRING", "LSQB"):
        index -= 1
    return index


def _left_end(place: Place, index: int) -> int:
    return index - (place.walk.tokens[index - 1].type == "NOT")


def _element_kind(kind: Kind | None) -> Kind | None:
    return kind.element if isinstance(kind, ListOf) else kind


def _entrys_kind(place: Place, colon: int, world: World) -> Kind | None:
    """Return the type of the field whose value comes after a colon."""
    tokens, index = place.walk.tokens, colon
    while index > 1 and (tokens[index - 1].word or tokens[index - 1].text == "."):
        index -= 1
    names = path_names(tokens[index:colon])
    role = in_braces_of(place)
    return View(world, {"": record_of(place, role, world)}).kind_of(["", *names])


def left_kind(place: Place, end: int, world: World) -> Kind | None:
    """Return the type of the value that ends before the token at `end`: a path or a call."""
    tokens, first = place.walk.tokens, place.walk.start
    index, view = end - 1, view_at(place, world)
    if index <= first:
        return None
    if tokens[index].text != ")":
        while index - 2 > first and tokens[index - 1].text == ".":
            index -= 2
        return view.kind_of(path_names(tokens[index:end])) if tokens[index].word else None
    depth = 0
    while index > first:
        depth += (tokens[index].text == ")") - (tokens[index].text == "(")
        if depth == 0:
            break
        index -= 1
    return _result(str(tokens[index - 1].value), tokens[index + 1 : end - 1], view)


def _result(function: str, arguments: Sequence[Token], view: View) -> Kind | None:
    path = []
    for token in arguments:
        if not (token.word or token.text == ".") or token.type == "WHERE":
            break
        path.append(token)
    match function:
        case "count" | "distinct":
            return NUMBER
        case "any":
            return BOOL
        case _ if function in AGGREGATES:
            return view.kind_of(path_names(path), source=True)
        case _ if function in FUNCTIONS:
            gives = FUNCTIONS[function].gives
            return gives or view.kind_of(path_names(path))
        case _:
            return None
