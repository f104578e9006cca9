"""Examples: a cart, a person and a moment as written, and what is expected of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dsl import nodes
from dsl.checker import literals
from dsl.checker.agreement import currencies_clash, fits, in_words
from dsl.checker.clauses import Clauses
from dsl.checker.expressions import lower
from dsl.checker.operations import is_option, is_poisoned
from dsl.checker.paths import walk
from dsl.checker.scopes import Currencies, Scope
from dsl.checker.world import World
from dsl.clauses import Amount
from dsl.core import Const
from dsl.kinds import Record
from dsl.program import Example, ExampleLine, Expectation

Fields = tuple[tuple[str, object], ...]


def lowered(node: nodes.Example, world: World) -> Example:
    """Return an example, having said what is wrong with it."""
    title = nodes.Name(node.title.value, span=node.title.span)
    clauses = Clauses(title, "example", node.clauses, world.report)
    scope = Scope(
        world, "an example", "an example has plain values", {}, world.zone, currencies=Currencies()
    )
    cart = clauses.needed(nodes.ExampleCart, "cart", "`cart { 1 of { price: 4 USD } }`")
    user = clauses.one(nodes.ExampleUser, "user")
    segments = () if user is None else user.segments
    for segment in segments:
        world.knows(segment, nodes.Segment, "E203")
    entries = () if cart is None else cart.entries
    example = Example(
        node.title.value,
        tuple(_line(entry, scope) for entry in entries if isinstance(entry, nodes.CartLine)),
        _shipping(entries, clauses, scope),
        tuple(entry.code.value for entry in entries if isinstance(entry, nodes.CartCode)),
        None if user is None else _facts(user.facts or (), world.user, "user", scope),
        tuple(segment.text for segment in segments),
        _at(clauses, world),
        _expectations(clauses, scope),
        span=node.span,
    )
    _check_one_currency(scope)
    return replace(example, currency=next(iter(scope.currencies.found), None))


def _at(clauses: Clauses, world: World) -> datetime | None:
    node = clauses.one(nodes.ExampleAt, "at")
    return None if node is None else literals.start_of(node.at, world.zone)


def _line(node: nodes.CartLine, scope: Scope) -> ExampleLine:
    report = scope.world.report
    quantity = literals.count(node.quantity, report, "a quantity")
    fields = _facts(node.facts, scope.world.item, "an item", scope)
    names = {fact.path.names[0] for fact in node.facts}
    if "price" not in names:
        report.error("E241", node.span, "a line of a cart needs a price", "`price: 4 USD`")
    for name, value in fields:
        if name in ("price", "floor") and isinstance(value, int) and value < 0:
            report.error("E229", node.span, f"a line's {name} must not be negative")
    for derived, instead in (("quantity", "`2 of { … }`"), ("amount", "price × quantity")):
        if derived in names:
            message = f"a line's {derived} is not given here: it is {instead}"
            report.error("E252", node.span, message)
    return ExampleLine(quantity, fields)


def _shipping(
    entries: Sequence[nodes.CartLine | nodes.CartShipping | nodes.CartCode],
    clauses: Clauses,
    scope: Scope,
) -> Amount | None:
    inner = Clauses(clauses.owner, clauses.word, entries, clauses.report)
    node = inner.one(nodes.CartShipping, "shipping")
    return None if node is None else _money(node.amount, scope)


def _money(node: nodes.Money, scope: Scope) -> Amount | None:
    amount = literals.amount(node, scope.world.report)
    if amount is not None:
        scope.currencies.note(amount.currency, node.span)
    return amount


def _facts(facts: Sequence[nodes.Fact], record: Record, owner: str, scope: Scope) -> Fields:
    """Return facts as written, each of the type that it is declared with, by dotted name."""
    report = scope.world.report
    given: dict[str, object] = {}
    for fact in facts:
        name = str(fact.path)
        if name in given:
            report.error("E212", fact.path.span, f"`{name}` is given already")
        value = lower(fact.value, scope)
        inside = scope.within(record, owner)
        kind = walk(record, fact.path.parts, fact.path, inside)
        given[name] = None
        if kind is None or is_poisoned(value):
            continue
        if not isinstance(value, Const):
            report.error("E220", fact.value.span, "an example has plain values only")
        elif not fits(value.kind, kind):
            message = f"`{name}` is {in_words(kind)}, and this is {in_words(value.kind)}"
            report.error("E220", fact.value.span, message)
        elif currencies_clash(value.kind, kind):
            message = f"`{name}` is {in_words(kind)}, and this is {in_words(value.kind)}"
            report.error("E221", fact.value.span, message)
        elif is_option(value, kind, report):
            given[name] = value.value
    return tuple(given.items())


def _expectations(clauses: Clauses, scope: Scope) -> tuple[Expectation, ...]:
    expected: list[Expectation] = []
    for node in clauses.written:
        match node:
            case nodes.ExpectTotal(amount=amount):
                expected.append(Expectation("total", None, _money(amount, scope), span=node.span))
            case nodes.ExpectTakes(promotion=promotion, amount=amount):
                scope.world.knows(promotion, nodes.Promotion, "E204")
                money = _money(amount, scope)
                expected.append(Expectation("takes", promotion.text, money, span=node.span))
            case nodes.ExpectApplied(promotion=promotion, applied=applied):
                scope.world.knows(promotion, nodes.Promotion, "E204")
                what = "applied" if applied else "not applied"
                expected.append(Expectation(what, promotion.text, span=node.span))
            case _:
                pass
    if not expected:
        clauses.lacks("expect", "such as `expect total 10 USD`")
    return tuple(expected)


def _check_one_currency(scope: Scope) -> None:
    first, others = scope.currencies.others()
    for currency, span in others:
        message = f"this cart is in {first}, and this is in {currency}"
        scope.world.report.error("E221", span, message)
