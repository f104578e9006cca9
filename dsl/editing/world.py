"""All files' facts and names, as far as half-written text lets them be known."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from threading import Lock
from typing import TypeVar

from dsl import nodes
from dsl.checker.programs import world_of
from dsl.checker.report import Report
from dsl.checker.world import World
from dsl.contents import Declared, outline
from dsl.diagnostics import SourceFile, Span
from dsl.parser import Parsed, parse
from dsl.program import Settings

Node = TypeVar("Node", bound=nodes.Node)


class _Trees:
    """Keeps the trees parsed last: between two keystrokes only one of many files changes."""

    most_characters = 512 * 1024

    def __init__(self) -> None:
        self._kept: OrderedDict[SourceFile, Parsed] = OrderedDict()
        self._characters = 0
        self._lock = Lock()

    def of(self, source: SourceFile) -> Parsed:
        """Return a file's tree."""
        with self._lock:
            if source in self._kept:
                self._kept.move_to_end(source)
                return self._kept[source]
        parsed = parse(source)
        with self._lock:
            if source not in self._kept:
                self._kept[source] = parsed
                self._characters += len(source.text)
            while self._characters > self.most_characters:
                dropped, _ = self._kept.popitem(last=False)
                self._characters -= len(dropped.text)
        return parsed


_TREES = _Trees()


@dataclass(frozen=True, slots=True)
class Known:
    """What files declare. `texts` are their sources by name."""

    world: World
    files: tuple[nodes.File, ...]
    texts: Mapping[str, str]

    def names(self, kind: str) -> dict[str, Declared]:
        """Return the declarations of a kind by name, those with errors inside too."""
        found: dict[str, Declared] = {}
        for file in self.files:
            for declared in (*outline(file), *_broken(file)):
                if declared.kind == kind:
                    found.setdefault(declared.name, declared)
        return found

    def declaration(self, name: str, *kinds: str) -> Declared | None:
        """Return the declaration of this name, of one of these kinds."""
        return next((d for kind in kinds if (d := self.names(kind).get(name))), None)

    def every(self) -> Iterable[nodes.Declaration]:
        """Return all declarations of all files."""
        return (declaration for file in self.files for declaration in file.declarations)

    def nodes_of(self, kind: type[Node]) -> Iterable[Node]:
        """Return all nodes of a kind, of all declarations."""
        waiting: list[object] = list(self.every())
        while waiting:
            node = waiting.pop()
            if isinstance(node, kind):
                yield node
            if isinstance(node, tuple):
                waiting += node
            elif isinstance(node, nodes.Node):
                waiting += (getattr(node, each.name) for each in fields(node))

    def name_span(self, declared: Declared) -> Span:
        """Return where a declaration's own name stands."""
        for node in self.every():
            if node.span == declared.span and not isinstance(
                node, nodes.Attributes | nodes.Example
            ):
                return node.name.span if node.name is not None else node.span
        return declared.span


def known(sources: Sequence[SourceFile], settings: Settings) -> Known:
    """Return what files declare together."""
    parsed: list[Parsed] = [_TREES.of(source) for source in sources]
    files = tuple(one.file for one in parsed)
    written = [declaration for file in files for declaration in file.declarations]
    world = world_of(written, settings, Report())
    return Known(world, files, {source.name: source.text for source in sources})


def _broken(file: nodes.File) -> Iterable[Declared]:
    for node in file.declarations:
        if isinstance(node, nodes.Broken) and node.name is not None:
            yield Declared(node.keyword, node.name.text, None, node.span)
