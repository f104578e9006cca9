"""`fanfare publish`: files of rules become live campaigns."""

from datetime import UTC, datetime

import pytest

from app.commands.publish import publish, read
from models.errors import Invalid
from models.store import Stores
from services.publications import RulesRefused

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


async def test_a_file_is_known_by_its_name_and_shown_by_its_campaigns_title(tmp_path, stores):
    path = tmp_path / "spring.rules"
    path.write_text('campaign s "Spring sale" { }\npromotion p { take 10% off cart }')

    (campaign,) = await publish([path], by="ann", now=NOW, stores=stores, why="it is time")

    assert (campaign.key, campaign.title, campaign.author) == ("spring", "Spring sale", "ann")
    assert campaign.history[-1].act.why == "it is time"


async def test_mistakes_are_refused_with_the_file_they_are_in(tmp_path, stores):
    for name in ("one", "two"):
        (tmp_path / f"{name}.rules").write_text("promotion p { take 10% of cart }")

    with pytest.raises(RulesRefused) as refusal:
        await publish(sorted(tmp_path.iterdir()), by="ann", now=NOW, stores=stores)

    assert any("two" in part.message for part in refusal.value.parts)


def test_two_files_of_one_name_are_refused(tmp_path):
    (tmp_path / "a").mkdir()
    for folder in (tmp_path, tmp_path / "a"):
        (folder / "spring.rules").write_text("")

    with pytest.raises(Invalid, match="two files are called spring"):
        read([tmp_path / "spring.rules", tmp_path / "a" / "spring.rules"])
