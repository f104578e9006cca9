"""docs/feed.md: what it says is told is what the code tells, and `alerts` picks from it."""

import ast
import re

from models.claim import ClaimState
from models.delivery import wants
from models.feed import KINDS
from models.points import Reason
from resolvers.feed import ALERTS
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "feed.md").read_text(encoding="utf-8")
EVERY = {f"{noun}.{verb}" for noun, verbs in KINDS.items() for verb in verbs}
# A call that only a webhook gets that is tried out.
PING = "webhook.ping"
# Of calls the noun is worked out, too: what an effect is, and what became of it.
WORKED_OUT = {"call"}


def test_the_page_has_a_row_for_each_noun_with_all_its_verbs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)

    shown = {noun: set(re.findall(r"\w+", verbs)) for noun, verbs in rows}

    assert shown == {noun: set(verbs) for noun, verbs in KINDS.items()}


def written() -> set[str]:
    """Return what reads like a kind of entry, or its beginning, where the code makes entries."""
    pattern = re.compile(rf"({'|'.join(KINDS)})\.\w*")
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("services", "models")
        for path in (ROOT / folder).rglob("*.py")
    ]
    return {
        node.value
        for source in sources
        if "FeedEntry(" in source
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and pattern.fullmatch(node.value)
    }


def test_the_code_tells_of_nothing_else() -> None:
    found = written()

    assert {kind for kind in found if not kind.endswith(".")} - {PING} <= EVERY
    assert {kind.partition(".")[0] for kind in found} == set(KINDS) - WORKED_OUT


def test_verbs_that_are_states_are_all_there() -> None:
    assert set(KINDS["claim"]) == {state.value for state in ClaimState}
    # Promotions award as journeys do, and what is undone moves nothing.
    moved = set(Reason) - {Reason.PROMOTION, Reason.UNDONE}
    assert set(KINDS["points"]) == {reason.value for reason in moved}


def test_every_alert_is_of_a_kind_that_there_is() -> None:
    for pattern in ALERTS:
        assert any(wants((pattern,), kind) for kind in EVERY), pattern
    told = [kind for kind in sorted(EVERY) if wants(ALERTS, kind)]

    section = PAGE[PAGE.index("The subscription `alerts`") : PAGE.index("## Orders")]
    for kind in told:
        assert f"`{kind}`" in section or f"`{kind.partition('.')[0]}`" in section, kind
