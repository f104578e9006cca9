"""Expressions as Python callables, several times faster than walking them: for what is asked often.

Code is built as a tree through the `ast` module, never from text, of few kinds of nodes, and runs
without builtins: what a rule says can only become a constant or the choice of a function below.
"""

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, assert_never

from dsl.aggregates import combine, elements_of, value_kind
from dsl.core import (
    Aggregate,
    AllOf,
    AnyOf,
    Apply,
    Const,
    Expr,
    InSegment,
    ListSource,
    Not,
    Now,
    Ref,
    Today,
)
from dsl.evaluator import Facts, stored_constant
from dsl.kinds import BOOL, TEXT, Kind, Money
from dsl.moment import Moment
from dsl.money import LARGEST
from dsl.operators import Operator, family_of, find_operator
from dsl.program import Program
from dsl.values import MISSING, family, read, walk

Judge: TypeAlias = Callable[[Facts, Moment], bool]
_Inner: TypeAlias = Callable[[Facts, Moment, Any], Any]

_ALLOWED = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.Name),
    *(ast.Load, ast.Store, ast.Constant, ast.Call, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp),
    *(ast.Not, ast.IfExp, ast.NamedExpr, ast.Compare, ast.Eq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
    *(ast.Is, ast.IsNot, ast.In),
)
_COMPARISONS: Mapping[str, type[ast.cmpop]] = {
    "=": ast.Eq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
_ARGUMENTS = ("facts", "moment", "element")


def compiled(condition: Expr, program: Program) -> Judge:
    """Return a function that judges a condition as dsl.evaluator.holds does.

    Its moments must be of the same program.
    """
    judge = _build(condition, program, frozenset(), truth=True)
    return lambda facts, moment: judge(facts, moment, MISSING)


def _build(expr: Expr, program: Program, segments: frozenset[str], *, truth: bool) -> _Inner:
    """Compile one function of facts, a moment and an element."""
    writer = _Writer(program, segments)
    body = writer.condition(expr) if truth else writer.value(expr)
    function = ast.FunctionDef(
        name="judge",
        args=ast.arguments([], [ast.arg(name) for name in _ARGUMENTS], None, [], [], None, []),
        body=[*writer.preamble(), ast.Return(body)],
        decorator_list=[],
    )
    module = ast.fix_missing_locations(ast.Module([function], []))
    for node in ast.walk(module):
        assert isinstance(node, _ALLOWED), type(node)
    names = {**writer.names, "__builtins__": {}}
    exec(compile(module, "<rule>", "exec"), names)
    judge: _Inner = names["judge"]
    return judge


class _Writer:
    """Writes one expression as Python, and collects what its code refers to."""

    def __init__(self, program: Program, segments: frozenset[str]) -> None:
        self.names: dict[str, Any] = {"MISSING": MISSING, "type": type, **_TYPES}
        self._program = program
        self._segments = segments
        self._getters: dict[str, str] = {}
        self._temporaries = 0

    def preamble(self) -> list[ast.stmt]:
        """Return what fetches the documents that the expression looks into, once."""
        return [
            ast.Assign([ast.Name(name, ast.Store())], self._getter(root))
            for root, name in self._getters.items()
        ]

    # --- conditions and values

    def condition(self, expr: Expr) -> ast.expr:
        """Write an expression whose value is True or False."""
        match expr:
            case Not(operand):
                return ast.UnaryOp(ast.Not(), self.condition(operand))
            case AllOf(operands):
                return ast.BoolOp(ast.And(), [self.condition(one) for one in operands])
            case AnyOf(operands):
                return ast.BoolOp(ast.Or(), [self.condition(one) for one in operands])
            case InSegment(name):
                return self._call(
                    _membership(name, self._program, self._segments), "facts", "moment"
                )
            case Ref(kind=kind) if kind == BOOL:
                return _is(self._raw(expr), _constant(True))
            case Apply("is known", (operand,)):
                return _compare(self.value(operand), ast.IsNot, _name("MISSING"))
            case Apply(kind=kind) if kind == BOOL:
                return self._test(expr)
            case _:
                return _is(self.value(expr), _constant(True))

    def value(self, expr: Expr) -> ast.expr:
        """Write an expression whose value is MISSING or a stored form."""
        match expr:
            case Const():
                return self._const(expr)
            case Ref(kind=kind):
                return self._read(self._raw(expr), kind)
            case Now():
                return self._call(lambda moment: moment.now, "moment")
            case Today():
                return self._call(lambda moment: moment.today.isoformat(), "moment")
            case Aggregate():
                return self._aggregate(expr)
            case Apply(kind=kind) if kind != BOOL:
                return self._apply(
                    find_operator(expr.operator, expr.arguments), expr.arguments, MISSING
                )
            case Apply() | Not() | AllOf() | AnyOf() | InSegment():
                return self.condition(expr)
            case _:
                assert_never(expr)

    # --- operators

    def _test(self, expr: Apply) -> ast.expr:
        row = find_operator(expr.operator, expr.arguments)
        if row is None:
            return _constant(False)
        quick = self._quick(expr)
        if quick is not None:
            return quick
        operator = _COMPARISONS.get(expr.operator)
        if operator is None or len({family_of(one) for one in expr.arguments}) > 1:
            return self._apply(row, expr.arguments, False)
        left, right = (self._named(self.value(one)) for one in expr.arguments)
        return ast.BoolOp(
            ast.And(),
            [_is_known(left), _is_known(right), _compare(_again(left), operator, _again(right))],
        )

    def _quick(self, expr: Apply) -> ast.expr | None:
        """Write a comparison of a fact with a constant without reading the fact first."""
        match expr:
            case Apply("=", (Ref(kind=kind) as ref, Const(str() as wanted))) if kind == TEXT:
                return _compare(self._raw(ref), ast.Eq, _constant(wanted))
            case Apply("in", (Ref(kind=kind) as ref, Const(tuple() as wanted))) if kind == TEXT:
                raw = self._named(self._raw(ref))
                among = _compare(_again(raw), ast.In, self._bound(frozenset(wanted)))
                return ast.BoolOp(ast.And(), [self._has_type(raw, "str"), among])
            case Apply(operator, (Ref(kind=kind) as ref, Const(int() | float() as wanted))) if (
                operator in _COMPARISONS and family(kind) in ("number", "money")
            ):
                raw = self._named(self._raw(ref))
                test = _compare(_again(raw), _COMPARISONS[operator], _constant(wanted))
                return ast.BoolOp(ast.And(), [self._is_number(raw, kind), test])
            case _:
                return None

    def _apply(self, row: Operator | None, arguments: tuple[Expr, ...], missing: Any) -> ast.expr:
        absent = _name("MISSING") if missing is MISSING else _constant(missing)
        if row is None:
            return absent
        named = [self._named(self.value(argument)) for argument in arguments]
        tests: list[ast.expr] = [_is_known(one) for one in named]
        call = ast.Call(self._bound(row.python), [_name("moment"), *map(_again, named)], [])
        known = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
        return ast.IfExp(known, call, absent)

    # --- facts

    def _raw(self, ref: Ref) -> ast.expr:
        """Write what is stored at a path, or None."""
        if not ref.path:
            return _name("element")
        getter = self._getters.setdefault(ref.root, f"get{len(self._getters)}")
        found: ast.expr = ast.Call(_name(getter), [_constant(ref.path[0])], [])
        if len(ref.path) > 1:
            rest = ref.path[1:]
            found = self._call(lambda base: walk(base, rest), found)
        return found

    def _getter(self, root: str) -> ast.expr:
        if root == "element":
            return self._call(_getter_of, "element")
        return self._call(lambda facts: _getter_of(facts.get(root)), "facts")

    def _read(self, raw: ast.expr, kind: Kind) -> ast.expr:
        slow = self._bound(lambda stored: read(stored, kind))
        if kind != TEXT:
            return ast.Call(slow, [raw], [])
        named = self._named(raw)
        return ast.IfExp(
            self._has_type(named, "str"), _again(named), ast.Call(slow, [_again(named)], [])
        )

    def _is_number(self, raw: ast.NamedExpr, kind: Kind) -> ast.expr:
        low, high = _constant(-LARGEST - 1), _constant(LARGEST)
        within = ast.Compare(low, [ast.LtE(), ast.LtE()], [_again(raw), high])
        whole = ast.BoolOp(ast.And(), [self._has_type(raw, "int"), within])
        if isinstance(kind, Money):
            return whole
        finite = ast.Call(self._bound(math.isfinite), [_again(raw)], [])
        double = _is(ast.Call(_name("type"), [_again(raw)], []), _name("float"))
        return ast.BoolOp(ast.Or(), [whole, ast.BoolOp(ast.And(), [double, finite])])

    def _has_type(self, raw: ast.NamedExpr, name: str) -> ast.expr:
        return _is(ast.Call(_name("type"), [raw], []), _name(name))

    # --- aggregates

    def _aggregate(self, aggregate: Aggregate) -> ast.expr:
        source = aggregate.source
        base = (
            self._raw(source.ref)
            if isinstance(source, ListSource)
            else self._call(lambda facts: facts.get("events"), "facts")
        )
        run = _aggregation(aggregate, self._program, self._segments)
        return self._call(run, base, "facts", "moment")

    # --- names

    def _const(self, const: Const) -> ast.expr:
        if type(const.value) in (str, int, float, bool):
            return _constant(const.value)
        return self._call(lambda moment: stored_constant(const, moment), "moment")

    def _bound(self, what: Any) -> ast.expr:
        name = f"it{len(self.names)}"
        self.names[name] = what
        return _name(name)

    def _call(self, function: Callable[..., Any], *arguments: str | ast.expr) -> ast.expr:
        written = [_name(one) if isinstance(one, str) else one for one in arguments]
        return ast.Call(self._bound(function), written, [])

    def _named(self, expr: ast.expr) -> ast.NamedExpr:
        self._temporaries += 1
        return ast.NamedExpr(ast.Name(f"t{self._temporaries}", ast.Store()), expr)


_TYPES = {"str": str, "int": int, "float": float}


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _constant(value: Any) -> ast.Constant:
    return ast.Constant(value)


def _again(named: ast.NamedExpr) -> ast.Name:
    return _name(named.target.id)


def _compare(left: ast.expr, operator: type[ast.cmpop], right: ast.expr) -> ast.Compare:
    return ast.Compare(left, [operator()], [right])


def _is(left: ast.expr, right: ast.expr) -> ast.Compare:
    return _compare(left, ast.Is, right)


def _is_known(named: ast.NamedExpr) -> ast.Compare:
    return _compare(named, ast.IsNot, _name("MISSING"))


# --- what generated code calls -------------------------------------------------------------------


def _nothing(_name: str) -> None:
    return None


def _getter_of(document: Any) -> Callable[[str], Any]:
    # Looking at the class first is what makes this fast: nearly every document is a dict.
    is_document = type(document) is dict or isinstance(document, Mapping)
    return document.get if is_document else _nothing


def _aggregation(
    aggregate: Aggregate, program: Program, segments: frozenset[str]
) -> Callable[[Any, Facts, Moment], Any]:
    """Return the function of one aggregate, its filter compiled."""
    function, path = aggregate.function, aggregate.value
    kind = value_kind(aggregate, program)
    where = None
    if aggregate.where is not None:
        where = _build(aggregate.where, program, segments, truth=True)

    def run(base: Any, facts: Facts, moment: Moment) -> Any:
        groups = elements_of(aggregate, base, moment)
        if where is not None:
            groups = [[one for one in group if where(facts, moment, one)] for group in groups]
        if function == "count":
            return sum(map(len, groups))
        if function == "any":
            return any(groups)
        values = [[read(walk(one, path), kind) for one in group] for group in groups]
        return combine(function, values, kind)

    return run


def _membership(name: str, program: Program, segments: frozenset[str]) -> Judge:
    """Return the test of a segment: known from the facts, or else its condition."""
    segment = program.segments.get(name)
    judge = None
    if segment is not None and name not in segments:
        judge = _build(segment.condition, program, segments | {name}, truth=True)

    def is_member(facts: Facts, moment: Moment) -> bool:
        known = facts.get("segments")
        if isinstance(known, list | tuple | set | frozenset) and name in known:
            return True
        return judge is not None and bool(judge(facts, moment.in_workspace, MISSING))

    return is_member
