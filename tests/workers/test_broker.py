"""Consumers over a real Redis: they wait until they are rung for, and ask now and then anyway."""

import asyncio

import dramatiq
import pytest

from services.jobs import Job
from tests.waiting import until
from workers.bells import DramatiqJobs
from workers.broker import make_broker

FOR_EVER = 0


@pytest.fixture
def broker(redis, redis_url):
    broker = make_broker(redis_url)
    broker.declare_queue("lanes")
    yield broker
    broker.close()


def message(arg: str) -> dramatiq.Message:
    return dramatiq.Message("lanes", Job.WORK_LANE.value, (arg,), {}, {})


async def test_who_waits_for_a_queue_is_woken_by_a_bell(broker, redis, redis_url):
    consumer = broker.consume("lanes", prefetch=4, timeout=FOR_EVER)
    waiting = asyncio.create_task(asyncio.to_thread(next, consumer))
    await until(lambda: redis.info("clients")["blocked_clients"] == 1)
    jobs = DramatiqJobs(redis_url)

    await jobs.ring(Job.WORK_LANE, ["7"])

    assert await waiting is None  # had nobody rung, Redis would not have answered in time
    assert next(consumer).args == ("7",)
    jobs.close()


async def test_a_bell_is_rung_where_those_wait_who_do_its_job_and_nowhere_else(broker, redis_url):
    jobs = DramatiqJobs(redis_url)

    await jobs.ring(Job.FILL_SEGMENTS, ["now"])
    jobs.close()

    assert broker.client.keys("dramatiq:*.rings") == [b"dramatiq:background.rings"]


def test_a_queue_is_asked_although_nobody_rang(broker):
    consumer = broker.consume("lanes", prefetch=4, timeout=50)
    assert next(consumer) is None

    broker.enqueue(message("7"))

    assert next(consumer).args == ("7",)


def test_few_rings_are_kept_for_who_does_not_wait(broker):
    with broker.client.pipeline() as pipeline:
        for _ in range(30):
            broker.ring("lanes", pipeline)
        pipeline.execute()

    assert broker.client.llen("dramatiq:lanes.rings") == 8


def test_who_has_enough_to_do_takes_no_ring_from_others(broker):
    consumer = broker.consume("lanes", prefetch=1, timeout=FOR_EVER)
    broker.enqueue(message("7"))
    held = next(consumer)
    with broker.client.pipeline() as pipeline:
        broker.ring("lanes", pipeline)
        pipeline.execute()

    assert next(consumer) is None

    assert broker.client.llen("dramatiq:lanes.rings") == 1
    consumer.ack(held)
