"""Expressions, lowered: names become facts, sugar goes, and every type is known."""

from typing import assert_never

import re2

from dsl import nodes
from dsl.checker import lints, literals
from dsl.checker.aggregates import AGGREGATES, find_source, result_of, window_of
from dsl.checker.agreement import (
    UNKNOWN,
    currencies_clash,
    described,
    in_words,
    is_scalar,
    poison,
)
from dsl.checker.operations import (
    FUNCTIONS,
    apart,
    are_day_and_instant,
    called,
    combined,
    compared,
    contained,
    is_option,
    is_poisoned,
    meets,
    negated,
    text_test,
)
from dsl.checker.paths import lowered_clock, resolve
from dsl.checker.report import Report
from dsl.checker.scopes import Scope
from dsl.checker.suggestions import did_you_mean
from dsl.core import (
    Aggregate,
    AllOf,
    AnyOf,
    Apply,
    Const,
    Expr,
    InSegment,
    Not,
    Ref,
)
from dsl.diagnostics import Span
from dsl.kinds import BOOL, ListOf, Money, Record

MOST_PATTERN = 256


def condition(node: nodes.Expr, scope: Scope, *, judged: bool = True) -> Expr:
    """Return a condition: what is true or false, and neither of them always."""
    report = scope.world.report
    before = report.errors
    lowered = truth(node, scope)
    if judged and report.errors == before:
        lints.judge(lowered, node.span, report)
    return lowered


def truth(node: nodes.Expr, scope: Scope) -> Expr:
    """Return an expression that must be true or false."""
    lowered = lower(node, scope)
    if lowered.kind not in (BOOL, UNKNOWN):
        what = f"{described(lowered)} is {in_words(lowered.kind)}"
        hint = "compare it with something" if is_scalar(lowered.kind) else ""
        scope.world.report.error("E220", node.span, f"a condition is needed here; {what}", hint)
        return poison(node.span)
    return lowered


def lower(node: nodes.Expr, scope: Scope) -> Expr:  # noqa: C901, PLR0911, PLR0912 - one case per node
    """Return an expression with its names resolved and its types checked."""
    report, span = scope.world.report, node.span
    match node:
        case nodes.List():
            return _list(node, scope)
        case (
            nodes.Number()
            | nodes.Percent()
            | nodes.Money()
            | nodes.Text()
            | nodes.Date()
            | nodes.Time()
            | nodes.Timestamp()
            | nodes.Duration()
            | nodes.Bool()
        ):
            return literals.lowered(node, scope) or poison(span)
        case nodes.Path():
            return resolve(node, scope)
        case nodes.Now() | nodes.Today():
            return lowered_clock(node, scope)
        case nodes.Group(inner=inner):
            return lower(inner, scope)
        case nodes.Negative(operand=operand):
            return negated(lower(operand, scope), span, report)
        case nodes.Arithmetic(operator=operator):
            left, right = lower(node.left, scope), lower(node.right, scope)
            lints.note_double_quantity(operator, left, right, span, scope)
            return combined(operator, left, right, span, report)
        case nodes.Comparison():
            return _comparison(node, scope)
        case nodes.Between(value=value, low=low, high=high):
            middle = lower(value, scope)
            least = compared(">=", middle, lower(low, scope), span, report)
            most = compared("<=", middle, lower(high, scope), span, report)
            return poison(span) if is_poisoned(least, most) else AllOf((least, most), span=span)
        case nodes.InSegment():
            return _membership(node, scope)
        case nodes.Is(operand=operand, known=known):
            fact = lower(operand, scope)
            test = Apply("is known", (fact,), BOOL, span=span)
            return poison(span) if is_poisoned(fact) else test if known else Not(test, span=span)
        case nodes.Not(operand=operand):
            return Not(truth(operand, scope), span=span)
        case nodes.And(operands=operands):
            return AllOf(tuple(truth(operand, scope) for operand in operands), span=span)
        case nodes.Or(operands=operands):
            lints.note_mixed_and_or(node, report)
            return AnyOf(tuple(truth(operand, scope) for operand in operands), span=span)
        case nodes.Call():
            return _call(node, scope)
        case nodes.Aggregate():
            return _aggregate(node, scope)
        case _:
            assert_never(node)


# --- comparisons ---------------------------------------------------------------------------------


def _comparison(node: nodes.Comparison, scope: Scope) -> Expr:
    report, span = scope.world.report, node.span
    left = lower(node.left, scope)
    match node.operator:
        case "in" | "not in" as operator:
            test = _membership_of_list(left, node.right, span, scope)
            return Not(test, span=span) if operator == "not in" else test
        case "contains":
            return contained(left, lower(node.right, scope), span, report)
        case "starts with" | "ends with" as operator:
            return text_test(operator, left, lower(node.right, scope), span, report)
        case "matches":
            _check_pattern(node.right, scope)
            return text_test("matches", left, lower(node.right, scope), span, report)
        case "!=":
            equal = compared("=", left, lower(node.right, scope), span, report)
            return Not(equal, span=span)
        case operator:
            equal_sign = "=" if operator == "==" else operator
            return compared(equal_sign, left, lower(node.right, scope), span, report)


def _membership_of_list(left: Expr, right: nodes.Expr, span: Span, scope: Scope) -> Expr:
    report = scope.world.report
    options = _listed(right, scope)
    if is_poisoned(left, options):
        return poison(span)
    if not isinstance(options.kind, ListOf) or not is_scalar(options.kind.element):
        what = f"{described(options)} is {in_words(options.kind)}"
        report.error("E220", right.span, f"`in` needs a list of values; {what}")
        return poison(span)
    stand_in = Ref("element", (), options.kind.element, span=right.span)
    if not meets(left, stand_in, span, report):
        return poison(span)
    if isinstance(options, Const) and isinstance(right, nodes.List):
        elements = zip(options.value, right.elements, strict=True)
        kind = options.kind.element
        known = [is_option(Const(v, kind, span=n.span), left.kind, report) for v, n in elements]
        if not all(known):
            return poison(span)
    if are_day_and_instant(left.kind, options.kind.element):
        return _among_others(left, options, span, report)
    return Apply("in", (left, options), BOOL, span=span)


def _among_others(left: Expr, options: Expr, span: Span, report: Report) -> Expr:
    """Return whether a date is among timestamps, or a timestamp among dates, each compared."""
    if not isinstance(options, Const):
        report.error("E220", span, apart(options, left))
        return poison(span)
    assert isinstance(options.kind, ListOf)
    each = [Const(value, options.kind.element, span=options.span) for value in options.value]
    tests = tuple(Apply("=", (left, one), BOOL, span=span) for one in each)
    return tests[0] if len(tests) == 1 else AnyOf(tests, span=span)


def _listed(node: nodes.Expr, scope: Scope) -> Expr:
    """Return what stands after `in`: a list that was written, declared, or is a fact."""
    world = scope.world
    match node:
        case nodes.List():
            return _list(node, scope)
        case nodes.Path(parts=(name,)) if not _is_list_field(name.text, scope):
            if name.text in world.lists:
                named = world.lists[name.text]
                return Const(named.value, named.kind, span=node.span)
            if not world.broken.may_declare(name.text):
                if name.text in world.names_of(nodes.Segment):
                    hint = f"a segment is asked for with `in segment {name.text}`"
                else:
                    hint = did_you_mean(name.text, world.lists)
                world.report.error("E205", name.span, f"there is no list `{name.text}`", hint)
            return poison(node.span)
        case _:
            return lower(node, scope)


def _is_list_field(name: str, scope: Scope) -> bool:
    element = scope.element
    return isinstance(element, Record) and isinstance(element.get(name), ListOf)


def _list(node: nodes.List, scope: Scope) -> Expr:
    """Return a written list, whose elements must be of one type."""
    report = scope.world.report
    elements = [lower(element, scope) for element in node.elements]
    consts = [element for element in elements if isinstance(element, Const)]
    if is_poisoned(*elements) or len(consts) < len(elements):
        return poison(node.span)
    if not consts:
        report.error("E220", node.span, "a list needs at least one element")
        return poison(node.span)
    first = consts[0].kind
    for const in consts[1:]:
        if currencies_clash(first, const.kind):
            report.error("E221", const.span, f"this list is of {first}, and this is {const.kind}")
            return poison(node.span)
        if const.kind != first:
            message = f"this list is of {in_words(first)}, and this is {in_words(const.kind)}"
            report.error("E220", const.span, message)
            return poison(node.span)
    return Const(tuple(const.value for const in consts), ListOf(first), span=node.span)


def _check_pattern(node: nodes.Expr, scope: Scope) -> None:
    report = scope.world.report
    if not isinstance(node, nodes.Text):
        return
    if len(node.value) > MOST_PATTERN:
        report.error("E230", node.span, f"a pattern has at most {MOST_PATTERN} characters")
        return
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(node.value, options)
    except (re2.error, UnicodeEncodeError) as problem:
        reason = problem.args[0] if problem.args else ""
        words = reason.decode() if isinstance(reason, bytes) else str(reason)
        hint = "patterns are RE2's: no backreferences, no looking around"
        report.error("E230", node.span, f"this pattern is not valid: {words}", hint)


def _membership(node: nodes.InSegment, scope: Scope) -> Expr:
    world, span = scope.world, node.span
    subject = node.subject
    if not (isinstance(subject, nodes.Path) and subject.names == ("user",)):
        world.report.error(
            "E220", subject.span, "only `user` can be in a segment", "write `user in segment …`"
        )
        return poison(span)
    if "user" not in scope.roots:
        resolve(subject, scope)
        return poison(span)
    if not world.knows(node.segment, nodes.Segment, "E203"):
        return poison(span)
    member = InSegment(node.segment.text, span=span)
    return Not(member, span=span) if node.negated else member


# --- functions and aggregates --------------------------------------------------------------------


def _call(node: nodes.Call, scope: Scope) -> Expr:
    name, report = node.function.text, scope.world.report
    if name in AGGREGATES:
        match node.arguments:
            case (nodes.Path() as source,):
                # Without a filter and a window it looks like a function of a value.
                return _aggregate(nodes.Aggregate(node.function, source, span=node.span), scope)
            case _:
                hint = f"such as `{name}(order_placed.total, last 30 days)`"
                if name in ("min", "max"):
                    hint = f"of several values: `{'least' if name == 'min' else 'greatest'}(…)`"
                report.error("E225", node.span, f"`{name}` goes over events or a list", hint)
                return poison(node.span)
    if name not in FUNCTIONS:
        _say_no_function(node.function, scope)
        return poison(node.span)
    arguments = tuple(lower(argument, scope) for argument in node.arguments)
    return called(name, arguments, node.span, report)


def _say_no_function(name: nodes.Name, scope: Scope) -> None:
    hint = did_you_mean(name.text, [*FUNCTIONS, *AGGREGATES])
    if name.text == "exists":
        hint = "did you mean `any`?"
    scope.world.report.error("E207", name.span, f"there is no function `{name.text}`", hint)


def _aggregate(node: nodes.Aggregate, scope: Scope) -> Expr:
    function, report = node.function.text, scope.world.report
    if function not in AGGREGATES:
        if function in FUNCTIONS:
            message = f"`{function}` takes values: no `where`, no window"
            report.error("E225", node.span, message)
        else:
            _say_no_function(node.function, scope)
        return poison(node.span)
    found = find_source(node.source, scope)
    if found is None:
        return poison(node.span)
    inside = scope.within(found.element, found.name)
    where = None if node.where is None else condition(node.where, inside)
    kind = result_of(function, found, node.source.span, scope)
    window = window_of(node.window, found, node.span, scope)
    if kind is None or (where is not None and is_poisoned(where)):
        return poison(node.span)
    if isinstance(kind, Money) and kind.currency:
        scope.currencies.note(kind.currency, node.span)
    lowered = Aggregate(function, found.source, found.value, where, window, kind, span=node.span)
    lints.note_counted_lines(lowered, report)
    return lowered
