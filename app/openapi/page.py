"""The description as a page of plain HTML: no script, nothing from elsewhere."""

import json
from collections.abc import Sequence
from html import escape

from app.openapi.parts import Part

_METHODS = ("get", "post")


def page(document: Part) -> str:
    """Return the page."""
    info = document["info"]
    tags = [_tag(tag, document) for tag in document["tags"]]
    schemas = "".join(
        f'<section id="schema-{escape(name)}"><h3>{escape(name)}</h3>{_schema(schema)}</section>'
        for name, schema in document["components"]["schemas"].items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(info["title"])}</title><link rel="stylesheet" href="reference.css">'
        f"</head><body><header><h1>{escape(info['title'])}</h1>"
        f"<p>{_prose(info['description'])}</p>"
        '<p><a href="openapi.json">openapi.json</a></p></header><main>'
        f"{''.join(tags)}<h2>Schemas</h2>{schemas}</main></body></html>\n"
    )


def _tag(tag: Part, document: Part) -> str:
    operations = [
        _operation(method, path, operations[method])
        for path, operations in document["paths"].items()
        for method in _METHODS
        if method in operations and tag["name"] in operations[method]["tags"]
    ]
    name = escape(tag["name"])
    return f'<h2 id="{name}">{name.capitalize()}</h2><p>{_prose(tag["description"])}</p>' + "".join(
        operations
    )


def _operation(method: str, path: str, operation: Part) -> str:
    parts = [
        f'<section id="{escape(operation["operationId"])}">'
        f"<h3><code>{method.upper()} {escape(path)}</code> {escape(operation['summary'])}</h3>"
    ]
    if "description" in operation:
        parts.append(f"<p>{_prose(operation['description'])}</p>")
    if parameters := operation.get("parameters"):
        parts.append(_parameters(parameters))
    if body := operation.get("requestBody"):
        parts.append(f"<p>Takes {_contents(body['content'])}</p>")
    rows = [
        (f"<code>{status}</code>", _prose(answer["description"]), _contents(answer.get("content")))
        for status, answer in operation["responses"].items()
    ]
    parts.append(_table(("Answer", "", "with"), rows))
    return "".join(parts) + "</section>"


def _parameters(parameters: list[Part]) -> str:
    rows = [
        (
            f"<code>{escape(each['name'])}</code>",
            f"{_prose(each['description'])} {_choices(each['schema'])}",
            escape(each["in"]),
        )
        for each in parameters
    ]
    return _table(("Parameter", "", "in"), rows)


def _choices(schema: Part) -> str:
    said = ", ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", ()))
    if "default" in schema:
        said += f" (else <code>{escape(json.dumps(schema['default']))}</code>)"
    return said


def _contents(contents: Part | None) -> str:
    return ", ".join(
        f"<code>{escape(kind)}</code>{_link(each['schema'])}"
        for kind, each in (contents or {}).items()
    )


def _link(schema: Part) -> str:
    """Return the way to what a schema is, or is a list of."""
    target = schema.get("$ref") or schema.get("items", {}).get("$ref")
    if target is None:
        return ""
    name = escape(target.rpartition("/")[2])
    return f' (<a href="#schema-{name}">{name}</a>)'


def _schema(schema: Part) -> str:
    shown = {name: value for name, value in schema.items() if name != "description"}
    text = escape(json.dumps(shown, indent=2, ensure_ascii=False))
    return f"<p>{_prose(schema.get('description', ''))}</p><pre>{text}</pre>"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{name}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _prose(text: str) -> str:
    """Return text as HTML: what stands between ` is code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
