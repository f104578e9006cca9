"""`fanfare publish`: make files of rules live, over the stores directly."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import dsl
from models.campaign import Act, Campaign
from models.errors import Invalid
from models.store import Stores
from services.releases import RulesFile, release


def read(paths: Sequence[Path]) -> list[RulesFile]:
    """Read files of rules. Each is a campaign, known by the file's name.

    Its title is that of the campaign it declares, or else its name.
    """
    files = [_read(path) for path in paths]
    keys = [file.key for file in files]
    doubles = sorted({key for key in keys if keys.count(key) > 1})
    if doubles:
        raise Invalid(f"two files are called {doubles[0]}; a campaign is known by its file's name")
    return files


async def publish(
    paths: Sequence[Path], *, by: str, now: datetime, stores: Stores, why: str = ""
) -> list[Campaign]:
    """Publish the files together. Raises RulesRefused if they cannot be live."""
    return await release(read(paths), Act(by, now, why), stores=stores)


def _read(path: Path) -> RulesFile:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8 text") from error
    declared = next(
        (
            each
            for each in dsl.outline(dsl.parse(dsl.SourceFile(path.name, text)).file)
            if each.kind == "campaign"
        ),
        None,
    )
    title = (declared.title or declared.name) if declared else path.stem
    return RulesFile(path.stem, title, text)
