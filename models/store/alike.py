"""Changing many documents in one statement, each to values of its own.

MongoDB takes a third to a half as long for them as for statements of their own, for each of which
it plans, locks and checks. What a document is changed to is found by the place of its id. Of values
that are large, several statements are made.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bson import encode
from pymongo import UpdateMany, UpdateOne

from models.store.database import BY_ID, Document

# Bytes of a statement, which MongoDB limits to 16 MiB; that of a page has a hundred thousand.
LARGEST = 4 * 1024 * 1024

Fields: TypeAlias = Mapping[str, Any]
_Shape: TypeAlias = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of a document, by paths, if its fields are as they `were`: None if missing.

    `first` are of the first of a field's documents. `merge` adds to what a field holds, or replaces
    what it holds by the same names; `most` stays if it is more. `now` are set to the server's time.
    None of the paths that are written lies within another.
    """

    id: str
    were: Fields = field(default_factory=dict)
    first: Fields = field(default_factory=dict)
    set: Fields = field(default_factory=dict)
    merge: Mapping[str, Fields] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    most: Fields = field(default_factory=dict)
    now: Sequence[str] = ()
    unset: Sequence[str] = ()

    @property
    def which(self) -> Document:
        """The query for the document as it was."""
        first = {_indexed(path): value for path, value in self.first.items()}
        return {"_id": self.id, **self.were, **first}

    @property
    def update(self) -> Document:
        """The update of it alone."""
        merged = {
            f"{path}.{name}": value
            for path, fields in self.merge.items()
            for name, value in fields.items()
        }
        parts = {
            "$set": {**self.set, **merged},
            "$inc": self.add,
            "$max": self.most,
            "$currentDate": dict.fromkeys(self.now, True),
            "$unset": dict.fromkeys(self.unset, ""),
        }
        return {operator: fields for operator, fields in parts.items() if fields}

    @property
    def shape(self) -> _Shape:
        """What it is alike others in."""
        given = (self.were, self.first, self.set, self.merge, self.add, self.most)
        return (*map(tuple, given), tuple(self.now), tuple(self.unset))


def changing(changes: Iterable[Change]) -> list[UpdateOne | UpdateMany]:
    """Return the statements that make changes of different documents, for a bulk in any order."""
    by_shape: dict[_Shape, list[Change]] = {}
    for change in changes:
        by_shape.setdefault(change.shape, []).append(change)
    return [statement for alike in by_shape.values() for statement in _statements(alike)]


def _statements(alike: Sequence[Change]) -> Iterator[UpdateOne | UpdateMany]:
    if len(alike) == 1:
        (one,) = alike
        yield UpdateOne(one.which, one.update, hint=BY_ID)
        return
    which, stages = _together(alike)
    if len(encode({"q": which, "u": stages})) <= LARGEST:
        yield UpdateMany(which, stages, hint=BY_ID)
        return
    half = len(alike) // 2
    yield from _statements(alike[:half])
    yield from _statements(alike[half:])


def _together(alike: Sequence[Change]) -> tuple[Document, list[Document]]:
    one = alike[0]
    ids = [change.id for change in alike]
    place = {"$indexOfArray": [{"$literal": ids}, "$_id"]}

    def each(values: list[Any]) -> Document:
        return {"$arrayElemAt": [{"$literal": values}, place]}

    known = [*(f"${path}" for path in one.were), *map(_of_first, one.first)]
    were = [[*change.were.values(), *change.first.values()] for change in alike]
    fields: Document = dict.fromkeys(one.now, "$$NOW")
    for path in one.set:
        fields[path] = each([change.set[path] for change in alike])
    for path in one.merge:
        new = each([change.merge[path] for change in alike])
        fields[path] = {"$mergeObjects": [f"${path}", new]}
    for path in one.add:
        fields[path] = {
            "$add": [{"$ifNull": [f"${path}", 0]}, each([change.add[path] for change in alike])]
        }
    for path in one.most:
        fields[path] = {"$max": [f"${path}", each([change.most[path] for change in alike])]}
    stages: list[Document] = [{"$set": fields}] if fields else []
    if one.unset:
        stages.append({"$unset": [*one.unset]})
    return {"_id": {"$in": ids}, "$expr": {"$eq": [known, each(were)]}}, stages


def _indexed(path: str) -> str:
    parent, _, name = path.rpartition(".")
    return f"{parent}.0.{name}"


def _of_first(path: str) -> Document:
    parent, _, name = path.rpartition(".")
    return {"$getField": {"field": name, "input": {"$first": f"${parent}"}}}
