"""Bells over a real Redis: they arrive, and their loss disturbs nobody."""

import socket
from dataclasses import replace

import dramatiq
import pytest
from dramatiq.middleware import AsyncIO

from devserver.process import free_port
from services.jobs import Job
from tests.waiting import until
from workers.bells import DramatiqJobs
from workers.broker import make_broker
from workers.registry import HANDLERS, declare


def test_every_job_has_a_handler():
    assert set(HANDLERS) == set(Job)


@pytest.fixture
def heard(redis, redis_url, monkeypatch):
    """What a real worker in this process has heard."""
    heard: list[str] = []

    async def hear(_deps, arg: str) -> None:
        heard.append(arg)
        if arg == "bad":
            raise RuntimeError("as a handler may")

    monkeypatch.setitem(
        HANDLERS, Job.WORK_LANE, HANDLERS[Job.WORK_LANE].__class__(hear, "lanes", 5)
    )
    broker = make_broker(redis_url, middleware=[AsyncIO()])
    declare(broker, lambda: None)
    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=2)
    worker.start()
    yield heard
    worker.stop(timeout=5_000)
    broker.close()


def waiting(redis) -> list[bytes]:
    """Return the keys that hold messages: those in line, delayed, or under way."""
    return [key for key in redis.keys("dramatiq:*") if b"heartbeats" not in key]


async def test_every_bell_is_heard(heard, redis_url):
    jobs = DramatiqJobs(redis_url)

    await jobs.ring(Job.WORK_LANE, [str(lane) for lane in range(64)])
    await until(lambda: len(heard) == 64)

    jobs.close()
    assert sorted(heard, key=int) == [str(lane) for lane in range(64)]


async def test_lanes_rung_for_at_once_come_by_eights(heard, redis_url, monkeypatch):
    handling = replace(HANDLERS[Job.WORK_LANE], together=8)
    monkeypatch.setitem(HANDLERS, Job.WORK_LANE, handling)
    jobs = DramatiqJobs(redis_url)

    await jobs.ring(Job.WORK_LANE, ["9", "1", "15", "63", "3"])
    await until(lambda: len(heard) == 3)

    jobs.close()
    assert sorted(heard) == ["1,3", "63", "9,15"]


async def test_a_handler_that_fails_is_not_tried_again_by_the_queue(
    heard, redis, redis_url, caplog
):
    jobs = DramatiqJobs(redis_url)

    await jobs.ring(Job.WORK_LANE, ["bad"])
    await jobs.ring(Job.WORK_LANE, ["good"])
    await until(lambda: len(heard) == 2)
    # Nothing waits, is delayed or under way: it will not be heard again.
    await until(lambda: not waiting(redis))

    jobs.close()
    assert sorted(heard) == ["bad", "good"]


async def test_ringing_works_again_after_redis_lost_everything(heard, redis, redis_url):
    jobs = DramatiqJobs(redis_url)
    await jobs.ring(Job.WORK_LANE, ["1"])
    await until(lambda: len(heard) == 1)

    redis.flushall()
    redis.script_flush()
    await jobs.ring(Job.WORK_LANE, ["2"])
    await until(lambda: len(heard) == 2)

    jobs.close()
    assert heard == ["1", "2"]


async def test_a_caller_does_not_wait_for_redis(caplog):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        jobs = DramatiqJobs(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")

        for _ in range(20):
            await jobs.ring(Job.WORK_LANE, ["1"])

        # Neither an answer nor the end of anyone's patience: nobody waited for either.
        assert not caplog.records
    jobs.close()


async def test_a_caller_does_not_learn_that_redis_is_away(caplog):
    jobs = DramatiqJobs(f"redis://127.0.0.1:{free_port()}/0")

    await jobs.ring(Job.WORK_LANE, ["1"])
    await until(lambda: "Redis is away" in caplog.text)
    await jobs.ring(Job.WORK_LANE, ["1"])

    jobs.close()
