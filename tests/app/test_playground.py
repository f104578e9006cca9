"""The playground's page: what it asks exists, and what it needs is served."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from resolvers.api import api as schema
from tests.client import Api

PLAYGROUND = Path(__file__).parents[2] / "app" / "playground"
SCRIPT = (PLAYGROUND / "playground.js").read_text(encoding="utf-8")
# Every operation is a literal of its own, that nothing is put into.
OPERATIONS = re.findall(r"`((?:query|mutation|\{)\s[^`]*)`", SCRIPT)


def test_the_page_asks_for_what_it_shows() -> None:
    asked = " ".join(OPERATIONS)

    for field in (
        *("checkRules", "formatRules", "completeRules", "quoteCart", "segmentPreview"),
        *("campaigns", "users", "signIn", "refreshSession", "signOut"),
    ):
        assert f"{field}" in asked


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_fits_the_schema(operation: str) -> None:
    assert validate(schema._schema, parse(operation)) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/playground.js", "text/javascript"),
        ("/completion.js", "text/javascript"),
        ("/playground.css", "text/css"),
    ],
)
async def test_the_page_and_its_parts_are_served(api: Api, path: str, kind: str) -> None:
    response = await api.http.get(path)

    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = (PLAYGROUND / "index.html").read_text(encoding="utf-8")

    assert set(re.findall(r'(?:src|href)="([^"#:]+)"', page)) == {
        "playground.css",
        "playground.js",
    }
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", page + SCRIPT)
