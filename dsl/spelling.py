"""How names and text are spelt: scripts of letters, escapes in text."""

import re
import unicodedata
from dataclasses import dataclass

_ESCAPE = re.compile(r"\\(u\{[^}]*\}|u|.)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PLAIN = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_CODE_POINT = re.compile(r"u\{([0-9A-Fa-f]{1,6})\}")

# Scripts that are written together: a Japanese or Korean name in one of them is in one script.
_TOGETHER = {
    "CJK": "East Asian writing",
    "IDEOGRAPHIC": "East Asian writing",
    "HIRAGANA": "East Asian writing",
    "KATAKANA": "East Asian writing",
    "HANGUL": "East Asian writing",
    "BOPOMOFO": "East Asian writing",
}


@dataclass(frozen=True, slots=True)
class Misspelt:
    """A problem within a text, at an offset of it."""

    start: int
    length: int
    message: str
    hint: str = ""


def normal_name(written: str) -> str:
    """Return a name in the form in which names are compared: Unicode's NFC."""
    return written if written.isascii() else unicodedata.normalize("NFC", written)


def _script(character: str) -> str:
    # The standard library does not tell scripts; a letter's name begins with its script's.
    word = unicodedata.name(character, "OTHER").split()[0].partition("-")[0]
    return _TOGETHER.get(word, word.capitalize())


def mixed_scripts(name: str) -> str:
    """Return the scripts of a name's letters in words if there are several, else ""."""
    scripts = dict.fromkeys(
        _script(character)
        for character in name
        if unicodedata.category(character)[0] == "L"
        or (character.isdecimal() and not character.isascii())
    )
    return " and ".join(scripts) if len(scripts) > 1 else ""


def read_text(inner: str) -> tuple[str, list[Misspelt]]:
    """Resolve the escapes of what stands between the quotes."""
    problems = [
        Misspelt(m.start(), 1, "a control character in text", f"Write `\\u{{{ord(m[0]):x}}}`.")
        for m in _CONTROL.finditer(inner)
    ]
    if "\\" not in inner:
        return inner, problems

    def resolve(match: re.Match[str]) -> str:
        written = match[1]
        if written in _PLAIN:
            return _PLAIN[written]
        code = _CODE_POINT.fullmatch(written)
        if code is None:
            hint = 'Text knows `\\"`, `\\\\`, `\\n`, `\\t` and `\\u{1F600}`.'
            message = f"`{match[0]}` has no meaning in text"
            problems.append(Misspelt(match.start(), len(match[0]), message, hint))
            return ""
        point = int(code[1], 16)
        if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
            message = f"there is no character `{match[0]}`"
            problems.append(Misspelt(match.start(), len(match[0]), message))
            return ""
        return chr(point)

    return _ESCAPE.sub(resolve, inner), problems


def write_text(value: str) -> str:
    """Write a text between quotes, so that reading it gives the same value."""

    def escape(character: str) -> str:
        match character:
            case '"' | "\\":
                return "\\" + character
            case "\n":
                return "\\n"
            case "\t":
                return "\\t"
        hidden = unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cf", "Co", "Cn")
        # Joiners are part of how emoji and some scripts are written.
        if hidden and character not in "\u200c\u200d\u200e\u200f":
            return f"\\u{{{ord(character):x}}}"
        return character

    return '"' + "".join(map(escape, value)) + '"'
