"""The pieces that operations are described with."""

from collections.abc import Mapping, Sequence
from typing import Any

Part = dict[str, Any]

BINARY: Part = {"type": "string", "contentMediaType": "application/octet-stream"}
TEXT: Part = {"type": "string"}
LINES = "application/x-ndjson"
_REFUSALS = {
    "400": "Something asked for cannot be: the message says what.",
    "401": "Nobody is signed in, or the key is no longer good.",
    "403": "The caller's roles, or the key's scopes, do not allow this.",
    "404": "There is no such thing.",
    "409": "The key is that of something else.",
    "413": "The body is larger than this address takes.",
    "415": "The body is of a kind that this address does not take.",
    "422": "The one event is rejected; trying again does not help.",
    "429": "Too much waits or is under way. `Retry-After` says when to come back.",
    "503": "A part is away for now. `Retry-After` says when to come back.",
}

# What an operation may have in place of a scope.
SIGNED_IN = "signed in"


def ref(name: str) -> Part:
    """Refer to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def content(kind: str, schema: Part, example: Any = None) -> Part:
    """Describe content of a media type."""
    return {kind: {"schema": schema} | ({} if example is None else {"example": example})}


def ok(description: str, what: Part | None = None) -> Part:
    """Describe an answer that is no refusal."""
    return {"description": description} | ({"content": what} if what else {})


def query(name: str, description: str, schema: Part | None = None) -> Part:
    """Describe a parameter of the query."""
    return {"name": name, "in": "query", "description": description, "schema": schema or TEXT}


def path(name: str, description: str, schema: Part | None = None) -> Part:
    """Describe a part of the path."""
    return query(name, description, schema) | {"in": "path", "required": True}


def operation(
    id: str,
    summary: str,
    answers: Mapping[str, Part],
    *,
    description: str = "",
    scope: str = "",
    refusals: Sequence[str] = (),
    parameters: Sequence[Part] = (),
    body: Part | None = None,
) -> Part:
    """Describe one operation. With a `scope`, or `SIGNED_IN`, it takes a bearer token."""
    refused = sorted({*refusals, *(("401", "403", "503") if scope else ())})
    needs = f"For administrators, integrators, and API keys with the scope `{scope}`."
    if scope == SIGNED_IN:
        needs = "For everybody who is signed in."
    described = " ".join(part for part in (description, needs if scope else "") if part)
    made: Part = {
        "operationId": id,
        "summary": summary,
        "security": [{"bearer": []}] if scope else [],
        "responses": {
            **answers,
            **{status: _refusal(status) for status in refused if status not in answers},
        },
    }
    if described:
        made["description"] = described
    if parameters:
        made["parameters"] = list(parameters)
    if body is not None:
        made["requestBody"] = {"required": True, "content": body}
    return made


def tagged(tag: str, paths: Part) -> Part:
    """Return paths whose operations belong together."""
    for operations in paths.values():
        for each in operations.values():
            each["tags"] = [tag]
    return paths


def _refusal(status: str) -> Part:
    headers = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    refusal = ok(_REFUSALS[status], content("application/json", ref("Errors")))
    return refusal | ({"headers": headers} if status in ("429", "503") else {})
