"""The things that addresses take and give."""

from app.openapi.parts import TEXT, Part, ref
from models.imports import ImportKind, ImportState

_TIME: Part = {"type": "string", "format": "date-time"}
_COUNT: Part = {"type": "integer", "minimum": 0}


def _object(description: str, required: str, **properties: Part) -> Part:
    return {
        "type": "object",
        "description": description,
        "required": required.split(),
        "properties": properties,
    }


def _or_null(schema: Part) -> Part:
    return schema | {"type": [schema["type"], "null"]}


SCHEMAS: dict[str, Part] = {
    "Errors": _object(
        "Why something was refused, worded as GraphQL's errors are.",
        "errors",
        errors={
            "type": "array",
            "items": _object(
                "One reason.",
                "message extensions",
                message=TEXT,
                extensions=_object("For programs.", "code", code=TEXT),
            ),
        },
    ),
    "Event": _object(
        "Something that happened to somebody. `user` is an id here or in another system; a visitor "
        "whom nobody knows yet has an `anonymousId` instead.",
        "id name",
        id=TEXT,
        name=TEXT,
        user=TEXT,
        anonymousId=TEXT,
        source=TEXT | {"default": "api"},
        occurredAt=_TIME,
        data={"type": "object", "description": "As the rules declare it."},
    )
    | {"additionalProperties": False},
    "CloudEvent": _object(
        "A CloudEvent 1.0: `type` ends in the event's name, `subject` is the user.",
        "specversion id source type",
        specversion={"const": "1.0"},
        id=TEXT,
        source=TEXT,
        type=TEXT,
        subject=TEXT,
        time=_TIME,
        anonymousid=TEXT,
        data={"type": "object"},
    ),
    "Verdict": _object(
        "What became of one event.",
        "line outcome",
        line=_COUNT,
        outcome={"enum": ["accepted", "duplicate", "rejected"]},
        source=TEXT,
        id=TEXT,
        path={"type": "array", "items": TEXT},
        reason=TEXT,
    ),
    "Verdicts": _object(
        "What became of events.",
        "accepted verdicts",
        accepted=_COUNT,
        verdicts={"type": "array", "items": ref("Verdict")},
    ),
    "Bounce": _object(
        "A message that came back, or a complaint.",
        "id type address",
        id=TEXT | {"maxLength": 200},
        type={"enum": ["bounce", "complaint"]},
        channel={"enum": ["email", "sms"], "default": "email"},
        address=TEXT | {"maxLength": 320},
        permanent={"type": "boolean", "default": True},
        at=_TIME,
        message_id=TEXT,
        reason=TEXT,
    ),
    "BounceVerdicts": _object(
        "What became of bounces.",
        "accepted verdicts",
        accepted=_COUNT,
        verdicts={
            "type": "array",
            "items": _object(
                "Of one.",
                "id outcome",
                id=TEXT,
                outcome={"enum": ["accepted", "rejected"]},
                reason=TEXT,
            ),
        },
    ),
    "Import": _object(
        "A file whose rows are taken in. Of a dry run, what would be.",
        "id key kind state dryRun startedAt rows read written created updated unchanged refused",
        id=TEXT,
        key=TEXT,
        kind={"enum": [kind.value for kind in ImportKind]},
        state={"enum": [state.value for state in ImportState]},
        dryRun={"type": "boolean"},
        startedAt=_TIME,
        finishedAt=_or_null(_TIME),
        rows=_COUNT,
        read=_COUNT,
        written=_COUNT,
        created=_COUNT,
        updated=_COUNT,
        unchanged=_COUNT,
        refused=_COUNT,
        reason=_or_null(TEXT),
    ),
    "RefusedRow": _object(
        "A row that cannot be taken, and what to do about it.",
        "row field code message hint",
        row=_COUNT,
        field=TEXT,
        code=TEXT,
        message=TEXT,
        hint=TEXT,
    ),
    "Ready": _object(
        "Which parts answer.",
        "mongodb queue",
        mongodb={"enum": ["ok", "away"]},
        queue={"enum": ["ok", "away"]},
    ),
}
