"""Which files are one program: those of a folder, as they are in the editor or else on disk."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pygls.uris import from_fs_path, to_fs_path

from dsl import SourceFile

SUFFIX = ".rules"
MOST_FILES = 500
MOST_BYTES = 256 * 1024
_LEFT_OUT = frozenset(["node_modules", "__pycache__"])


@dataclass(frozen=True, slots=True)
class Program:
    """The files of one program, by name, and the URI by which the editor knows each."""

    sources: tuple[SourceFile, ...]
    uris: Mapping[str, str]

    def name_of(self, uri: str) -> str:
        """Return the name of the file that has a URI."""
        return next(name for name, other in self.uris.items() if other == uri)

    def text_of(self, name: str) -> str:
        """Return a file's text."""
        return next(source.text for source in self.sources if source.name == name)


class Disk:
    """Reads files, and those that have not changed only once."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[tuple[int, int], str | None]] = {}

    def text(self, path: Path) -> str | None:
        """Return a file's text; None if it is gone, too large or no text."""
        try:
            stat = path.stat()
            stamp = stat.st_mtime_ns, stat.st_size
            if path in self._read and self._read[path][0] == stamp:
                return self._read[path][1]
            text = path.read_text(encoding="utf-8-sig") if stat.st_size <= MOST_BYTES else None
        except UnicodeDecodeError:
            text = None
        except OSError:
            return None
        self._read[path] = stamp, text
        return text


def folder_of(uri: str, folders: Sequence[str]) -> Path | None:
    """Return the innermost of the editor's folders that a file is in."""
    path = to_fs_path(uri)
    if path is None:
        return None
    roots = [Path(root) for folder in folders if (root := to_fs_path(folder))]
    around = [root for root in roots if Path(path).is_relative_to(root)]
    return max(around, key=lambda root: len(root.parts), default=None)


def program_of(folder: Path | None, opened: Mapping[str, str], disk: Disk) -> Program:
    """Return the program of a folder: its files and what is open of them.

    `opened` are texts by URI. Without a folder these alone are the program.
    """
    texts: dict[str, str] = {}
    uris: dict[str, str] = {}
    for uri, text in opened.items():
        name = _name(uri, folder)
        texts[name], uris[name] = text, uri
    for path in _files(folder) if folder else ():
        name = str(path.relative_to(folder)) if folder else str(path)
        if name in texts:
            continue
        text_on_disk, uri_on_disk = disk.text(path), from_fs_path(str(path))
        if text_on_disk is not None and uri_on_disk is not None:
            texts[name], uris[name] = text_on_disk, uri_on_disk
    sources = tuple(SourceFile(name, texts[name]) for name in sorted(texts))
    return Program(sources, uris)


def _name(uri: str, folder: Path | None) -> str:
    path = to_fs_path(uri)
    if path is None:
        return uri
    is_inside = folder is not None and Path(path).is_relative_to(folder)
    return str(Path(path).relative_to(folder)) if folder and is_inside else path


def _files(folder: Path) -> Iterator[Path]:
    found = 0
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _LEFT_OUT)
        for file in sorted(files):
            if file.endswith(SUFFIX):
                found += 1
                if found > MOST_FILES:
                    return
                yield Path(here, file)
