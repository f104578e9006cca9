import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app, main

CART = {"currency": "USD", "lines": [{"sku": "A", "price": "20.00", "quantity": 2}]}
RULES = "promotion p { take 10% off cart limit 1 per user }"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Write files of these names and contents, and run the command that names them."""

    def run(*arguments, **files):
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["fanfare", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def test_quote_prints_what_a_cart_costs(run):
    user = {"id": "ann", "uses": {"q": 1}}

    code, out, err = run(
        "quote", "rules", "cart", "--user", "user", rules=RULES, cart=CART, user=user
    )

    assert (code, err) == (0, "")
    assert json.loads(out)["total"] == "36.00"


def test_quote_and_explain_know_the_price_of_what_is_claimed(run):
    rules = (
        'flash_sale night { active from 2026-03-01  sku "A" at 5 USD stock 9 }\n'
        "promotion p { when cart.subtotal < 30 USD  take 10% off cart }"
    )
    (line,) = CART["lines"]
    cart = {**CART, "lines": [line | {"@claim": "night"}]}

    _, out, _ = run("quote", "rules", "cart", rules=rules, cart=cart)
    _, said, _ = run("explain", "rules", "p", "--cart", "cart", rules=rules, cart=cart)

    quoted = json.loads(out)
    assert (quoted["subtotal"], quoted["total"]) == ("25.00", "22.50")
    assert [(each["quantity"], each["subtotal"]) for each in quoted["lines"]] == [(2, "25.00")]
    assert "✓ when: cart.subtotal is less than 30.00 USD — 25.00 USD" in said


def test_quote_asks_nobody_to_sign_in(run):
    _, out, _ = run("quote", "rules", "cart", rules=RULES, cart=CART)

    (verdict,) = json.loads(out)["promotions"]
    assert (verdict["status"], verdict["reason"]["code"]) == ("not_applied", "sign_in")


def test_times_without_an_offset_are_in_the_zone(run):
    rules = "promotion p { active from 2026-03-01  take 10% off cart }"
    options = ("quote", "rules", "cart", "--at", "2026-03-01T00:30", "--zone")

    for zone in ("UTC", "Asia/Shanghai", "America/New_York"):
        _, out, _ = run(*options, zone, rules=rules, cart=CART)
        assert json.loads(out)["total"] == "36.00"
    _, out, _ = run("quote", "rules", "cart", "--at", "2026-02-28T23:59Z", rules=rules, cart=CART)
    assert json.loads(out)["total"] == "40.00"


def test_bad_rules_are_shown_with_carets(run):
    code, out, err = run(
        "quote", "rules", "cart", rules="promotion p { tke 1% off cart }", cart=CART
    )

    assert (code, out) == (1, "")
    assert "rules:1:15: error" in err
    assert "^^^" in err


@pytest.mark.parametrize(
    ("cart", "says"),
    [
        ({**CART, "currency": "XQX"}, "currency is 'XQX'"),
        ('{"currency": "USD", "lines": [{"price": NaN}]}', "lines[0].price: 'NaN'"),
        ('{"currency": ', "cart:1:14: this is not JSON"),
        (
            {**CART, "lines": [CART["lines"][0] | {"@claim": "night"}]},
            "cart: lines[0].@claim is 'night'; it must name a flash sale of the rules",
        ),
        ("[" * 100_000, "cart: this is no JSON that can be read"),
    ],
)
def test_a_bad_cart_is_refused_in_one_line(run, cart, says):
    code, out, err = run("quote", "rules", "cart", rules=RULES, cart=cart)

    assert (code, out) == (1, "")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("quote", "rules"),
        ("quote", "rules", "cart", "--at", "noon"),
        ("quote", "rules", "cart", "--zone", "Mars"),
        ("check",),
        ("check", "rules", "--format", "xml"),
    ],
)
def test_a_wrong_call_exits_with_two(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_check_prints_diagnostics_as_json(run):
    code, out, _ = run(
        "check", "--format", "json", "rules", rules="promotion p { take 1% off crt }"
    )

    (found,) = json.loads(out)
    assert code == 1
    assert set(found) == {
        *("file", "severity", "code", "message", "hint"),
        *("line", "column", "end_line", "end_column"),
    }
    assert (found["file"], found["severity"], found["line"]) == ("rules", "error", 1)


def test_check_takes_several_files_as_one_program(run):
    code, out, err = run(
        *("check", "a", "b"),
        a="segment s { user.name is known }",
        b="promotion p { for user in segment s  take 1% off cart }",
    )

    assert (code, out, err) == (0, "no problems in 2 files\n", "")


@pytest.fixture
def folder(tmp_path):
    """A folder in which one file needs another, beside what is no rules."""
    (tmp_path / "rules" / "offers").mkdir(parents=True)
    (tmp_path / "rules" / ".old").mkdir()
    for name, text in {
        "people.rules": "segment s { user.name is known }",
        "offers/p.rules": "promotion p { for user in segment s  take 50% off cart }",
        ".old/p.rules": "promotion p { take 1% off cart }",
        "offers/notes.txt": "no rules",
    }.items():
        (tmp_path / "rules" / name).write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("folder")
def test_the_files_of_a_folder_are_one_program(run):
    ann = {"id": "ann", "name": "Ann"}

    assert run("check", "rules") == (0, "no problems in 2 files\n", "")
    assert run("check", "rules", "rules/people.rules") == (0, "no problems in 2 files\n", "")
    _, quoted, _ = run("quote", "rules", "cart", "--user", "user", cart=CART, user=ann)
    _, said, _ = run("explain", "rules", "p", "--user", "user", "--cart", "cart")
    _, told, _ = run("simulate", "rules", "--since", "2026-03-01", "--until", "2026-03-02")

    assert json.loads(quoted)["total"] == "20.00"
    assert "segment s" in said
    assert told == ""


@pytest.mark.usefixtures("folder")
def test_a_mistake_in_a_folder_is_told_with_its_file(run, tmp_path):
    (tmp_path / "rules" / "people.rules").write_text("segment t { user.name is known }")

    code, _, err = run("check", "rules")

    assert code == 1
    assert f"{Path('rules/offers/p.rules')}:1:" in err


def test_a_folder_without_rules_is_refused(run, tmp_path):
    (tmp_path / "empty").mkdir()

    code, out, err = run("check", "empty")

    assert (code, out) == (1, "")
    assert err == "fanfare: empty: there are no files of rules (*.rules) in this folder\n"


def test_check_runs_examples(run):
    rules = """promotion p { take 1 USD off cart }
example "one off" {
  cart { 1 of { price: 4 USD } }
  expect total 4 USD
}"""

    code, out, err = run("check", "rules", rules=rules)

    assert code == 1
    assert 'rules:4:3: error E260: example "one off" fails: the total is 3.00 USD' in err
    assert out == "1 error in 1 file\n"


def test_warnings_alone_are_no_failure(run):
    rules = "promotion p { take 1% off cart best of g }"

    code, out, _ = run("check", "rules", rules=rules)

    assert (code, out) == (0, "1 warning in 1 file\n")


SENDS = """
event cart_updated { total: money USD }
trigger t { on cart_updated then { send email "greet" with { total: event.total } } }
"""


@pytest.mark.parametrize(
    ("files", "code", "says"),
    [
        ({"greet.liquid": "Subject: Hi\n\n{{ total }}"}, 0, "no problems"),
        ({"greet.liquid": "Subject: Hi\n\n{{ totl }}"}, 1, "E292"),
        ({}, 1, "E291"),
        ({"greet.liquid": "Subject: Hi\n\n{% if %}"}, 1, "no valid Liquid"),
    ],
)
def test_check_holds_templates_against_what_they_are_given(run, tmp_path, files, code, says):
    folder = tmp_path / "letters"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")

    ended, out, err = run("check", "rules", "--templates", "letters", rules=SENDS)

    assert ended == code
    assert says in out + err
