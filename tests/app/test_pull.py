"""`fanfare pull`: what is live, as the files that it would be published from."""

import pytest

from tests.app.folders import FACTS, LARGE, SHOP, THANKS, by_hand


@pytest.mark.usefixtures("server")
async def test_pull_and_nothing_left_to_do(run, write, tmp_path):
    await run("publish", "rules")
    (tmp_path / "rules").rename(tmp_path / "published")

    pulled = await run("pull", "rules")

    assert (pulled[0], pulled[2]) == (0, "")
    texts = {
        str(path.relative_to(tmp_path / "rules")): path.read_text()
        for path in (tmp_path / "rules").rglob("*.*")
    }
    assert texts == SHOP
    assert await run("plan", "rules", "--detailed-exitcode") == (
        0,
        "Compared with publication 1.\nNothing to do.\n",
        "",
    )
    assert (await run("pull", "rules"))[1] == "nothing to do: rules has all of what is live\n"


@pytest.mark.usefixtures("direct")
async def test_campaigns_made_by_hand_are_pulled_by_title(run, stores, tmp_path):
    await by_hand("Groceries: facts & segments!", "\ufeff" + FACTS.replace("\n", "\r\n"), stores)
    await by_hand("年货", LARGE, stores)
    await by_hand("年货", "segment small { user.size < 3 }", stores)

    await run("pull", "rules")

    assert {path.name for path in (tmp_path / "rules").iterdir()} == {
        "groceries-facts-segments.rules",
        "年货.rules",
        "年货-2.rules",
    }
    assert (await run("plan", "rules"))[1].endswith("Nothing to do.\n")
    assert (await run("pull", "rules"))[1].startswith("nothing to do")


@pytest.mark.usefixtures("direct")
async def test_pull_keeps_local_changes_unless_told_otherwise(run, write, tmp_path):
    await run("publish", "rules")
    mine = {"facts.rules": f"# mine\n{FACTS}", "templates/thanks.liquid": "Subject: X\n\nX\n"}
    write({**mine, "offers/large.rules": None, "new.rules": ""})

    refused = await run("pull", "rules")
    kept = {name: (tmp_path / "rules" / name).read_text() for name in mine}
    missing = (tmp_path / "rules/offers/large.rules").exists()
    forced = await run("pull", "rules", "--force")

    assert refused[0] == 1
    assert refused[2].endswith(
        "--force overwrites them:\n  rules/facts.rules\n  rules/templates/thanks.liquid\n"
    )
    assert (kept, missing) == (mine, False)
    assert forced[0] == 0
    assert "not live: rules/new.rules\n" in forced[1]
    assert (tmp_path / "rules/facts.rules").read_text() == FACTS
    assert (tmp_path / "rules/templates/thanks.liquid").read_text() == THANKS


@pytest.mark.usefixtures("direct")
async def test_pull_leaves_a_renamed_file_where_it_is(run, write, tmp_path):
    await run("publish", "rules")
    (tmp_path / "rules/facts.rules").rename(tmp_path / "rules/people.rules")

    code, out, _ = await run("pull", "rules")

    assert (code, out) == (0, "nothing to do: rules has all of what is live\n")
