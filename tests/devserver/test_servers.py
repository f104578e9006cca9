import os
import signal
import subprocess
import sys
import time
from email.message import EmailMessage

import aiosmtplib
import pymongo
import pytest

from devserver import mongod, valkey
from devserver.process import StartError, free_port


async def test_a_database_takes_writes_and_is_emptied_for_the_next_test(database):
    await database.things.insert_one({"_id": 1})

    assert await database.things.count_documents({}) == 1


async def test_a_database_is_empty_at_the_start(database):
    assert await database.things.count_documents({}) == 0


async def test_transactions_and_change_streams_work(database):
    client = database.client
    async with await client.start_session() as session, session.start_transaction():
        await database.things.insert_one({"_id": 1}, session=session)

    assert await database.things.find_one({"_id": 1}) == {"_id": 1}


def test_valkey_answers_and_starts_empty(redis):
    assert redis.ping()
    assert redis.dbsize() == 0


async def test_mail_is_kept_not_delivered(smtp):
    message = EmailMessage()
    message["From"] = "shop@example.test"
    message["To"] = "ann@example.test"
    message["Subject"] = "Grüße"
    message.set_content("Hello")
    host, port = smtp.url.removeprefix("smtp://").split(":")

    await aiosmtplib.send(message, hostname=host, port=int(port), start_tls=False)

    assert [kept["Subject"] for kept in smtp.messages] == ["Grüße"]


def test_a_replica_set_can_be_moved_to_another_port(tmp_path):
    with (
        mongod.running(tmp_path, mongod.Profile.QUICK) as first,
        pymongo.MongoClient(first.uri) as client,
    ):
        client.shop.things.insert_one({"_id": 1})

    second = mongod.start(tmp_path, mongod.Profile.QUICK, port=free_port())
    try:
        with pymongo.MongoClient(second.uri, serverSelectionTimeoutMS=5000) as client:
            assert client.shop.things.find_one() == {"_id": 1}
    finally:
        second.stop()


def test_a_folder_in_use_is_refused_with_the_reason(tmp_path):
    with (
        mongod.running(tmp_path, mongod.Profile.QUICK),
        pytest.raises(StartError, match=r"did not start.*lock"),
    ):
        mongod.start(tmp_path, mongod.Profile.QUICK)


def test_a_missing_mongod_is_named_with_its_cures(monkeypatch, tmp_path):
    broken = tmp_path / "mongod"
    broken.write_text(
        "#!/bin/sh\necho 'libcurl.so.4: cannot open shared object file' >&2\nexit 127\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(mongod, "_from_wheel", lambda: [broken])
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))

    with pytest.raises(StartError) as refusal:
        mongod.program.__wrapped__()

    assert "libcurl.so.4" in str(refusal.value)
    assert "apt-get install -y --no-install-recommends libcurl4" in str(refusal.value)


PARENT = """
import sys, time
from pathlib import Path
from devserver import valkey
print(valkey.start(Path(sys.argv[1])).process.pid, flush=True)
time.sleep(60)
"""


def test_a_killed_parent_leaves_no_orphan(tmp_path):
    valkey.program()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    deadline = time.monotonic() + 60
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_running(child)


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"
