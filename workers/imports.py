"""Background work on imports."""

from services.importing import working
from workers.deps import Deps


async def work_import(deps: Deps, import_id: str) -> None:
    """Take in the rows of a file. Safe to run twice: a page may be repeated."""
    await working.work(import_id, deps.importing)
