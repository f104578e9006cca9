"""Which column says which of our fields: given as JSON, checked when the file begins to arrive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import msgspec

from models.errors import Invalid
from models.imports import ImportKind, Row
from models.user import CONSENTS
from services.cells import bare

LONGEST = 16 * 1024

# The fields of each kind; one that ends in a dot stands for all that begin so.
FIELDS: Mapping[ImportKind, tuple[str, ...]] = {
    ImportKind.USERS: (
        *("externalId", "email", "name", "locale", "timezone", "birthday", "phone", "createdAt"),
        *("tags", *(f"consent.{name}" for name in CONSENTS), "attributes."),
    ),
    ImportKind.PRODUCTS: (
        *("sku", "name", "category", "brand", "department", "size", "price", "floor"),
    ),
    ImportKind.ORDERS: (
        *("orderId", "user", "placedAt", "total", "shipping", "cancelledAt", "items"),
        *("item.sku", "item.name", "item.category", "item.brand", "item.quantity"),
        *("item.discount", "item.amount", "data."),
    ),
    ImportKind.EVENTS: ("id", "name", "user", "anonymousId", "source", "occurredAt", "data."),
}


class Refused(Exception):
    """A row cannot be taken: which field is wrong, in what way, and what to do."""

    def __init__(self, field: str, code: str, message: str, hint: str = "") -> None:
        self.field, self.code, self.message, self.hint = field, code, message, hint
        super().__init__(f"{field}: {message}")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a field comes from: a column, or always the same `constant`.

    `default` stands where the column says nothing, and `values` translates what it says. `format`
    is how its dates and times are written (as for strptime), `decimal` what its numbers have before
    the decimals.
    """

    column: str | None = None
    constant: Any = None
    default: Any = None
    values: dict[str, Any] | None = None
    format: str | None = None
    decimal: str = "."


PLAIN = Source()


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping that is ready. Without `sources` columns, or JSON, are called as fields are."""

    kind: ImportKind
    sources: Mapping[str, Source]

    def check(self, head: Sequence[str]) -> None:
        """Hold the mapping against the columns there are. Raises Invalid."""
        if not self.sources:
            for column in filter(None, head):
                if not _is_field(column, self.kind):
                    raise Invalid(_no_field(column, self.kind), code="UNKNOWN_FIELD")
            return
        for name, source in self.sources.items():
            if source.column is not None and source.column not in head:
                near = get_close_matches(source.column, head, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(head)}"
                raise Invalid(
                    f"The mapping has {name} from a column {source.column!r}, which the file does "
                    f"not have: {hint[:500]}",
                    code="UNKNOWN_COLUMN",
                    field=("mapping", name),
                )

    def read(self, row: Row, head: Sequence[str]) -> dict[str, Any]:
        """Return what a row says, by field: what it leaves empty is not there. Raises Refused."""
        if isinstance(row.cells, str):
            said = _json(row.cells)
            if self.sources:
                return self._picked(lambda column: _at(said, column))
            return self._named(said)
        if len(row.cells) > len(head):
            raise Refused(
                "",
                "COLUMNS",
                f"has {len(row.cells)} cells where the head has {len(head)}",
                "put a cell that has the delimiter in it between quotes",
            )
        cells = dict(zip(head, row.cells, strict=False))
        if not self.sources:
            return {name: text for name, cell in cells.items() if name and (text := bare(cell))}
        return self._picked(lambda column: bare(cells.get(column, "")))

    def _named(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what JSON says in our own words, objects inside of it by dotted names."""
        found: dict[str, Any] = {}
        for name, value in said.items():
            inner = isinstance(value, Mapping) and any(
                field.startswith(f"{name}.") for field in FIELDS[self.kind]
            )
            found |= (
                {f"{name}.{part}": each for part, each in value.items()} if inner else {name: value}
            )
        for name in found:
            if not _is_field(name, self.kind):
                raise Refused(name[:100], "UNKNOWN_FIELD", _no_field(name, self.kind))
        return {name: value for name, value in found.items() if value is not None}

    def _picked(self, at: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, source in self.sources.items():
            value = source.constant if source.column is None else at(source.column)
            if source.values is not None and isinstance(value, str):
                value = source.values.get(value, value)
            if value is None or value == "":
                value = source.default
            if value is not None:
                found[name] = value
        return found

    def source(self, field: str) -> Source:
        """Return where a field comes from."""
        return self.sources.get(field, PLAIN)


def parse(text: str, kind: ImportKind) -> Mapped:
    """Return the mapping that JSON says; nothing: fields are called as they are. Raises Invalid."""
    if not text.strip():
        return Mapped(kind, {})
    if len(text) > LONGEST:
        raise Invalid(f"A mapping has at most {LONGEST:,} characters.", field=("mapping",))
    try:
        given = msgspec.json.decode(text, type=dict[str, str | Source])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise Invalid(
            f"The mapping is not what it should be: {error}. Each field has a column, as "
            '{"email": "E-Mail"}, or an object with column, constant, default, values, format or '
            "decimal.",
            field=("mapping",),
        ) from None
    sources = {}
    for name, said in given.items():
        if not _is_field(name, kind):
            raise Invalid(_no_field(name, kind), code="UNKNOWN_FIELD", field=("mapping", name))
        source = Source(said) if isinstance(said, str) else said
        if (source.column is None) == (source.constant is None):
            raise Invalid(f"{name} has either a column or a constant.", field=("mapping", name))
        if source.decimal not in (".", ","):
            raise Invalid(f"{name}: decimal is . or ,", field=("mapping", name, "decimal"))
        sources[name] = source
    return Mapped(kind, sources)


def _is_field(name: str, kind: ImportKind) -> bool:
    return any(
        name.startswith(known) and name != known if known.endswith(".") else name == known
        for known in FIELDS[kind]
    )


def _no_field(name: str, kind: ImportKind) -> str:
    known = [f"{each}…" if each.endswith(".") else each for each in FIELDS[kind]]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
    return f"{kind.value} have no field {name[:100]!r}: {hint} A mapping says which columns count."


def _json(line: str) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused("", "NOT_JSON", f"is not JSON: {error}") from None
    if not isinstance(said, dict):
        raise Refused("", "NOT_JSON", "is not a JSON object", "write one object to a line")
    return said


def _at(said: Mapping[str, Any], path: str) -> Any:
    """Return what is at a dotted path; a name that has dots itself goes first."""
    if path in said:
        return said[path]
    value: Any = said
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
