"""The grammar's LALR table, and what can be asked of it: the only module that knows Lark."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, cast

from lark import Lark
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import Shift
from lark.parsers.lalr_parser_state import ParserState

from dsl.parser.declarations import Builder
from dsl.parser.tokens import SYMBOLS, Token

GRAMMAR = Path(__file__).with_name("grammar.lark")
# Working the table out takes a quarter of a second, reading it back a tenth of that. It is kept
# where Python keeps its own compiled code, so whoever could tamper with it could do so there too.
CACHE = GRAMMAR.parent / "__pycache__" / "grammar.table"

# A state of the LALR automaton; what it does with a terminal.
State: TypeAlias = int
Actions: TypeAlias = Mapping[str, tuple[Any, Any]]

_AFTER_VALUES = frozenset(["=", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", ")", ","])
_UNITS = ("minute", "hour", "day", "week", "month", "year")
TIME_UNITS = frozenset((*_UNITS, *(f"{unit}s" for unit in _UNITS)))
END = "$END"


class _NoLexer(Lexer):
    """Tokens come from dsl.parser.tokens; Lark only keeps the table."""

    def __init__(self, lexer_conf: Any) -> None:
        pass

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Any]:  # noqa: ARG002
        return iter(())


class Table:
    """The states of the parser and what each accepts."""

    def __init__(self) -> None:
        with suppress(OSError):  # a read-only installation works the table out each time
            CACHE.parent.mkdir(exist_ok=True)
        lark = Lark(
            GRAMMAR.read_text(encoding="utf-8"),
            parser="lalr",
            lexer=_NoLexer,
            transformer=cast("Any", Builder()),
            keep_all_tokens=True,
            maybe_placeholders=True,
            cache=str(CACHE),
        )
        self._fresh: Any = lark.parse_interactive("").parser_state
        self.states: Mapping[State, Actions] = self._fresh.parse_conf.states
        literals = {t.name: str(t.pattern.value) for t in lark.terminals if t.pattern is not None}
        self.literals: Mapping[str, str] = literals
        self.keywords: Mapping[str, str] = {
            text: name for name, text in literals.items() if text not in SYMBOLS
        }
        self.declarations = frozenset(
            literals[t] for t in self.states[self._fresh.position] if t in literals
        ) - {"fanfare"}

    def begin(self) -> "ParserState[State]":
        """Return a parser's state at the beginning of an item."""
        state: ParserState[State] = ParserState(self._fresh.parse_conf, self._fresh.lexer)
        return state

    def type_in(self, state: State, tokens: Sequence[Token], index: int) -> str:
        """Say what the token is in this state: of a word, whether it is a keyword or a name."""
        token = tokens[index]
        if not token.word:
            return token.type
        return self._word_type(self.states[state], tokens, index)

    def _word_type(self, actions: Actions, tokens: Sequence[Token], index: int) -> str:
        word = tokens[index].value
        keyword = self.keywords.get(word)
        if keyword == "FOR" and "FOR_DURATION" in actions:
            number, unit = (
                tokens[index + 1 : index + 3] if index + 2 < len(tokens) else (None, None)
            )
            timed = number and unit and number.type == "INT" and unit.value in TIME_UNITS
            return "FOR_DURATION" if timed or "FOR" not in actions else "FOR"
        if keyword in actions and not ("NAME" in actions and _is_name(tokens, index)):
            return cast("str", keyword)
        if "CURRENCY" in actions and len(word) == 3 and word.isascii() and word.isupper():
            return "CURRENCY"
        return "NAME"

    def accepts(self, stack: Sequence[State], terminal: str) -> "list[State] | None":
        """Return the stack after this terminal, or None if it may not come here."""
        states, after = self.states, list(stack)
        while True:
            step = states[after[-1]].get(terminal)
            if step is None:
                return None
            action, target = step
            if action is Shift:
                after.append(target)
                return after
            if target.expansion:
                del after[-len(target.expansion) :]
            following = states[after[-1]][target.origin.name][1]
            after.append(following)
            if terminal == END and following == self._fresh.parse_conf.end_state:
                return after

    def accepted(self, stack: Sequence[State]) -> set[str]:
        """Return every terminal that may come here."""
        candidates = (t for t in self.states[stack[-1]] if t.isupper())
        return {t for t in candidates if self.accepts(stack, t) is not None}

    def shifts(self, state: State) -> set[str]:
        """Return the terminals that this state takes as they are."""
        return {
            t for t, (action, _) in self.states[state].items() if action is Shift and t.isupper()
        }


def _is_name(tokens: Sequence[Token], index: int) -> bool:
    """Whether a word that could be a keyword here is a name, by what stands around it."""
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if following is None:
        return False
    if index > 2 and tokens[index - 1].text == "%":
        # Only an experiment's arm has its name there, `{ 50% control { … }`, while conditions go
        # on after a percentage: `user.share > 5% and (…)`.
        return following.text == "{" and tokens[index - 3].text in ("{", "}")
    match tokens[index].value:
        case "not":
            return False
        case "last" | "since" | "this":
            return following.text in _AFTER_VALUES or following.text in (".", "(")
        case "segment":
            return not following.word
        case "total":
            return following.word
        case _:
            return following.text in (".", "(")


@cache
def table() -> Table:
    """Return the table; built once, when something is first parsed."""
    return Table()
