"""`fanfare publish`: make files of rules live."""

from collections.abc import Sequence
from pathlib import Path

from app.commands.folder import read
from app.commands.plan import REFUSED, show_diagnostics, told
from app.commands.server import Server


def publish(paths: Sequence[Path], server: Server, *, prune: bool, why: str) -> int:
    """Publish exactly what is planned and print it; return the exit code.

    Raises DomainError if something else has been published meanwhile.
    """
    found = read(paths, prune=prune)
    planned = server.plan(found.folder)
    show_diagnostics(planned, found)
    print("\n".join(told(planned, found.paths)))
    if not planned["valid"]:
        return REFUSED
    # Even with nothing to publish: it notes which campaign is kept in which file.
    released = server.release(found.folder, publication=planned["publication"], why=why)
    number = released["publication"]
    for campaign in released["campaigns"]:
        if number is not None and campaign["livePublication"] == number:
            print(f"{campaign['title']}: live in publication {number}")
    for campaign in released["ended"]:
        print(f"{campaign['title']}: ended")
    return 0
