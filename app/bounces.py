"""`POST /v1/bounces`: a mail provider, or what stands in front of it, tells what came back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.admission import caller_of
from app.answers import failure, refusal
from app.wiring import Wiring
from models.api_key import Scope
from models.audit import Actor
from models.errors import DomainError, Unavailable
from models.messaging import Bounce
from services import bounces
from services.suppression import Suppression


class _Bounce(BaseModel):
    id: str = Field(min_length=1, max_length=200)
    type: str = Field(pattern="^(bounce|complaint)$")
    channel: str = Field(default="email", pattern="^(email|sms)$")
    address: str = Field(min_length=1, max_length=320)
    permanent: bool = True
    at: datetime | None = None
    message_id: str = Field(default="", max_length=500)
    reason: str = Field(default="", max_length=2_000)

    def told(self, now: datetime) -> Bounce:
        at = self.at if self.at is not None else now
        return Bounce(
            id=self.id,
            channel=self.channel,
            address=self.address,
            complaint=self.type == "complaint",
            permanent=self.permanent,
            at=at if at.tzinfo is not None else at.replace(tzinfo=UTC),
            message_id=self.message_id,
            reason=self.reason,
        )


class _Body(BaseModel):
    bounces: list[_Bounce] = Field(min_length=1, max_length=bounces.MOST)


@dataclass(frozen=True, slots=True)
class Bounces:
    """The endpoint. `wiring` and `suppression` give the parts once the process has them."""

    wiring: Callable[[], Wiring]
    suppression: Callable[[], Suppression]

    async def __call__(self, request: Request) -> Response:
        """Take what came back and say what became of each."""
        principal = caller_of(request)
        if refused := refusal(principal, Scope.BOUNCES):
            return refused
        try:
            body = _Body.model_validate_json(await request.body())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            return failure(400, "INVALID", f"{where or 'The body'}: {first['msg']}.")
        wiring = self.wiring()
        now = wiring.clock.now()
        try:
            async with wiring.recorder.record("takeBounces", Actor.of(principal)):
                wrong = await bounces.take(
                    [each.told(now) for each in body.bounces],
                    stores=wiring.stores,
                    suppression=self.suppression(),
                    now=now,
                )
        except Unavailable as error:
            return failure(503, error.code, error.message, retry_after=2)
        return _answer(body, wrong)


def _answer(body: _Body, wrong: list[DomainError | None]) -> Response:
    verdicts = [
        {"id": each.id, "outcome": "accepted" if error is None else "rejected"}
        | ({} if error is None else {"reason": error.message})
        for each, error in zip(body.bounces, wrong, strict=True)
    ]
    content = orjson.dumps(
        {"accepted": sum(error is None for error in wrong), "verdicts": verdicts}
    )
    return Response(content, media_type="application/json")
