"""An import: a file's rows taken in page by page, and what became of them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ImportKind(StrEnum):
    USERS = "users"
    PRODUCTS = "products"
    ORDERS = "orders"
    EVENTS = "events"


class ImportState(StrEnum):
    RECEIVING = "receiving"  # the file is being sent
    RUNNING = "running"  # its rows are being worked on, or wait for that
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self in (ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.refused + other.refused,
        )

    @property
    def read(self) -> int:
        return self.created + self.updated + self.unchanged + self.refused

    @property
    def written(self) -> int:
        return self.created + self.updated


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked of an import beside its rows.

    Without `points` none are earned; without `consents` nobody who is known here already is made to
    agree to anything.
    """

    dry_run: bool = False
    points: bool = False
    consents: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """`id` is the key that it was sent under, `by` who sent it, `digest` the SHA-256 of the file.

    `head` are the columns of a CSV file, `mapping` is JSON (services.importing.mapping). `pages`
    and `rows` have been received; the next page to be worked on is `next_page`. `touched_at` (wall
    time) is when something of the file last arrived, or a page was done.
    """

    id: str
    kind: ImportKind
    table: str
    mapping: str
    by: str
    started_at: datetime
    touched_at: datetime
    options: Options = field(default_factory=Options)
    state: ImportState = ImportState.RECEIVING
    head: tuple[str, ...] = ()
    digest: str = ""
    pages: int = 0
    rows: int = 0
    next_page: int = 0
    tally: Tally = field(default_factory=Tally)
    failures: int = 0
    reason: str = ""
    finished_at: datetime | None = None

    @property
    def written(self) -> int:
        """Return how many rows were written: none of a dry run."""
        return 0 if self.options.dry_run else self.tally.written

    def asks_for_the_same(self, other: "Import") -> bool:
        """Whether two are of one kind, mapped and meant alike."""
        return (self.kind, self.table, self.mapping, self.options) == (
            other.kind,
            other.table,
            other.mapping,
            other.options,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was sent: the cells of CSV, or a line of JSON. The head of CSV is row 1."""

    number: int
    cells: tuple[str, ...] | str


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was refused, and what to do about it. It does not repeat what the row says."""

    row: int
    field: str
    code: str
    message: str
    hint: str = ""
