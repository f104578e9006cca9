"""When windows are open, and until when."""

from datetime import UTC, datetime

import pytest

from dsl import Moment
from engine.schedule import ends, is_active
from tests.engine.shop import program_of

FRIDAY = datetime(2026, 3, 6, 17, 30, tzinfo=UTC)


def windows(*clauses):
    rules = f"promotion p {{ {' '.join(clauses)} take 1 USD off cart }}"
    program = program_of(rules)
    return program.promotions["p"].active, Moment(FRIDAY, "UTC", program)


@pytest.mark.parametrize(
    ("clauses", "until"),
    [
        ([], None),
        (["active from 2026-03-01"], None),
        (["active from 2026-03-01 to 2026-03-31"], datetime(2026, 4, 1, tzinfo=UTC)),
        (["active every friday 17:00 to 19:00"], datetime(2026, 3, 6, 19, tzinfo=UTC)),
        (
            ["active every friday 17:00 to 19:00", "active from 2026-03-01 to 2026-03-06T18:00"],
            datetime(2026, 3, 6, 18, tzinfo=UTC),
        ),
        (["active every friday 17:00 to 02:00"], datetime(2026, 3, 7, 2, tzinfo=UTC)),
        (
            ['active every friday 18:00 to 19:00 in "Europe/Berlin"'],
            datetime(2026, 3, 6, 18, tzinfo=UTC),
        ),
    ],
)
def test_what_is_open_ends_with_the_first_of_its_windows(clauses, until):
    active, moment = windows(*clauses)

    assert is_active(active, moment)
    assert ends(active, moment) == until
