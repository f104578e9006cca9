"""`fanfare explain`: why a segment, a promotion or a trigger is for someone or is not."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dsl
from app.commands.sources import print_json, read_document, read_sources, show
from dsl import Explanation
from dsl.spelling import write_text
from engine.explaining import Account, Clause, Situation, account_of
from engine.explaining.writing import write_account
from engine.pricing.buyer import read_buyer
from engine.pricing.reading import read_cart
from engine.pricing.reserved import apart, supposed
from models.cart import Cart

_VERDICTS = {
    "segment": ("is a member", "is not a member"),
    "promotion": ("can apply", "does not apply"),
    "trigger": ("starts", "does not start"),
}
_CONNECTIVES = ("all", "any", "not")


def explain(
    rules: Path,
    name: str,
    *,
    user: Path | None,
    cart: Path | None,
    at: datetime,
    zone: str,
    as_json: bool,
) -> int:
    """Print why and return the exit code. Raises Invalid for a bad name, cart or user."""
    sources = read_sources([rules])
    checked = dsl.check(sources, dsl.Settings(zone=zone))
    program = checked.program
    if program is None:
        show((each for each in checked.diagnostics if each.severity == "error"), sources)
        return 1
    sent = None if cart is None else read_document(cart, lambda found: _read(found, program))
    facts, usage = (
        ({}, {})
        if user is None
        else read_document(user, lambda found: read_buyer(found, program, zone))
    )
    moment = dsl.Moment(at, program.zone, program)
    account = account_of(name, Situation(moment, facts, sent, usage))
    if as_json:
        print_json(write_account(account, sent.currency if sent else program.currency))
    else:
        _print(account)
    return 0


def _read(document: Any, program: dsl.Program) -> Cart:
    cart = read_cart(document, program)
    return apart(cart, supposed(cart, program))


def _print(account: Account) -> None:
    for line in _lines(account):
        try:
            print(line)
        except UnicodeEncodeError:
            coding = sys.stdout.encoding or "ascii"
            print(_in_ascii(line).encode(coding, "backslashreplace").decode(coding))


def _in_ascii(line: str) -> str:
    for sign, plain in (("✓", "+"), ("✗", "-"), ("—", "--"), ("×", "*"), ("÷", "/")):
        line = line.replace(sign, plain)
    return line


def _lines(account: Account) -> Iterator[str]:
    title = f" {write_text(account.title)}" if account.title else ""
    verdict = _VERDICTS[account.kind][not account.holds]
    yield f"{_mark(account.holds)} {account.kind} {account.name}{title}: {verdict}"
    for clause in account.clauses:
        if account.kind == "segment" and clause.tree is not None:
            yield from _tree(clause.tree, 1)
        else:
            yield from _clause(clause)
    yield from _way_out(account)


def _clause(clause: Clause) -> Iterator[str]:
    if clause.tree is None:
        change = f" — {clause.change}" if clause.change else ""
        yield f"  {_mark(clause.holds)} {clause.name}: {clause.text}{change}"
    else:
        note = f" ({clause.text})" if clause.text else ""
        yield from _tree(clause.tree, 1, f"{clause.name}{note}: ")


def _tree(tree: Explanation, depth: int, before: str = "") -> Iterator[str]:
    text = before + tree.text
    if tree.shape in ("not", "segment") and len(tree.parts) == 1:
        # One line for both, where the inner has lines of its own below.
        (inner,) = tree.parts
        if inner.holds is tree.holds and inner.shape in _CONNECTIVES:
            yield from _tree(inner, depth, f"{text}: ")
            return
    yield f"{'  ' * depth}{_mark(tree.holds)} {text}{_detail(tree)}"
    for part in tree.parts:
        yield from _tree(part, depth + 1)


def _detail(tree: Explanation) -> str:
    several = len(tree.seen) > 1
    seen = [f"{s.name} is {s.text}" if several else s.text for s in tree.seen]
    known = ", ".join(seen) if not tree.missing or several else ""
    told = "; ".join(each for each in (known, tree.change) if each)
    return f" — {told}" if told else ""


def _way_out(account: Account) -> Iterator[str]:
    """Yield what would have to change altogether, unless the lines above say it."""
    failing = [clause.tree for clause in account.clauses if clause.tree and not clause.holds]
    if not any(tree.parts for tree in failing):
        return
    changes = [change for tree in failing for change in tree.changes or ()]
    if changes and all(tree.changes for tree in failing):
        yield "It would take:"
        for change in changes:
            yield f"  {change.what}: {change.text}"


def _mark(holds: bool) -> str:
    return "✓" if holds else "✗"
