"""Writes expressions as Python.

Code is written for facts as they nearly always are: documents are documents, and numbers numbers or
absent. Over anything else it stumbles with an error, and whoever called it walks the tree instead;
nowhere may it give another answer.
"""

import ast
import operator as python
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, assert_never

from dsl.aggregates import value_kind
from dsl.compiled import support, trees
from dsl.compiled.questions import begins_with_element, is_local, never_missing
from dsl.compiled.trees import all_of, any_of, call, chain, compare, constant, either, get, name
from dsl.core import (
    Aggregate,
    AllOf,
    AnyOf,
    Apply,
    Const,
    EventSource,
    Ever,
    Expr,
    InSegment,
    ListSource,
    Not,
    Now,
    Ref,
    Today,
)
from dsl.evaluator import stored_constant
from dsl.kinds import BOOL, TEXT, Kind, ListOf, Money, Record, Simple, Text
from dsl.measures import measures_of
from dsl.money import LARGEST
from dsl.operators import Operator, family_of, find_operator
from dsl.values import LARGEST_NUMBER, family

_COMPARISONS: Mapping[str, tuple[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    "=": (ast.Eq, python.eq),
    "<": (ast.Lt, python.lt),
    "<=": (ast.LtE, python.le),
    ">": (ast.Gt, python.gt),
    ">=": (ast.GtE, python.ge),
}
_TURNED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Writer:
    """Writes one expression, and collects the functions and names that its code refers to."""

    def __init__(self, compiler: support.Compiler, segments: frozenset[str]) -> None:
        self._compiler = compiler
        self._segments = segments
        self._names: dict[str, Any] = dict(support.NAMES)
        self._functions: list[ast.stmt] = []
        self._roots: dict[str, str] = {}
        self._temporaries = 0

    def function(self, expr: Expr, *, truth: bool) -> support.Function:
        """Return the function of facts, a moment and an element that an expression is."""
        result = self.condition(expr) if truth else self.value(expr)
        slowly = self._bound(support.interpreted(expr, self._segments, truth=truth))
        arguments = ("facts", "moment", "element")
        body = trees.unless_raising(
            support.STUMBLES,
            [*self._preamble(), ast.Return(result)],
            [ast.Return(call(slowly, *map(name, arguments)))],
        )
        self._functions.append(trees.function("judge", arguments, [body], ["MISSING"]))
        found: support.Function = trees.run(self._functions, self._names)["judge"]
        return found

    def _preamble(self) -> list[ast.stmt]:
        """Fetch the documents that the code looks into, once."""
        return [
            trees.assign(local, ast.Subscript(name("facts"), constant(root), ast.Load()))
            for root, local in self._roots.items()
        ]

    # --- conditions and values

    def condition(self, expr: Expr) -> ast.expr:  # noqa: PLR0911 - one case per node
        """Write an expression whose value is True or False."""
        match expr:
            case Not(operand):
                return ast.UnaryOp(ast.Not(), self.condition(operand))
            case AllOf(operands):
                return all_of(*map(self.condition, operands))
            case AnyOf(operands):
                return any_of(*map(self.condition, operands))
            case InSegment(segment):
                member = self._bound(self._compiler.membership(segment, self._segments))
                return call(member, name("facts"), name("moment"))
            case Ref(kind=kind) if kind == BOOL:
                return trees.is_(self._raw(expr), constant(True))
            case Apply("is known", (operand,)):
                return self._is_known(self.value(operand))
            case Apply(kind=kind) if kind == BOOL:
                return self._test(expr)
            case Aggregate("any"):
                return self._aggregate(expr)
            case _:
                return trees.is_(self.value(expr), constant(True))

    def value(self, expr: Expr) -> ast.expr:
        """Write an expression whose value is MISSING or a stored form."""
        match expr:
            case Const():
                return self._const(expr)
            case Ref(kind=kind):
                return self._read(self._raw(expr), kind)
            case Now():
                return ast.Attribute(name("moment"), "now", ast.Load())
            case Today():
                return self._of_moment(lambda moment: moment.today.isoformat())
            case Aggregate():
                return self._aggregate(expr)
            case Apply(kind=kind) if kind != BOOL:
                row = find_operator(expr.operator, expr.arguments)
                return self._apply(row, expr.arguments, name("MISSING"))
            case Apply() | Not() | AllOf() | AnyOf() | InSegment():
                return self.condition(expr)
            case _:
                assert_never(expr)

    # --- operators

    def _test(self, expr: Apply) -> ast.expr:
        row = find_operator(expr.operator, expr.arguments)
        if row is None:
            return constant(False)
        return (
            self._quick(expr)
            or self._comparison(expr)
            or self._apply(row, expr.arguments, constant(False))
        )

    def _quick(self, expr: Apply) -> ast.expr | None:
        """Write the comparison of a fact with a literal, without reading the fact first."""
        match expr:
            case Apply(operator, (Const() as const, Ref() | Aggregate() as of)) if (
                operator in _TURNED
            ):
                return self._quick(Apply(_TURNED[operator], (of, const), BOOL))
            case Apply(operator, (Aggregate("count") as aggregate, Const(int() as wanted))):
                return self._reaches(aggregate, operator, wanted)
            case Apply("=", (Ref(kind=Text(options)) as ref, Const(str() as wanted))):
                possible = options is None or wanted in options
                raw = self._raw(ref)
                return compare(raw, ast.Eq, constant(wanted)) if possible else constant(False)
            case Apply("in", (Ref(kind=Text(options)) as ref, Const(tuple() as wanted))):
                among = frozenset(wanted if options is None else {*wanted} & {*options})
                return compare(self._raw(ref), ast.In, self._bound(among))
            case Apply("=", (Ref(kind=Simple("bool")) as ref, Const(bool() as wanted))):
                return trees.is_(self._raw(ref), constant(wanted))
            case Apply(operator, (Ref(kind=kind) as ref, Const(int() | float() as wanted))) if (
                operator in _COMPARISONS
                and family(kind) in ("number", "money")
                and -LARGEST - 1 <= wanted <= LARGEST
            ):
                return self._sized(ref, operator, wanted)
            case _:
                return None

    def _sized(self, ref: Ref, operator: str, wanted: float) -> ast.expr:
        """Write the comparison of a number or money with a literal."""
        node, test = _COMPARISONS[operator]
        raw = self._named(self._raw(ref))
        known = trees.again(raw)
        odd = self._bound(support.comparison(ref.kind, test, wanted))
        otherwise: ast.expr = all_of(trees.is_not(known, constant(None)), call(odd, known))
        if not isinstance(ref.kind, Money):
            double = trees.between(known, node, wanted, -LARGEST_NUMBER, LARGEST_NUMBER)
            otherwise = either(trees.has_type(known, "float"), double, otherwise)
        whole = trees.between(known, node, wanted, -LARGEST - 1, LARGEST)
        return either(trees.has_type(raw, "int"), whole, otherwise)

    def _comparison(self, expr: Apply) -> ast.expr | None:
        """Write an operator that Python has as well, once its arguments are known."""
        left, right = expr.arguments[0], expr.arguments[-1]
        if expr.operator == "in" and isinstance(right, Const) and not is_local(right):
            one = self._named(self.value(left))
            among = compare(trees.again(one), ast.In, self._bound(frozenset(right.value)))
            return all_of(self._is_known(one), among)
        if expr.operator not in _COMPARISONS or family_of(left) != family_of(right):
            return None
        tests: list[ast.expr] = []
        sides: list[ast.expr] = []
        for argument in expr.arguments:
            written = self.value(argument)
            if never_missing(argument):
                sides.append(written)
            else:
                named = self._named(written)
                tests.append(self._is_known(named))
                sides.append(trees.again(named))
        return all_of(*tests, compare(sides[0], _COMPARISONS[expr.operator][0], sides[1]))

    def _apply(
        self, row: Operator | None, arguments: tuple[Expr, ...], absent: ast.expr
    ) -> ast.expr:
        if row is None:
            return absent
        named = [self._named(self.value(argument)) for argument in arguments]
        known = all_of(*map(self._is_known, named))
        return either(
            known, call(self._bound(row.python), name("moment"), *map(trees.again, named)), absent
        )

    def _is_known(self, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Constant):
            return constant(True)
        return trees.is_not(value, name("MISSING"))

    # --- facts

    def _raw(self, ref: Ref) -> ast.expr:
        """Write what is stored at a path, or None."""
        if ref.root == "element":
            found: ast.expr = name("element")
        else:
            found = name(self._roots.setdefault(ref.root, f"root{len(self._roots)}"))
        for place, field in enumerate(ref.path):
            found = get(any_of(found, name("NOTHING")) if place else found, field)
        return found

    def _read(self, raw: ast.expr, kind: Kind) -> ast.expr:
        slow = self._bound(support.reader(kind))
        if kind != TEXT and family(kind) not in ("number", "money"):
            return call(slow, raw)
        named = self._named(raw)
        known = trees.again(named)
        if kind == TEXT:
            usual: ast.expr = trees.has_type(named, "str")
        else:
            within = chain(constant(-LARGEST - 1), ast.LtE, known, ast.LtE, constant(LARGEST))
            usual = all_of(trees.has_type(named, "int"), within)
        return either(usual, known, call(slow, known))

    # --- aggregates

    def _aggregate(self, aggregate: Aggregate) -> ast.expr:
        if aggregate.function == "any":
            looped = self._looped(aggregate, enough=1)
        else:
            looped = self._looped(aggregate)
        return self._or_measured(aggregate, looped or self._whole(aggregate), lambda it: it)

    def _or_measured(
        self, aggregate: Aggregate, plain: ast.expr, use: Callable[[ast.expr], ast.expr]
    ) -> ast.expr:
        """Write what is made of an aggregate, for facts with measures as well as without."""
        measures = measures_of(aggregate, self._compiler.program)
        if not measures:
            return plain
        run = support.measured_aggregate(
            aggregate, measures, self._compiler.program, cache(lambda: self._filter(aggregate))
        )
        facts = name("facts")
        found = call(self._bound(run), get(facts, "events"), facts, name("moment"))
        return either(trees.is_(get(facts, "measures"), constant(None)), plain, use(found))

    def _filter(self, aggregate: Aggregate) -> support.Function | None:
        if aggregate.where is None:
            return None
        return self._compiler.function(aggregate.where, self._segments, truth=True)

    def _whole(self, aggregate: Aggregate) -> ast.expr:
        source, where = aggregate.source, self._filter(aggregate)
        base = (
            self._raw(source.ref)
            if isinstance(source, ListSource)
            else get(name("facts"), "events")
        )
        run = self._bound(support.whole_aggregate(aggregate, self._compiler.program, where))
        return call(run, base, name("facts"), name("moment"))

    def _reaches(self, aggregate: Aggregate, operator: str, wanted: int) -> ast.expr | None:
        """Write a comparison of a count, which need not be counted to its end."""
        enough = wanted + 1 if operator in (">", "<=") else wanted
        if operator not in ("<", "<=", ">", ">=") or enough < 1:
            return None
        reached = self._looped(aggregate, enough)
        if reached is None:
            return None
        if operator in ("<", "<="):
            reached = ast.UnaryOp(ast.Not(), reached)
        test = _COMPARISONS[operator][0]
        return self._or_measured(
            aggregate, reached, lambda count: compare(count, test, constant(wanted))
        )

    def _looped(self, aggregate: Aggregate, enough: int | None = None) -> ast.expr | None:
        """Write a call of a loop of one's own, where elements are documents in any order.

        With `enough`, whether so many are found.
        """
        match aggregate.source:
            case ListSource(ref):
                if not (isinstance(ref.kind, ListOf) and isinstance(ref.kind.element, Record)):
                    return None
                base = self._raw(ref)
            case EventSource(event, nested):
                if nested or aggregate.function in ("latest", "earliest"):
                    return None
                base = get(any_of(get(name("facts"), "events"), name("NOTHING")), event)
            case _:
                assert_never(aggregate.source)
        return call(self._loop(aggregate, enough), base, name("facts"), name("moment"))

    def _loop(self, aggregate: Aggregate, enough: int | None) -> ast.expr:
        """Write a function of a list of documents, and return its name."""
        outer, self._roots = self._roots, {}
        conditions, before = self._conditions(aggregate)
        one_more = ast.AugAssign(ast.Name("found", ast.Store()), ast.Add(), constant(1))
        done = ast.Return(constant(True))
        first: list[ast.stmt] = [trees.assign("found", constant(0))]
        result: ast.expr = constant(False)
        then: list[ast.stmt]
        match aggregate.function:
            case "count" | "any" if enough == 1:
                first, then = [], [done]
            case "count" if enough is not None:
                is_enough = compare(name("found"), ast.Eq, constant(enough))
                then = [one_more, ast.If(is_enough, [done], [])]
            case "count":
                then, result = [one_more], name("found")
            case _:
                kind = value_kind(aggregate, self._compiler.program)
                value = self.value(Ref("element", aggregate.value, kind))
                append = ast.Attribute(name("found"), "append", ast.Load())
                first = [trees.assign("found", ast.List([], ast.Load()))]
                then = [ast.Expr(call(append, value))]
                result = call(self._bound(support.finish(aggregate.function, kind)), name("found"))
        usual = trees.has_type(name("base"), "list")
        many: ast.expr = either(usual, name("base"), call(name("elements"), name("base")))
        if enough is not None and aggregate.window is not None:
            many = call(name("reversed"), many)  # the newest come last, and most windows are short
        body = ast.If(all_of(*conditions), then, [])
        loop = ast.For(ast.Name("element", ast.Store()), many, [body], [])
        lines = [*self._preamble(), *before, *first, loop, ast.Return(result)]
        self._roots = outer
        loop_name = f"loop{len(self._functions)}"
        self._functions.append(trees.function(loop_name, ("base", "facts", "moment"), lines))
        return name(loop_name)

    def _conditions(self, aggregate: Aggregate) -> tuple[list[ast.expr], list[ast.stmt]]:
        """Write what elements must fulfil, and what is to be known before the first of them."""
        conditions: list[ast.expr] = []
        before: list[ast.stmt] = []
        where, window = aggregate.where, aggregate.window
        if isinstance(aggregate.source, EventSource):
            time = get(name("element"), "time")
            # What is within the millisecond that now begins counts as now.
            before = [trees.assign("end", ast.Attribute(name("moment"), "end", ast.Load()))]
            if window is None or isinstance(window, Ever):
                conditions = [compare(time, ast.Lt, name("end"))]
            else:
                known = ast.Attribute(name("moment"), "starts", ast.Load())
                start = call(self._bound(support.start_of(window)), name("moment"))
                start_known = get(known, support.key_of(window))
                before.append(trees.assign("start", any_of(start_known, start)))
                conditions = [chain(name("start"), ast.LtE, time, ast.Lt, name("end"))]
        elif where is None or not begins_with_element(where):
            # What is no document is no element; where one is read first, that stumbles.
            document = call(name("is_document"), name("element"))
            conditions = [any_of(trees.has_type(name("element"), "dict"), document)]
        if where is not None:
            conditions.append(self.condition(where))
        return conditions, before

    # --- names

    def _const(self, const: Const) -> ast.expr:
        if type(const.value) in (str, int, float, bool):
            return constant(const.value)
        if is_local(const):
            return self._of_moment(lambda moment: stored_constant(const, moment))
        return self._bound(const.value)

    def _of_moment(self, function: support.Function) -> ast.expr:
        return call(self._bound(function), name("moment"))

    def _bound(self, what: Any) -> ast.Name:
        bound = f"it{len(self._names)}"
        self._names[bound] = what
        return name(bound)

    def _named(self, expr: ast.expr) -> ast.NamedExpr:
        self._temporaries += 1
        return ast.NamedExpr(ast.Name(f"t{self._temporaries}", ast.Store()), expr)
