import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from app.cli import app, main

RULES = """
attributes user { kids: number }
segment parents "Parents" { user.kids >= 1 or user.email is known }
promotion p "A tenth" {
  for user in segment parents  when cart.subtotal >= 50 USD  take 10% off cart
}
"""
CART = {"currency": "USD", "lines": [{"price": "42.60"}]}
NOBODY_YET = {"id": "ann", "kids": 0}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Write rules, a cart and a person, and run the command."""

    def run(*arguments, rules=RULES, cart=CART, user=NOBODY_YET):
        (tmp_path / "rules").write_text(rules, encoding="utf-8")
        (tmp_path / "cart").write_text(json.dumps(cart), encoding="utf-8")
        (tmp_path / "user").write_text(json.dumps(user), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["fanfare", "explain", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def test_explain_shows_a_tree_with_what_would_have_to_change(run):
    code, out, err = run("rules", "p", "--user", "user", "--cart", "cart")

    assert (code, err) == (0, "")
    assert (
        out
        == """\
✗ promotion p "A tenth": does not apply
  ✗ for: user is in segment parents: at least one of these
    ✗ user.kids is at least 1 — 0; needs 1 more
    ✗ user.email is known — user.email is not known
  ✗ when: cart.subtotal is at least 50.00 USD — 42.60 USD; 7.40 USD short
It would take:
  user.kids: needs 1 more
  cart.subtotal: 7.40 USD short
"""
    )


def test_what_holds_is_explained_too(run):
    code, out, _ = run("rules", "parents", "--user", "user", user={"id": "b", "kids": 2})

    assert code == 0
    assert (
        out
        == """\
✓ segment parents "Parents": is a member
  ✓ user is in segment parents: at least one of these
    ✓ user.kids is at least 1 — 2; would fail with 2 fewer
    ✗ user.email is known — user.email is not known
"""
    )


def test_json_has_the_whole_tree(run):
    _, out, _ = run("rules", "p", "--cart", "cart", "--user", "user", "--format", "json")

    document = json.loads(out)
    audience, when = document["clauses"]
    assert (document["kind"], document["name"], document["holds"]) == ("promotion", "p", False)
    assert audience["condition"]["parts"][0]["parts"][0]["values"] == {"user.kids": 0}
    assert when["condition"]["changes"][0]["by"] == "7.40"


def test_a_terminal_without_marks_gets_plain_ones(run):
    run("rules", "p")

    found = subprocess.run(
        [sys.executable, "-m", "app.cli", "explain", "rules", "p"],
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)},
    )

    assert found.stdout.decode("ascii").startswith('- promotion p "A tenth": does not apply')


def test_an_unknown_name_is_refused_in_one_line(run):
    code, out, err = run("rules", "parnts")

    assert (code, out) == (1, "")
    assert err == (
        "fanfare: There is no segment, promotion or trigger parnts. Did you mean parents?\n"
    )


def test_bad_rules_are_shown_with_carets(run):
    code, out, err = run("rules", "p", rules="promotion p { tke 1% off cart }")

    assert (code, out) == (1, "")
    assert "^^^" in err


@pytest.mark.parametrize(
    "arguments", [("r",), ("r", "p", "--format", "xml"), ("r", "p", "--at", "noon")]
)
def test_a_wrong_call_exits_with_two(arguments):
    assert CliRunner().invoke(app, ["explain", *arguments]).exit_code == 2
