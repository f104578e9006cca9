"""The description of what there is over HTTP: complete, valid, and shown safely."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.routing import Mount, Route, WebSocketRoute

from app.asgi import build
from app.openapi.document import described
from app.openapi.page import page
from app.openapi.routes import printed
from app.settings import Settings
from models.api_key import Scope
from tests.client import SECRET

COMMITTED = Path(__file__).parents[2] / "schema" / "openapi.json"
DOCUMENT = described()
OPERATIONS = {
    f"{method} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def served() -> set[str]:
    """Return what the application answers, by method and path."""
    app = build(Settings(secret=SecretStr(SECRET)))
    found = set()
    for route in app.routes:
        match route:
            case Route():
                path = re.sub(r":\w+}", "}", route.path)
                found |= {f"{m.lower()} {path}" for m in route.methods or ()}
            case WebSocketRoute():
                assert route.path == "/graphql"  # named in its description
            case Mount():
                assert route.path == ""  # the playground's files
            case _:
                raise AssertionError(route)
    return {each for each in found if not each.startswith("head ")}


def test_every_route_has_an_entry_and_every_entry_a_route() -> None:
    assert served() == set(OPERATIONS)


def test_it_is_valid_openapi() -> None:
    from openapi_spec_validator import validate  # takes seconds: not in every worker

    validate(json.loads(printed()))


def test_the_committed_document_is_the_one_served() -> None:
    """If this fails: `fanfare openapi > schema/openapi.json`, and look at the difference."""
    assert COMMITTED.read_text(encoding="utf-8") == printed()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_names_its_own_parameters_and_a_scope_that_there_is(name: str) -> None:
    operation, path = OPERATIONS[name], name.partition(" ")[2]
    parameters = operation.get("parameters", [])

    in_path = [each["name"] for each in parameters if each["in"] == "path"]
    assert in_path == re.findall(r"{(\w+)}", path)
    if operation["security"]:
        described = operation["description"]
        scopes = set(re.findall(r"scope `(\w+)`\.$", described)) & set(Scope.__members__)
        assert scopes or described.endswith("For everybody who is signed in.")


class Page(HTMLParser):
    """Collects what a page loads, leads to, and can be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.given: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.given += [(name, value or "") for name, value in attrs]

    def values(self, name: str) -> set[str]:
        return {value for given, value in self.given if given == name}


def test_the_page_shows_every_operation_and_needs_no_script_and_nobody_else() -> None:
    shown = Page(page(DOCUMENT))

    assert {operation["operationId"] for operation in OPERATIONS.values()} <= shown.values("id")
    assert {f"schema-{name}" for name in DOCUMENT["components"]["schemas"]} <= shown.values("id")
    links = shown.values("href")
    assert links - {"reference.css", "openapi.json"} <= {f"#{id_}" for id_ in shown.values("id")}
    assert not shown.tags & {"script", "style", "img", "iframe", "object", "form"}
    assert not {name for name, _ in shown.given if name.startswith("on") or name == "style"}


def test_what_descriptions_say_is_text() -> None:
    document = json.loads(json.dumps(DOCUMENT).replace("Tell what happened", "<script>x</script>"))

    assert "script" not in Page(page(document)).tags


async def test_both_are_served_with_the_styles(api) -> None:
    answer = await api.http.get("/openapi.json")
    assert (answer.status_code, answer.text) == (200, printed())
    answer = await api.http.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert (await api.http.get("/reference.css")).status_code == 200
