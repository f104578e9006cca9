"""docs/personal-data.md: what it says of each collection is what the table in the code says."""

from models.store.personal import HOLDINGS
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "personal-data.md").read_text(encoding="utf-8")


def test_the_table_is_that_of_the_code():
    rows = [
        f"| `{each.collection}` | {each.holds} | {each.fate.value} |"
        for each in HOLDINGS
        if each.is_personal
    ]

    assert "\n".join(rows) in PAGE
