"""Rows as files: CSV that spreadsheets can open safely, or lines of JSON."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import date, datetime
from typing import Any, TypeAlias

import orjson

from dsl.program import Program
from models.export import Export
from models.store import Stores
from services import cells
from services.exporting.rows import columns, pages
from services.exporting.said import Said

# A part of a file, and how many rows are in it.
Part: TypeAlias = tuple[bytes, int]


async def as_csv(export: Export, program: Program, stores: Stores) -> AsyncGenerator[Part]:
    """Yield a file of CSV, the head with the first rows."""
    head = columns(export, program)
    before = cells.line(*head)
    async with aclosing(pages(export, stores)) as found:
        async for page in found:
            lines = [cells.line(*[_cell(said.get(name)) for name in head]) for said in page]
            yield (before + "".join(lines)).encode(), len(lines)
            before = ""


async def as_json(export: Export, program: Program, stores: Stores) -> AsyncGenerator[Part]:
    """Yield lines of JSON; dotted names are objects."""
    head = columns(export, program)
    async with aclosing(pages(export, stores)) as found:
        async for page in found:
            lines = [_nested(said, head) for said in page]
            text = [orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in lines]
            yield b"".join(text), len(lines)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return cells.BETWEEN.join(map(_cell, value))
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return orjson.dumps(value).decode()
        case _:
            return str(value)


def _nested(said: Said, head: tuple[str, ...]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name in head:
        outer, dot, inner = name.partition(".")
        if dot:
            nested.setdefault(outer, {})[inner] = said.get(name)
        else:
            nested[name] = said.get(name)
    return nested
