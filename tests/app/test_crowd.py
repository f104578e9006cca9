"""More requests at once than there is room for: they wait their turn, or are told to come back."""

import asyncio

from app.crowd import ROOM, Crowd
from services.aside import aside
from tests.waiting import until

NEVER, LONG = 0.0, 600.0


class Desk:
    """An application that answers a request when it is told to, and knows how many have begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.paths: list[str] = []
        self.answers = asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        self.begun += 1
        self.paths.append(scope["path"])
        if scope["path"] == "/reads":
            await receive()
        if scope["path"] == "/waits":
            with aside():
                await self.answers.wait()
        await self.answers.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})


class Caller:
    """One request of somebody known, whose body comes when `sent` is set."""

    def __init__(self, crowd: Crowd, path: str = "/graphql", **headers: str) -> None:
        self.told: list[dict] = []
        self.sent = asyncio.Event()
        headers = {"authorization": "Bearer t"} | headers
        given = [(name.encode(), value.encode()) for name, value in headers.items() if value]
        scope = {"type": "http", "path": path, "headers": given}
        self.task = asyncio.create_task(crowd(scope, self.receive, self.send))

    async def receive(self) -> dict:
        await self.sent.wait()
        return {"type": "http.request", "body": b""}

    async def send(self, message) -> None:
        self.told.append(message)

    @property
    def status(self) -> int:
        return self.told[0]["status"]


async def test_who_finds_no_room_waits_until_another_has_its_answer():
    desk = Desk()
    crowd = Crowd(desk, patience=LONG)
    callers = [Caller(crowd) for _ in range(3 * ROOM)]
    await until(lambda: desk.begun == ROOM)

    desk.answers.set()
    await asyncio.gather(*(caller.task for caller in callers))

    assert {caller.status for caller in callers} == {200}
    assert crowd.inside == 0


async def test_who_waits_too_long_is_told_when_to_come_back():
    desk = Desk()
    crowd = Crowd(desk, patience=NEVER)
    inside = [Caller(crowd) for _ in range(ROOM)]
    await until(lambda: desk.begun == ROOM)

    late = Caller(crowd)
    await late.task

    headers = dict(late.told[0]["headers"])
    assert late.status == 503
    assert headers[b"retry-after"] == b"1"
    assert b"connection" not in headers
    assert b'"UNAVAILABLE"' in late.told[1]["body"]
    assert desk.begun == ROOM
    desk.answers.set()
    await asyncio.gather(*(caller.task for caller in inside))


async def test_whose_body_is_slow_to_come_keeps_nobody_out():
    desk = Desk()
    crowd = Crowd(desk, patience=LONG)
    slow = [Caller(crowd, "/reads") for _ in range(ROOM)]
    await until(lambda: desk.begun == ROOM)
    assert crowd.inside == 0

    quick = Caller(crowd)
    await until(lambda: desk.begun == ROOM + 1)

    desk.answers.set()
    for caller in slow:
        caller.sent.set()
    await asyncio.gather(quick.task, *(caller.task for caller in slow))
    assert crowd.inside == 0


async def test_who_waits_for_their_turn_elsewhere_keeps_nobody_out():
    desk = Desk()
    crowd = Crowd(desk, patience=LONG)
    callers = [Caller(crowd, "/waits") for _ in range(2 * ROOM)]
    await until(lambda: desk.begun == 2 * ROOM)
    assert crowd.inside == 0

    desk.answers.set()
    await asyncio.gather(*(caller.task for caller in callers))

    assert {caller.status for caller in callers} == {200}
    assert crowd.inside == 0


async def test_of_many_strangers_few_begin_before_somebody_known_who_came_last():
    desk = Desk()
    crowd = Crowd(desk, patience=LONG)
    strangers = [Caller(crowd, "/waits", authorization="") for _ in range(50)]

    known = Caller(crowd, "/known")
    await until(lambda: "/known" in desk.paths)

    assert desk.paths.index("/known") <= 1
    await until(lambda: desk.begun == 51)
    desk.answers.set()
    await asyncio.gather(known.task, *(caller.task for caller in strangers))
    assert {caller.status for caller in strangers} == {200}
    assert crowd.inside == 0


async def test_a_stranger_lets_somebody_known_who_is_at_work_go_first(monkeypatch):
    monkeypatch.setattr("app.crowd.YIELD", LONG)
    desk = Desk()
    crowd = Crowd(desk, patience=LONG)
    slow, known = Caller(crowd, "/reads"), Caller(crowd)
    await until(lambda: desk.begun == 2)

    strangers = [Caller(crowd, authorization="") for _ in range(3)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert desk.begun == 2
    desk.answers.set()
    await asyncio.gather(known.task, *(caller.task for caller in strangers))

    assert {caller.status for caller in strangers} == {200}
    slow.sent.set()
    await slow.task


async def test_a_stranger_waits_but_a_moment_for_whoever_takes_long():
    desk = Desk()
    crowd = Crowd(desk, patience=LONG)
    known = Caller(crowd)
    await until(lambda: desk.begun == 1)

    strangers = [Caller(crowd, authorization="") for _ in range(3)]
    await until(lambda: desk.begun == 4)

    desk.answers.set()
    await asyncio.gather(known.task, *(caller.task for caller in strangers))
    assert crowd.inside == 0


async def test_a_stranger_who_waits_too_long_at_the_door_is_told_when_to_come_back():
    desk = Desk()
    crowd = Crowd(desk, patience=NEVER)

    stranger = Caller(crowd, authorization="")
    await stranger.task

    assert (stranger.status, desk.begun) == (503, 0)


async def test_health_and_streams_are_served_in_any_crowd():
    desk = Desk()
    crowd = Crowd(desk, patience=NEVER)
    inside = [Caller(crowd) for _ in range(ROOM)]
    await until(lambda: desk.begun == ROOM)

    others = [Caller(crowd, "/readyz"), Caller(crowd, accept="text/event-stream")]
    await until(lambda: desk.begun == ROOM + 2)

    assert crowd.inside == ROOM
    desk.answers.set()
    await asyncio.gather(*(caller.task for caller in [*inside, *others]))


async def test_who_goes_away_while_waiting_takes_no_place():
    desk = Desk()
    crowd = Crowd(desk, patience=LONG)
    inside = [Caller(crowd) for _ in range(ROOM)]
    await until(lambda: desk.begun == ROOM)
    gone, waiting = Caller(crowd), Caller(crowd)
    await asyncio.sleep(0)

    gone.task.cancel()
    await asyncio.gather(gone.task, return_exceptions=True)
    desk.answers.set()
    await asyncio.gather(waiting.task, *(caller.task for caller in inside))

    assert waiting.status == 200
    assert gone.told == []
    assert crowd.inside == 0
