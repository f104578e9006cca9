"""Every job the system can put off until later, and the one verb for doing so."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol


class Job(StrEnum):
    """Names as they travel on the wire: renaming one strands the messages in flight."""

    WORK_LANE = "lane.work"  # args: lane numbers. Apply their pending events, move their due runs.
    START_OCCURRENCE = "occurrence.start"  # args: id. Plan the runs of the people it is for.
    FILL_SEGMENTS = "segments.fill"  # args: no matter. Fill segments as the live rules want them.
    WORK_IMPORT = "import.work"  # args: import ids. Take in the rows of a file.
    # args of these: effect ids, some to a comma-list.
    SEND_MESSAGES = "messages.send"
    SEND_URGENT = "messages.send_urgent"  # what is transactional
    CALL_WEBHOOKS = "webhooks.call"
    SEND_LETTERS = "letters.send"  # args: letter ids.
    SYNC_AUDIENCE = "audience.sync"  # args: name. Tell the platform what has changed.
    SERVE_WEBHOOK = "webhook.serve"  # args: name. Bring it what is due of the feed.


class Jobs(Protocol):
    """A doorbell: ringing may be lost (Redis away); the sweeper rings again."""

    async def ring(self, job: Job, args: Sequence[str]) -> None:
        """Have some worker run the job soon, once per element of `args`. Never raises."""
