"""Rules kept in files: `fanfare plan`, `publish` and `pull`, through the API and without it."""

import asyncio
import json

import pytest

from app.commands.database import OverDatabase
from app.commands.folder import read_templates, template_files
from app.commands.publish import publish
from app.settings import Settings
from models.errors import Conflict
from models.ids import new_id
from models.template import Template
from models.user import User
from tests.app.folders import FACTS, LARGE, NOW, SHOP, SPRING, THANKS, by_hand

# --- without a server ----------------------------------------------------------------------------


async def test_without_a_server_everything_is_new(run, write):
    code, out, err = await run("plan", "rules")

    assert (code, err) == (0, "")
    assert out == (
        "Compared with nothing: no server is named.\n"
        "rules/facts.rules\n  + attributes user\n"
        "rules/offers/large.rules\n  + segment large\n"
        "rules/offers/spring.rules\n"
        "  + campaign spring\n  + promotion spring_sale\n  + trigger thanks\n"
        "To publish: 5 added, 0 changed, 0 removed.\n"
    )


async def test_folders_can_be_compared(run, write, tmp_path):
    (tmp_path / "rules").rename(tmp_path / "old")
    write({**SHOP, "offers/spring.rules": SPRING.replace("10%", "15%"), "facts.rules": None})
    write({"all.rules": f"# the facts\n{FACTS}"})

    code, out, _ = await run("plan", "rules", "--against", "old")

    assert code == 0
    assert "  ~ attributes user, until now in facts\n" in out
    assert "      - promotion" not in out
    assert "      -   take 10% off cart\n      +   take 15% off cart\n" in out


async def test_every_mistake_is_shown_with_its_file_and_line(run, write):
    write(
        {"a.rules": "promotion p { take 1% off crt }\n", "b.rules": "segment x { user.no = 1 }\n"}
    )

    code, out, err = await run("plan", "rules")

    assert code == 1
    assert "rules/a.rules:1:27: error" in err
    assert "rules/b.rules:1:18: error" in err
    assert "^^^" in err
    assert out.endswith("These rules cannot be published.\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("plan",), 2),
        (("plan", "rules", "--format", "xml"), 2),
        (("plan", "rules", "--zone", "Mars"), 2),
        (("publish", "rules/facts.rules", "--prune"), 2),
        (("plan", "nowhere"), 1),
        (("plan", "rules/templates"), 1),
        (("plan", "rules", "--server", "shop"), 1),
        (("plan", "rules", "--detailed-exitcode"), 3),
    ],
)
async def test_exit_codes(run, write, arguments, code):
    assert (await run(*arguments))[0] == code


async def test_a_folder_without_rules_is_taken_for_a_mistake(run, write):
    code, _, err = await run("publish", "rules/templates", "--prune")

    assert (code, err) == (
        1,
        "fanfare: rules/templates: there are no files of rules (*.rules) in this folder\n",
    )


async def test_files_of_one_name_are_refused(run, write):
    code, _, err = await run("plan", "rules/facts.rules", "rules")

    assert (code, err) == (1, "fanfare: There are two files called facts.\n")


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("templates/x.liquid", "Hello", "its first line must be `Subject: …`"),
        ("templates/x.html.liquid", "Hello", "there is no x.liquid that this is the HTML of"),
        ("templates/x.liquid", "Subject: X\n\n{% if %}", "no valid Liquid"),
        ("templates/x.push.liquid", "Subject: X\n\nX", "its first line must be `Title: …`"),
        ("templates/x.sms.liquid", "\n", "must not be empty"),
    ],
)
async def test_a_template_that_is_wrong_is_said(run, write, file, text, says):
    write({file: text})

    code, _, err = await run("plan", "rules")

    assert code == 1
    assert says in err


async def test_templates_of_every_channel_are_read_as_they_are_written(tmp_path):
    templates = [
        Template(channel="email", name="x", subject="Hello", text="Hi\n", html="<p>Hi</p>\n"),
        Template(channel="sms", name="x", subject="", text="Hi {{ user.name }}\n"),
        Template(channel="sms", name="y", subject="", text="\nHi\n", topic="news"),
        Template(channel="email", name="z", subject="Hello", text="Topic: x\n", topic="news"),
        Template(channel="push", name="x", subject="Hello", text="Hi\n"),
        Template(channel="webhook", name="x", subject="crm", text="{}\n"),
    ]
    (tmp_path / "templates").mkdir()
    for template in templates:
        for name, text in template_files(template).items():
            (tmp_path / name).write_text(text, encoding="utf-8")

    assert sorted(read_templates(tmp_path), key=templates.index) == templates


# --- with one ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("server")
async def test_plan_publish_and_nothing_left_to_do(run, write, stores):
    before = await run("plan", "rules", "--detailed-exitcode")
    published = await run("publish", "rules", "--why", "It is spring.")
    after = await run("plan", "rules", "--detailed-exitcode")

    assert before[0] == 3
    assert "Nothing is live yet." in before[1]
    assert (published[0], published[2]) == (0, "")
    assert "Spring sale: live in publication 1" in published[1]
    assert after == (0, "Compared with publication 1.\nNothing to do.\n", "")
    assert await run("publish", "rules") == (0, "Nothing to do.\n", "")
    assert (await stores.workspace.get()).current == 1
    publication = await stores.publications.get(1)
    assert publication.act.why == "It is spring."
    assert (await stores.templates.find("email", "thanks")).html == "<p>Thank you.</p>\n"


@pytest.mark.usefixtures("server")
async def test_a_plan_tells_what_would_change(run, write, stores):
    for size in (1, 2, 3):
        await stores.users.add(User(id=new_id(), created_at=NOW, attributes={"size": size}))
    await run("publish", "rules")
    write({"offers/large.rules": LARGE.replace("3", "2"), "facts.rules": f"# facts\n{FACTS}"})
    write({"templates/thanks.liquid": THANKS.replace("you,", "you so much,")})

    code, out, _ = await run("plan", "rules")

    assert code == 0
    assert out == (
        "Compared with publication 1.\n"
        "rules/facts.rules\n  layout and comments\n"
        "rules/offers/large.rules\n  ~ segment large\n"
        "      -   user.size >= 3\n      +   user.size >= 2\n"
        "templates: thanks\n"
        "people in large: 1 → 2 (1 come in, 0 fall out)\n"
        "To publish: 0 added, 1 changed, 0 removed.\n"
    )


@pytest.mark.usefixtures("server")
async def test_a_plan_for_programs(run, write):
    code, out, _ = await run("plan", "rules", "--format", "json")

    planned = json.loads(out)
    assert (code, planned["publication"], planned["valid"], planned["empty"]) == (0, 0, True, False)
    assert planned["segments"] == [
        {"name": "large", "before": None, "after": 0, "gained": 0, "lost": 0, "problem": None}
    ]
    assert planned["declarations"][0] == {
        "change": "ADDED",
        "kind": "ATTRIBUTES",
        "name": "user",
        "file": "facts",
        "movedFrom": None,
        "lines": [],
    }


@pytest.mark.usefixtures("server")
async def test_rules_that_are_refused_are_shown_and_nothing_is_published(run, write, stores):
    write(
        {"a.rules": "promotion p { take 1% off crt }\n", "b.rules": "segment x { user.no = 1 }\n"}
    )

    code, _, err = await run("publish", "rules")

    assert code == 1
    assert "rules/a.rules:1:27: error" in err
    assert "rules/b.rules:1:18: error" in err
    assert (await stores.workspace.get()).current == 0
    assert await stores.templates.all() == []


@pytest.mark.usefixtures("server")
async def test_what_the_files_break_elsewhere_is_told(run, write):
    await run("publish", "rules")
    write({"offers/large.rules": "segment big { user.size >= 3 }\n", "offers/spring.rules": None})

    code, _, err = await run("plan", "rules")

    assert code == 1
    assert "error E203: in “Spring sale”, line 2, column 45: there is no segment `large`" in err


@pytest.mark.usefixtures("server")
async def test_a_file_that_is_gone_ends_its_campaign_only_on_request(run, write, stores):
    await run("publish", "rules")
    write({"offers/spring.rules": None})

    kept = await run("publish", "rules")
    planned = await run("plan", "rules", "--prune")
    pruned = await run("publish", "rules", "--prune")

    assert kept[1] == "live and not in these files: Spring sale\nNothing to do.\n"
    assert "offers/spring (its campaign ends)\n  - campaign spring\n" in planned[1]
    assert pruned[1].endswith("Spring sale: ended\n")
    assert (await stores.campaigns.find_keys(["offers/spring"]))["offers/spring"].live is None


class Interrupted(OverDatabase):
    """Somebody publishes something between the plan and the release."""

    def plan(self, folder):
        planned = super().plan(folder)
        self._run(
            lambda stores, _: by_hand("Between", "segment between { user.points = 1 }", stores)
        )
        return planned


async def test_whoever_publishes_meanwhile_is_not_overruled(direct, write, run, tmp_path):
    server = Interrupted(Settings(), by="ci")

    with pytest.raises(Conflict, match="Publication 1 is live now, and this was planned upon 0"):
        await asyncio.to_thread(publish, [tmp_path / "rules"], server, prune=False, why="")


# --- who may -------------------------------------------------------------------------------------


async def test_an_analyst_may_plan_and_not_publish(run, write, api_url, stores):
    await stores.users.documents.update_many({}, {"$set": {"roles": ["analyst"]}})

    planned = await run("plan", "rules")
    published = await run("publish", "rules")

    assert planned[0] == 0
    assert published[0] == 1
    assert published[2] == "fanfare: Your roles do not allow this.\n"


async def test_a_token_will_do(run, write, api_url, stores, monkeypatch):
    monkeypatch.delenv("FANFARE_EMAIL")
    monkeypatch.delenv("FANFARE_PASSWORD")

    nobody = await run("plan", "rules")
    monkeypatch.setenv("FANFARE_TOKEN", "forged")
    forged = await run("plan", "rules")

    assert nobody[0] == forged[0] == 1
    assert "set FANFARE_TOKEN, or FANFARE_EMAIL and FANFARE_PASSWORD" in nobody[2]
    assert forged[2].count("\n") == 1


async def test_an_address_where_nobody_answers_is_said(run, write, monkeypatch):
    monkeypatch.setattr("app.client.PATIENCE", 0.1)
    monkeypatch.setenv("FANFARE_TOKEN", "x")

    code, _, err = await run("plan", "rules", "--server", "http://127.0.0.1:1")

    assert code == 1
    assert err.startswith("fanfare: The API does not answer")
