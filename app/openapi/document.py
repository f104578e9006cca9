"""The description itself: every address that the API process serves, but for the playground."""

from importlib.metadata import version

from app.openapi.parts import (
    BINARY,
    LINES,
    SIGNED_IN,
    TEXT,
    Part,
    content,
    ok,
    operation,
    path,
    query,
    ref,
    tagged,
)
from app.openapi.schemas import SCHEMAS
from models.export import ExportKind
from models.imports import ImportKind

_FLAG: Part = {"type": "boolean", "default": False}
_FORMAT: Part = {"enum": ["csv", "ndjson"], "default": "csv"}
_KIND = path("kind", "What the rows are of.", {"enum": [kind.value for kind in ImportKind]})
_KEY = path("key", "What the file was sent under.")
_TOKEN = path("token", "What the link says, sealed.")
_PAGE = content("text/html", TEXT)
_JSON = "application/json"


def described() -> Part:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fanfare over HTTP",
            "version": version("fanfare"),
            "description": "What there is beside GraphQL: events, files and links. All else is "
            "asked at `/graphql`, whose schema is in `schema/schema.graphql`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": {
            **tagged("graphql", _graphql()),
            **tagged("events", _events()),
            **tagged("files", _imports() | _exports()),
            **tagged("links", _links()),
            **tagged("operations", _health()),
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, or the access token of a session.",
                }
            },
        },
    }


_TAGS = {
    "graphql": "Everything that is not here.",
    "events": "What happened, told by the shop's other systems.",
    "files": "Lists that come in and go out.",
    "links": "Where links in messages lead. For people and mail programs.",
    "operations": "For those who run it.",
}


def _graphql() -> Part:
    asked = content(_JSON, {"type": "object", "required": ["query"]})
    answer = {"200": ok("The answer.", content("application/graphql-response+json", {}))}
    return {
        "/graphql": {
            "get": operation(
                "queryGraphql",
                "Ask a query",
                answer,
                parameters=[query("query", "The document. Mutations are not asked so.")],
                refusals=("400", "401", "503"),
            ),
            "post": operation(
                "postGraphql",
                "Ask a query or have a mutation carried out",
                answer,
                description="Subscriptions are answered with `Accept: text/event-stream`, or over "
                "WebSocket at the same address (`graphql-transport-ws`).",
                body=asked,
                refusals=("400", "401", "413", "503"),
            ),
        }
    }


def _events() -> Part:
    verdicts = {**content(LINES, ref("Verdict")), **content(_JSON, ref("Verdicts"))}
    batch = {"type": "array", "items": ref("CloudEvent")}
    return {
        "/v1/events": {
            "post": operation(
                "sendEvents",
                "Tell what happened",
                {"200": ok("A verdict on each, in the order sent.", verdicts)},
                description="At most 5 MiB, read as they arrive. An accepted event is on disk.",
                scope="EVENTS",
                body={
                    **content(LINES, ref("Event")),
                    **content(_JSON, ref("Event")),
                    **content("application/cloudevents+json", ref("CloudEvent")),
                    **content("application/cloudevents-batch+json", batch),
                },
                refusals=("400", "413", "415", "422", "429"),
            )
        },
        "/v1/bounces": {
            "post": operation(
                "sendBounces",
                "Tell what came back",
                {"200": ok("What became of each.", content(_JSON, ref("BounceVerdicts")))},
                scope="BOUNCES",
                body=content(
                    _JSON,
                    {
                        "type": "object",
                        "required": ["bounces"],
                        "properties": {"bounces": {"type": "array", "items": ref("Bounce")}},
                    },
                ),
                refusals=("400", "413"),
            )
        },
    }


def _imports() -> Part:
    shown = content(_JSON, ref("Import"))
    kept = ok(
        "Documents; the last line says that it is complete.", content(LINES, {"type": "object"})
    )
    return {
        "/v1/person": {
            "get": operation(
                "fetchPerson",
                "Everything that is kept of somebody",
                {"200": kept},
                description="Of somebody else than who asks.",
                scope="PEOPLE",
                parameters=[
                    query("user", "Whose: an id of GraphQL's."),
                    query("externalId", "The same by an id of the shop's own system, instead."),
                ],
                refusals=("400", "404"),
            ),
            "post": operation(
                "fetchOwnPerson",
                "Everything that is kept of whoever asks",
                {"200": kept},
                description="With their password, since a token alone can be stolen.",
                scope=SIGNED_IN,
                body=content(
                    _JSON,
                    {
                        "type": "object",
                        "required": ["password"],
                        "properties": {"password": TEXT},
                    },
                ),
                refusals=("400", "409", "429"),
            ),
        },
        "/v1/imports/{kind}": {
            "post": operation(
                "sendImport",
                "Send a file of people, products, orders or events",
                {"202": ok("All of it has been received; its rows are taken in now.", shown)},
                description="At most 100 MiB, read as it arrives. The same file under the same key "
                "is the same import.",
                scope="IMPORTS",
                parameters=[
                    _KIND,
                    query("key", "Makes it safe to send again."),
                    query("format", "What the file is, if Content-Type does not say.", _FORMAT),
                    query("delimiter", "Of CSV.", {"enum": ["comma", "semicolon", "tab"]}),
                    query("mapping", "JSON that says which column is what."),
                    query("dryRun", "Write nothing.", _FLAG),
                    query("points", "Have orders and events earn points.", _FLAG),
                    query("consents", "Let it make people who are known agree.", _FLAG),
                ],
                body={**content("text/csv", TEXT), **content(LINES, {"type": "object"})},
                refusals=("400", "404", "409", "413", "415", "429"),
            )
        },
        "/v1/imports/{kind}/{key}": {
            "get": operation(
                "showImport",
                "How far an import is",
                {"200": ok("The import.", shown)},
                scope="IMPORTS",
                parameters=[_KIND, _KEY],
                refusals=("404",),
            )
        },
        "/v1/imports/{kind}/{key}/errors": {
            "get": operation(
                "listImportErrors",
                "The rows that were refused",
                {
                    "200": ok(
                        "By their numbers.",
                        {**content("text/csv", TEXT), **content(LINES, ref("RefusedRow"))},
                    )
                },
                scope="IMPORTS",
                parameters=[_KIND, _KEY, query("format", "What to answer.", _FORMAT)],
                refusals=("404",),
            )
        },
    }


def _exports() -> Part:
    time: Part = {"type": "string", "format": "date-time"}
    kinds: Part = {"enum": [kind.value for kind in ExportKind]}
    return {
        "/v1/exports/{kind}": {
            "get": operation(
                "fetchExport",
                "Fetch a list",
                {
                    "200": ok(
                        "The list, in chunks. If the last one is missing, it broke off.",
                        {**content("text/csv", TEXT), **content(LINES, {"type": "object"})},
                    )
                },
                description="With personal data for administrators, and keys with the scope "
                "`PERSONAL` as well.",
                scope="EXPORTS",
                parameters=[
                    path("kind", "Which list.", kinds),
                    query("format", "What to answer.", _FORMAT),
                    query("segment", "Whose `members`."),
                    query("since", "People known, or orders placed, from then on.", time),
                    query("until", "People known, or orders placed, before that.", time),
                ],
                refusals=("400", "404", "429"),
            )
        }
    }


def _links() -> Part:
    gone = {"404": ok("The link is no longer good.", _PAGE)}
    away = {"503": ok("A part is away; try again shortly.", _PAGE)}
    return {
        "/c/{token}": {
            "get": operation(
                "click",
                "Lead on to where a link leads",
                {"302": ok("There."), **gone},
                parameters=[_TOKEN],
            )
        },
        "/o/{token}": {
            "get": operation(
                "opened",
                "The picture that says that a message was opened",
                {"200": ok("A picture of one pixel.", content("image/gif", BINARY))},
                parameters=[_TOKEN],
            )
        },
        "/u/{token}": {
            "get": operation(
                "showUnsubscribe",
                "Ask whether somebody wants no more of something",
                {"200": ok("A page with a button. Looking changes nothing.", _PAGE), **gone},
                parameters=[_TOKEN],
            ),
            "post": operation(
                "unsubscribe",
                "Withdraw a consent (RFC 8058)",
                {"200": ok("It is withdrawn.", _PAGE), **gone, **away},
                parameters=[_TOKEN],
            ),
        },
    }


def _health() -> Part:
    ready = content(_JSON, ref("Ready"))
    return {
        "/healthz": {
            "get": operation(
                "health",
                "Whether the process runs",
                {"200": ok("It does.", content("text/plain", TEXT))},
            )
        },
        "/readyz": {
            "get": operation(
                "readiness",
                "Whether requests can be served",
                {"200": ok("They can.", ready), "503": ok("They cannot: MongoDB is away.", ready)},
            )
        },
        "/metrics": {
            "get": operation(
                "metrics",
                "Counters for Prometheus",
                {"200": ok("The counters.", content("text/plain", TEXT))},
            )
        },
        "/openapi.json": {
            "get": operation(
                "describe",
                "This description",
                {"200": ok("OpenAPI 3.1.", content(_JSON, {"type": "object"}))},
            )
        },
        "/docs": {
            "get": operation("read", "This description as a page", {"200": ok("A page.", _PAGE)})
        },
    }
