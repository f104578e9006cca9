"""`fanfare export`: a list fetched from an API; what breaks off leaves no file behind."""

import sys
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from app.client import Client
from models.errors import Unavailable

_PART = 64 * 1024


def fetch(client: Client, kind: str, out: Path | None, **asked: str | None) -> int:
    """Write a list to a file, whole or not at all, or to standard output."""
    query = urlencode({name: value for name, value in asked.items() if value})
    with client.open("GET", f"/v1/exports/{kind}?{query}") as answer:
        if out is None:
            _copy(answer, sys.stdout.buffer)
            return 0
        part = out.with_name(out.name + ".part")
        try:
            with part.open("wb") as file:
                _copy(answer, file)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
    return 0


def _copy(answer: HTTPResponse, to: BinaryIO) -> None:
    try:
        while part := answer.read(_PART):
            to.write(part)
    except (HTTPException, ConnectionError) as error:
        raise Unavailable(f"The export broke off, so it is not complete: {error!r}") from None
    to.flush()
