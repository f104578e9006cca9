"""From a file's text to its tokens and comments; problems of spelling are told here."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from dsl.diagnostics import Diagnostic, SourceFile, Span
from dsl.nodes import Comment
from dsl.spelling import mixed_scripts, normal_name, read_text

MAX_BYTES = 256 * 1024
MAX_TOKENS = 30_000
MAX_DIGITS = 18
MAX_NESTING = 64
MAX_NAME = 100

SYMBOLS = {
    "{": "LBRACE",
    "}": "RBRACE",
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    ",": "COMMA",
    ".": "DOT",
    ":": "COLON",
    "+": "PLUS",
    "-": "MINUS",
    "*": "STAR",
    "/": "SLASH",
    "%": "PERCENT_SIGN",
    "=": "EQ",
    "==": "EQEQ",
    "!=": "NE",
    "<": "LT",
    "<=": "LE",
    ">": "GT",
    ">=": "GE",
}
# What an input method or a word processor writes instead.
LOOKALIKES = dict(zip("｛｝（）［］，．：＋－＊／％＝＜＞", "{}()[],.:+-*/%=<>", strict=True))
LOOKALIKES |= {"≤": "<=", "≥": ">=", "≠": "!=", "≦": "<=", "≧": ">="}
LOOKALIKES |= {"−": "-", "–": "-", "—": "-", "×": "*", "÷": "/", "、": ",", "【": "[", "】": "]"}
HINTS = {
    "&&": "Write `and`.",
    "||": "Write `or`.",
    "!": "Write `not`.",
    "'": 'Write text "like this".',
    **dict.fromkeys(";；。", "A clause needs no sign at its end."),
    **dict.fromkeys("$€£¥￥", "Write an amount of money as `10 USD`."),
}

_TOKEN = re.compile(
    r"""
      (?P<space>[^\S\n]+)
    | (?P<line>\n)
    | (?P<comment>\#[^\n]*)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*+(?![^\x00-\x7f]))
    | (?P<symbol>[=!<>]=|[{}()\[\],.:+\-*/%=<>])
    | (?P<text>"(?:[^"\\\n]|\\[^\n])*")
    | (?P<curly>[“”„«][^“”„»"\n]*[”“»]|'[^'"\n]*')
    | (?P<open>"[^\n]*)
    | (?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}
        (?:[Tt][0-9]{1,2}:[0-9]{1,2}(?::[0-9.]+)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?)
    | (?P<time>[0-9]{1,2}:[0-9]{2}(?![0-9%]))
    | (?P<number>[0-9][0-9_]*(?:\.[0-9][0-9_]*)?)
    | (?P<foreign>[A-Za-z_0-9]*[^\x00-\x7f]\w*)
    | (?P<other>&&|\|\||.)
    """,
    re.VERBOSE,
)
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_UNDERSCORES = re.compile(r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?")


@dataclass(slots=True)
class Token:
    """A token. `type` names a terminal; a word is a NAME until dsl.parser.table knows better.

    `value` is a word's NFC form, a number as Decimal, a text without its escapes, a date.
    """

    type: str
    text: str
    value: Any
    span: Span
    word: bool
    opens_line: bool = False


@dataclass(slots=True)
class Tokens:
    """What the lexer found. `too_large` stops everything: the file is not parsed at all."""

    tokens: list[Token] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    blanks: list[int] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    unclosed: list[int] = field(default_factory=list)  # tokens that are texts without an end
    too_large: bool = False


class _Reader:
    """Walks once over the text, keeping the line and where it began."""

    def __init__(self, source: SourceFile) -> None:
        self.text = source.text
        self.file = source.name
        self.found = Tokens()
        self.line = 1
        self.line_start = 0
        self.fresh = True  # nothing but space on this line yet
        self.hides = _HIDDEN.search(source.text) is not None

    def span(self, start: int, end: int) -> Span:
        column = start - self.line_start + 1
        return Span(start, end, self.line, column, self.line, column + end - start, self.file)

    def problem(self, code: str, message: str, span: Span, hint: str = "") -> None:
        self.found.diagnostics.append(Diagnostic(code, message, span, hint))

    def add(self, type_: str, start: int, end: int, value: Any) -> None:
        text = self.text[start:end]
        span = self.span(start, end)
        self.found.tokens.append(Token(type_, text, value, span, type_ == "NAME", self.fresh))
        self.fresh = False

    def read(self) -> Tokens:
        position = 1 if self.text.startswith("\ufeff") else 0
        length = len(self.text)
        tokens = self.found.tokens
        while position < length:
            match = _TOKEN.match(self.text, position)
            assert match is not None, "the last alternative takes any character"
            end = match.end()
            match match.lastgroup:
                case "space":
                    pass
                case "line":
                    self.newline(position)
                case "word":
                    self.check_length(position, end)
                    self.add("NAME", position, end, self.text[position:end])
                case "symbol":
                    text = self.text[position:end]
                    self.add(SYMBOLS[text], position, end, text)
                case kind:
                    end = self.read_rarer(kind or "", position, end)
            position = end
            if len(tokens) > MAX_TOKENS:
                self.problem(
                    "E105",
                    f"this file has more than {MAX_TOKENS:,} words and signs",
                    tokens[-1].span,
                    "Split it: several files are one program.",
                )
                self.found.too_large = True
                break
        self.newline(length)
        return self.found

    def newline(self, position: int) -> None:
        if not self.text[self.line_start : position].strip():
            self.found.blanks.append(self.line)
        self.line += 1
        self.line_start = position + 1
        self.fresh = True

    def tell_hidden(self, start: int, end: int) -> None:
        """Refuse characters that make a line read otherwise than it runs, and halves of pairs."""
        for match in _HIDDEN.finditer(self.text, start, end):
            span = self.span(match.start(), match.end())
            message = f"the hidden character U+{ord(match[0]):04X} may not stand in rules"
            self.problem("E109", message, span, "Within text write it as `\\u{…}`, or delete it.")

    def read_rarer(self, kind: str, start: int, end: int) -> int:
        text = self.text[start:end]
        if self.hides and kind in ("comment", "text", "open", "curly"):
            self.tell_hidden(start, end)
        match kind:
            case "comment":
                stripped = text.rstrip()
                span = self.span(start, start + len(stripped))
                self.found.comments.append(Comment(stripped, span, self.fresh))
            case "text":
                self.read_text(start, end)
            case "open" | "curly":
                self.read_bad_text(kind, start, end)
            case "date":
                self.read_date(text, start, end)
            case "time":
                end = self.read_time(text, start, end)
            case "number":
                self.read_number(text, start, end)
            case "foreign":
                end = self.read_foreign(start)
            case _:
                self.read_other(text, start, end)
        return end

    def read_text(self, start: int, end: int) -> None:
        value, problems = read_text(self.text[start + 1 : end - 1])
        for problem in problems:
            at = start + 1 + problem.start
            span = self.span(at, at + problem.length)
            self.problem("E102", problem.message, span, problem.hint)
        self.add("STRING", start, end, value)

    def read_bad_text(self, kind: str, start: int, end: int) -> None:
        if kind == "curly":
            message, hint = "text stands between straight quotes", 'Write it "like this".'
        else:
            message, hint = "this text is not closed", 'Write `"` at its end, on the same line.'
            self.found.unclosed.append(len(self.found.tokens))
        end = start + len(self.text[start:end].rstrip())
        self.problem("E102", message, self.span(start, end), hint)
        self.add("STRING", start, end, self.text[start + 1 : end])

    def read_number(self, text: str, start: int, end: int) -> None:
        plain = text.replace("_", "")
        hint = ""
        if not _UNDERSCORES.fullmatch(text):
            message = f"`{shortened(text)}` is not a number"
            hint = "Between digits a single `_` may stand, before the decimal point."
        elif sum(map(str.isdigit, plain)) > MAX_DIGITS:
            message = f"a number has at most {MAX_DIGITS} digits"
        else:
            self.add("DECIMAL" if "." in text else "INT", start, end, Decimal(plain))
            return
        self.problem("E103", message, self.span(start, end), hint)
        self.add("DECIMAL" if "." in text else "INT", start, end, Decimal(1))

    def read_date(self, text: str, start: int, end: int) -> None:
        instant = "t" in text.lower()
        shape, parse = (
            (_INSTANT, datetime.fromisoformat) if instant else (_DATE, date.fromisoformat)
        )
        type_ = "AN_INSTANT" if instant else "A_DATE"
        value: date = datetime(2000, 1, 1) if instant else date(2000, 1, 1)  # noqa: DTZ001
        example = "2026-03-01T09:00 or 2026-03-01T09:00+08:00" if instant else "2026-03-01"
        if not shape.fullmatch(text):
            message, hint = f"`{text}` is not written as {type_name(type_)} is", f"Write {example}."
            self.problem("E103", message, self.span(start, end), hint)
        else:
            try:
                value = parse(text)
            except ValueError:
                self.problem("E103", f"there is no {text}", self.span(start, end))
            if not 1000 <= value.year <= 9000:
                self.problem("E103", "years run from 1000 to 9000", self.span(start, end))
        self.add(type_, start, end, value)

    def read_time(self, text: str, start: int, end: int) -> int:
        tokens = self.found.tokens
        if tokens and tokens[-1].text == "from":
            # A tier, `from 10:50 USD`: a colon after a number, written without a space.
            end = start + text.index(":")
            self.read_number(self.text[start:end], start, end)
            return end
        value = time()
        hour, _, minute = text.partition(":")
        if len(hour) != 2 or int(hour) > 23 or int(minute) > 59:
            hint = "Times run from 00:00 to 23:59, with two digits before the colon."
            self.problem("E103", f"there is no time {text}", self.span(start, end), hint)
        else:
            value = time(int(hour), int(minute))
        self.add("A_TIME", start, end, value)
        return end

    def read_foreign(self, start: int) -> int:
        """Read a name with letters beyond ASCII; `\\w` would lack the marks of many scripts."""
        text, end = self.text, start
        while end < len(text) and _in_name(text[end]):
            end += 1
        if end == start:
            self.read_other(text[start], start, start + 1)
            return start + 1
        written = text[start:end]
        self.check_length(start, end)
        value = normal_name(written)
        span = self.span(start, end)
        if not (written[0] == "_" or unicodedata.category(written[0])[0] == "L"):
            hint = "It begins with a letter or `_`."
            self.problem("E107", f"`{shortened(written)}` cannot be a name", span, hint)
        elif scripts := mixed_scripts(value):
            message = f"the name `{shortened(written)}` mixes letters of {scripts}"
            hint = "Letters of different scripts can look alike: write a name in one."
            self.problem("E107", message, span, hint)
        self.add("NAME", start, end, value)
        return end

    def check_length(self, start: int, end: int) -> None:
        if end - start > MAX_NAME:
            self.problem("E107", f"a name has at most {MAX_NAME} letters", self.span(start, end))

    def read_other(self, text: str, start: int, end: int) -> None:
        span = self.span(start, end)
        plain = LOOKALIKES.get(text)
        if plain:
            self.problem(
                "E109", f"`{text}` is not a sign of the language", span, f"Write `{plain}`."
            )
            self.add(SYMBOLS[plain], start, end, plain)
            return
        shown = f"`{text}`" if text.isprintable() else f"the character U+{ord(text):04X}"
        self.problem("E109", f"{shown} has no meaning here", span, HINTS.get(text, ""))


def _in_name(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LM" or character.isdecimal()


def shortened(text: str) -> str:
    """Return the text, or its beginning if it is too long to be quoted in a message."""
    return text if len(text) <= 30 else text[:29] + "…"


def type_name(type_: str) -> str:
    """Say in words what a token of this type is."""
    return {"A_DATE": "a date", "A_TIME": "a time", "AN_INSTANT": "a date with a time"}[type_]


def tokenize(source: SourceFile) -> Tokens:
    """Split a file into tokens. Never raises; what is misspelt is told and given a stand-in."""
    size = (
        len(source.text.encode("utf-8", "surrogatepass")) if len(source.text) <= MAX_BYTES else None
    )
    if size is None or size > MAX_BYTES:
        message = f"this file is larger than {MAX_BYTES // 1024} KiB"
        hint = "Split it: several files are one program."
        span = Span(file=source.name, end=1, end_column=2)
        return Tokens(diagnostics=[Diagnostic("E105", message, span, hint)], too_large=True)
    return _Reader(source).read()
