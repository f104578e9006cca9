"""`fanfare import`: a file sent to an API, followed until its rows are taken in."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from app import console
from app.client import Client
from models.errors import Invalid
from models.ids import new_id

POLL = 0.2
SHOWN = 20
_TYPES = {".csv": "text/csv", ".tsv": "text/csv", ".txt": "text/csv"} | dict.fromkeys(
    (".ndjson", ".jsonl", ".json"), "application/x-ndjson"
)


def send(
    client: Client, kind: str, file: Path, *, mapping: Path | None, key: str, **options: bool
) -> int:
    """Send a file and follow it; return the exit code: 1 if rows were refused or it failed."""
    media = _TYPES.get(file.suffix.lower())
    if media is None:
        raise Invalid(f"{file.name} is neither .csv nor .ndjson by its name; rename it.")
    asked = {"key": key or new_id()} | {name: "true" for name, on in options.items() if on}
    if mapping is not None:
        asked["mapping"] = _compact(mapping)
    with file.open("rb") as content:
        answer = client.open(
            "POST", f"/v1/imports/{kind}?{urlencode(asked)}", file=content, kind=media
        )
        job = json.loads(answer.read())
    job = _followed(client, job)
    return _told(client, job)


def _compact(mapping: Path) -> str:
    try:
        return json.dumps(json.loads(mapping.read_text(encoding="utf-8")), separators=(",", ":"))
    except ValueError as error:
        raise Invalid(f"{mapping}: {error}") from None


def _followed(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    with console.bar("Rows", job["rows"]) as advance:
        done = 0
        while job["state"] == "running":
            advance(job["read"] - done)
            done = job["read"]
            time.sleep(POLL)
            path = f"/v1/imports/{job['kind']}/{quote(job['key'])}"
            job = json.loads(client.open("GET", path).read())
        advance(job["read"] - done)
    return job


def _told(client: Client, job: dict[str, Any]) -> int:
    would = "would be " if job["dryRun"] else ""
    parts = [
        f"{job[name]:,} {would if name != 'unchanged' else ''}{name}"
        for name in ("created", "updated", "unchanged", "refused")
    ]
    print(f"{job['kind']}: {', '.join(parts)}")
    if job["refused"]:
        path = f"/v1/imports/{job['kind']}/{quote(job['key'])}/errors?format=ndjson"
        with client.open("GET", path) as errors:
            for line in errors.read().splitlines()[:SHOWN]:
                _show(json.loads(line))
        if job["refused"] > SHOWN:
            print(f"… and {job['refused'] - SHOWN:,} more: GET {path.partition('?')[0]}")
    if job["state"] != "done":
        print(f"{job['state']}: {job['reason'] or 'it went no further'}")
    return 0 if job["state"] == "done" and not job["refused"] else 1


def _show(error: dict[str, Any]) -> None:
    where = f" {error['field']}" if error["field"] else ""
    hint = f"; {error['hint']}" if error["hint"] else ""
    print(f"row {error['row']}{where}: {error['message']}{hint} ({error['code']})")
