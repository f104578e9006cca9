"""docs/imports-and-exports.md: its commands are run on its files, and say what it says."""

import asyncio
import os
import shlex
import sys
from datetime import UTC, datetime

import pytest

from app.clock import Clock
from models.campaign import Act
from models.principal import Role
from services import releases
from services.importing import working
from services.importing.working import Importing
from services.releases import RulesFile
from services.rulebook import Rulebook
from tests.client import NO_REDIS, listening
from tests.docs.pages import ROOT, blocks, matches
from tests.docs.test_snippets import turns

PAGE = ROOT / "docs" / "imports-and-exports.md"
EVERY = list(blocks(PAGE))


@pytest.fixture
async def url(api, database, mongodb_uri):
    """The API on a socket of its own, a worker, and the page's rules."""
    (rules,) = [block.text for block in EVERY if block.language == "rules"]
    act = Act("marketer", datetime.now(UTC))
    await releases.release([RulesFile("shop", "Shop", rules)], act, stores=api.stores)
    importing = Importing(stores=api.stores, rulebook=Rulebook(api.stores, fresh=0), clock=Clock())

    async def work():
        while True:
            for each in await api.stores.imports.running(limit=10):
                await working.work(each, importing)
            await asyncio.sleep(0.01)

    worker = asyncio.create_task(work())
    async with listening(
        mongodb_uri=mongodb_uri, database=database.name, redis_url=NO_REDIS
    ) as host:
        yield f"http://{host}"
    worker.cancel()


async def test_its_commands_print_what_is_printed_there(api, url, tmp_path):
    admin = await api.caller(Role.ADMIN)
    for block in EVERY:
        if name := block.value("file"):
            (tmp_path / name).write_text(block.text, encoding="utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "FANFARE_URL": url,
        "FANFARE_TOKEN": admin.token,
    }

    for block in (block for block in EVERY if block.language == "console"):
        for command, shown in turns(block.text):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "app.cli", *shlex.split(command)[1:]),
                cwd=tmp_path,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            real = (await process.communicate())[0].decode()
            assert matches(shown, real), f"{block.id}: {real}"
