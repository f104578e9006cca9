"""What kind of name comes at a place, found from the words around it: half-written text will do."""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from dsl.checker.aggregates import AGGREGATES
from dsl.editing.place import Place
from dsl.parser.tokens import Token


class Role(Enum):
    """What kind of name comes at a place."""

    EXPRESSION = "a fact or a function"
    SOURCE = "an event or a list, to be counted or summed"
    FIELD = "a field of what stands before the dot"
    EVENT = "an event"
    EVENT_PATH = "a field of an event"
    SEGMENT = "a segment"
    PROMOTION = "a promotion"
    LOTTERY = "a lottery"
    LIST = "a list"
    GROUP = "a group of promotions"
    CHANNEL = "a channel"
    SETTABLE = "an attribute of the user"
    USER_FACT = "a fact of an example's user"
    ITEM_FACT = "a fact of an example's line"
    ENTRY = "a field of an event that is emitted"
    WINDOW = "the time that an aggregate covers"
    NEW = "a name of one's own"


_BY_WORD = {
    "AS": Role.NEW,
    "EMIT": Role.EVENT,
    "ENTER": Role.LOTTERY,
    "EXPECT": Role.PROMOTION,
    "GOAL": Role.EVENT,
    "GRANT": Role.PROMOTION,
    "GRANTS": Role.PROMOTION,
    "IN": Role.LIST,
    "ON": Role.EVENT,
    "SEGMENT": Role.SEGMENT,
    "SEND": Role.CHANNEL,
    "SET": Role.SETTABLE,
    "SPLIT": Role.NEW,
    "TIER": Role.NEW,
    "UNLESS": Role.EVENT,
}
_DECLARATIONS_OF_FACTS = ("event", "attributes")


def role_at(place: Place) -> Role:  # noqa: PLR0911 - one return each
    """Return what kind of name would stand at a place."""
    before = place.before
    if len(before) < 2 or place.keyword in _DECLARATIONS_OF_FACTS:
        return Role.NEW
    last, earlier = before[-1], before[-2]
    match last.type:
        case "DOT":
            return Role.FIELD
        case "OF" if earlier.type in ("BEST", "FIRST"):
            return Role.GROUP
        case "OF" if place.keyword == "loyalty":
            return Role.EVENT_PATH
        case "FOR" if earlier.type == "WAIT":
            return Role.EVENT
        case "LPAR" if earlier.value in AGGREGATES:
            return Role.SOURCE
        case "COMMA" if _lists_segments(before):
            return Role.SEGMENT
        case "PERCENT_SIGN" if _is_arm(before):
            return Role.NEW
        case "LBRACE" | "COMMA":
            return in_braces(place)
        case type_:
            return _BY_WORD.get(type_, Role.EXPRESSION)


def _lists_segments(before: Sequence[Token]) -> bool:
    index = len(before) - 1
    while index > 0 and before[index].type == "COMMA" and before[index - 1].type == "NAME":
        index -= 2
    return before[index].type == "SEGMENT"


def _is_arm(before: Sequence[Token]) -> bool:
    return len(before) > 2 and before[-3].text in ("{", "}")


def in_braces(place: Place) -> Role:
    """Tell what a name begins after `{` or `,`, by what the brace belongs to."""
    if place.before[-1].type == "COMMA":
        opener = _open_parenthesis(place.before)
        if opener is not None:
            return Role.WINDOW if opener.value in AGGREGATES else Role.EXPRESSION
    body = place.body
    if body is None:
        return Role.EXPRESSION
    tokens = place.walk.tokens
    opening, before = tokens[body.opener - 1], tokens[body.opener - 2]
    if place.keyword == "example":
        return Role.USER_FACT if opening.type == "USER" else Role.ITEM_FACT
    if opening.type == "WITH":
        return Role.NEW
    return Role.ENTRY if before.type == "EMIT" else Role.EXPRESSION


def in_braces_of(place: Place) -> Role:
    """Return what the names in the braces at a place are, wherever in them it is."""
    if place.body is None:
        return Role.NEW
    return in_braces(replace(place, cut=place.body.opener + 1))


def _open_parenthesis(before: Sequence[Token]) -> Token | None:
    """Return the token before the innermost bracket that is open, if no brace is within it."""
    depth = 0
    for index in range(len(before) - 1, 0, -1):
        text = before[index].text
        if text in ("{", "}"):
            return None
        depth += (text in (")", "]")) - (text in ("(", "["))
        if depth < 0:
            return before[index - 1]
    return None
