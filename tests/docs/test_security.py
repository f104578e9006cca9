"""docs/security.md: the tests that it names are there."""

import re

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")][2:]


def named(row: str) -> dict[str, list[str]]:
    """Return the tests in the last cell of a row, by their files."""
    found: dict[str, list[str]] = {}
    for part in row.rpartition(" | ")[2].split("; "):
        file, *tests = re.findall(r"`([^`]+)`", part)
        found[file] = tests
    return found


def test_each_row_names_tests_that_there_are():
    missing = [
        f"{file}: {test}"
        for row in ROWS
        for file, tests in named(row).items()
        for test in tests
        if not re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]

    assert missing == []
    assert len(ROWS) == 16
    assert all(all(named(row).values()) for row in ROWS)
