"""RE2 patterns as MongoDB's PCRE: only those that mean the same in both and cannot run away.

RE2 takes time in proportion to the text, PCRE tries ways until it gives up with an error. So only
single characters may repeat, and only one without end where what follows could continue it.
"""

import re
from dataclasses import dataclass

from dsl.mongo.terms import Code, NotPushable, constant
from dsl.values import LONGEST_SUBJECT

Ranges = tuple[tuple[int, int], ...]  # characters, in code points, both ends included

_LAST = 0x10FFFF
_CLASSES: dict[str, Ranges] = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 10), (12, 13), (32, 32)),
}
_CONTROLS = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}
_REPEAT = re.compile(r"(?:([*+?])|\{([0-9]{1,4})(?:(,)([0-9]{0,4}))?\})(\?)?")
_MOST_REPEATS = 100
_MOST_WAYS = 128


def has_pattern(text: Code, pattern: Code) -> Code:
    """Whether a pattern is found in a text of at most 10 KiB."""
    written = constant(pattern)
    if not isinstance(written, str):
        raise NotPushable("a pattern that is stored cannot be looked through beforehand")
    found = {"$regexMatch": {"input": text, "regex": translate(written)}}
    return {"$and": [{"$lte": [{"$strLenBytes": text}, LONGEST_SUBJECT]}, found]}


@dataclass(frozen=True, slots=True)
class _Character:
    """One character of a set, repeated; `most` None is without end."""

    among: Ranges
    least: int = 1
    most: int | None = 1

    def overlaps(self, other: "_Character") -> bool:
        return any(a <= d and c <= b for a, b in self.among for c, d in other.among)


def translate(pattern: str) -> str:
    """Return a pattern for PCRE. Raises NotPushable if it could match differently or run away."""
    branches = [_branch(part) for part in _split(pattern)]
    return "|".join(branches)


def _split(pattern: str) -> list[str]:
    """Split a pattern into its alternatives; `|` is itself within a class or after a backslash."""
    parts = [""]
    escaped = in_class = False
    for char in pattern:
        if char == "|" and not escaped and not in_class:
            parts.append("")
            continue
        parts[-1] += char
        if not escaped:
            in_class = char == "[" or (in_class and char != "]")
        escaped = char == "\\" and not escaped
    return parts


def _branch(pattern: str) -> str:
    starts = pattern.startswith("^")
    ends = pattern.endswith("$") and not pattern.endswith("\\$")
    atoms = _Reader(pattern[int(starts) : len(pattern) - int(ends)]).atoms()
    endless, ways = 0, 1
    for at, atom in enumerate(atoms):
        if atom.most != atom.least and _ambiguous(atoms, at):
            endless += atom.most is None
            ways *= 1 if atom.most is None else atom.most - atom.least + 1
    if endless > 1 or ways > _MOST_WAYS:
        raise NotPushable("MongoDB could try this pattern in too many ways")
    text = "".join(_written(atom) for atom in atoms)
    return ("\\A" if starts else "") + text + ("\\z" if ends else "")


def _ambiguous(atoms: list[_Character], at: int) -> bool:
    """Whether what ends a repetition could also continue it."""
    for following in atoms[at + 1 :]:
        if atoms[at].overlaps(following):
            return True
        if following.least > 0:
            return False
    return False


def _written(atom: _Character) -> str:
    text = "[" + "".join(_range(a, b) for a, b in atom.among) + "]"
    if (atom.least, atom.most) == (1, 1):
        return text
    return text + f"{{{atom.least},{'' if atom.most is None else atom.most}}}"


def _range(first: int, last: int) -> str:
    return f"\\x{{{first:x}}}" + ("" if first == last else f"-\\x{{{last:x}}}")


def _inverse(ranges: Ranges) -> Ranges:
    result, start = [], 0
    for first, last in sorted(ranges):
        if start < first:
            result.append((start, first - 1))
        start = max(start, last + 1)
    if start <= _LAST:
        result.append((start, _LAST))
    return tuple(result)


class _Reader:
    """Reads characters, classes and repetitions; refuses everything else that RE2 knows."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def atoms(self) -> list[_Character]:
        found = []
        while self._at < len(self._pattern):
            found.append(self._repeated(self._one()))
        return found

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise NotPushable("this pattern has an unfinished part")
        self._at += 1
        return self._pattern[self._at - 1]

    def _one(self) -> Ranges:
        match char := self._next():
            case "\\":
                return self._escape()
            case "[":
                return self._class()
            case ".":
                return _inverse(((10, 10),))
            case _ if char in "^$()|*+?{}]":
                raise NotPushable(f"MongoDB may read {char!r} in a pattern differently")
        return ((ord(char), ord(char)),)

    def _escape(self) -> Ranges:
        char = self._next()
        if char.lower() in _CLASSES:
            ranges = _CLASSES[char.lower()]
            return ranges if char.islower() else _inverse(ranges)
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),)
        if char.isascii() and not char.isalnum():
            return ((ord(char), ord(char)),)
        raise NotPushable(f"MongoDB may read \\{char} in a pattern differently")

    def _class(self) -> Ranges:
        negated = self._pattern[self._at : self._at + 1] == "^"
        self._at += int(negated)
        ranges: list[tuple[int, int]] = []
        while (char := self._next()) != "]" or not ranges:
            if char in "[]":
                raise NotPushable("MongoDB may read a class within a class differently")
            one = self._escape() if char == "\\" else ((ord(char), ord(char)),)
            rest = self._pattern[self._at : self._at + 2]
            if len(rest) == 2 and rest[0] == "-" and rest[1] != "]":
                self._at += 1
                char = self._next()
                last = self._escape() if char == "\\" else ((ord(char), ord(char)),)
                one = _between(one, last)
            ranges.extend(one)
        return _inverse(tuple(ranges)) if negated else tuple(sorted(ranges))

    def _repeated(self, among: Ranges) -> _Character:
        found = _REPEAT.match(self._pattern, self._at)
        if found is None:
            return _Character(among)
        self._at = found.end()
        sign, least, comma, most, _lazy = found.groups()
        if sign is not None:
            return _Character(among, int(sign == "+"), 1 if sign == "?" else None)
        low = int(least)
        high = low if comma is None else int(most) if most else None
        if max(low, high or 0) > _MOST_REPEATS or (high is not None and high < low):
            raise NotPushable("this pattern repeats too often")
        return _Character(among, low, high)


def _between(first: Ranges, last: Ranges) -> Ranges:
    low, high = first[0], last[0]
    if len(first) > 1 or len(last) > 1 or low[0] != low[1] or high[0] != high[1] or low > high:
        raise NotPushable("MongoDB may read this range of a pattern differently")
    return ((low[0], high[0]),)
