"""Windows in time as conditions."""

from collections.abc import Iterator, Sequence

from dsl.clauses import Active
from dsl.core import Apply, Const, Now
from dsl.kinds import BOOL, TIMESTAMP
from engine.matching.index import Condition


def within(windows: Sequence[Active]) -> Iterator[Condition]:
    """Yield that all windows have begun and none has ended; hours that recur are left aside."""
    for window in windows:
        if window.start is not None:
            yield Condition(Apply("<=", (Const(window.start, TIMESTAMP), Now()), BOOL))
        if window.end is not None:
            yield Condition(Apply("<", (Now(), Const(window.end, TIMESTAMP)), BOOL))
