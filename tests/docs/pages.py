"""The project's pages: what stands between fences, and what is to be done with it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
)

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences. `words` are what follows the language.

    `file=NAME` saves it beside the page's other files, `with=NAME` reads it together with that one.
    """

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    @property
    def id(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def value(self, name: str) -> str | None:
        """Return what `name=…` says after the language."""
        return next((w.partition("=")[2] for w in self.words if w.startswith(name + "=")), None)


def blocks(page: Path) -> Iterator[Block]:
    """Yield the page's fenced blocks in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        language, *words = match["info"].split() or [""]
        line = text.count("\n", 0, match.start()) + 1
        yield Block(page, line, language, tuple(words), match["text"])


def matches(shown: str, real: str) -> bool:
    """Whether a text is what a page shows of it: there, a line of `…` stands for any lines."""
    parts = [re.escape(part) for part in re.split(r"^[ ]*…\n", shown, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*?".join(parts), real) is not None
