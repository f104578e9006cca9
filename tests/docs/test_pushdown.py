"""docs/pushdown.md: what it says can be pushed down is, what it says cannot is refused."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

import dsl
from tests.docs.pages import ROOT, blocks

EVERY = list(blocks(ROOT / "docs" / "pushdown.md"))
MOMENT = datetime(2026, 3, 5, 12, tzinfo=UTC)
REFUSED = [
    (block.text, reason.text.strip())
    for block, reason in pairwise(EVERY)
    if "refused" in block.words
]
PUSHED = [block.text for block in EVERY if block.language == "rules" and not block.words]


def compile_all(text):
    program = dsl.check([dsl.SourceFile("rules", text)]).program
    assert program is not None
    for segment in program.segments.values():
        dsl.to_mongo(segment.condition, dsl.Layout(), dsl.Moment(MOMENT, "UTC", program))


@pytest.mark.parametrize("text", PUSHED)
def test_what_can_be_pushed_down_is(text):
    compile_all(text)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_cannot_be_pushed_down_is_refused_for_the_reason_given(text, reason):
    with pytest.raises(dsl.NotPushable) as refusal:
        compile_all(text)

    assert refusal.value.reason == reason
