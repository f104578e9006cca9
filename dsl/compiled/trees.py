"""Python code as trees, of the few kinds of nodes that rules are made of."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

_ALLOWED = frozenset(
    (
        *(ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.Add),
        *(ast.For, ast.If, ast.Expr, ast.Try, ast.ExceptHandler, ast.Tuple, ast.List),
        *(ast.Name, ast.Load, ast.Store, ast.Constant, ast.Call, ast.Attribute, ast.Subscript),
        *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.IfExp, ast.NamedExpr),
        *(ast.Compare, ast.Eq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In),
    )
)
_ATTRIBUTES = frozenset(("get", "append", "now", "end", "starts"))


def run(functions: Sequence[ast.stmt], names: Mapping[str, Any]) -> dict[str, Any]:
    """Define functions among these names, without builtins, and return all names."""
    for function in functions:
        _approve(function)
    everything = {**names, "__builtins__": {}}
    exec(compile(ast.Module([*functions], []), "<rule>", "exec"), everything)
    return everything


def _approve(node: Any) -> None:
    """Check a tree's nodes, and give them the places that compile() asks for."""
    assert type(node) in _ALLOWED, type(node)
    node.lineno = node.end_lineno = 1
    node.col_offset = node.end_col_offset = 0
    for field in node._fields:
        inner = getattr(node, field)
        if isinstance(inner, list):
            for each in inner:
                _approve(each)
        elif isinstance(inner, ast.AST):
            _approve(inner)
    if type(node) is ast.Attribute:
        assert node.attr in _ATTRIBUTES, node.attr


# --- statements ----------------------------------------------------------------------------------


def function(
    name_: str, parameters: Sequence[str], body: list[ast.stmt], defaults: Sequence[str] = ()
) -> ast.FunctionDef:
    arguments = ast.arguments(
        [], [ast.arg(one) for one in parameters], None, [], [], None, [name(d) for d in defaults]
    )
    return ast.FunctionDef(name_, arguments, body, [])


def assign(target: str, what: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(target, ast.Store())], what)


def unless_raising(errors: Sequence[str], body: list[ast.stmt], handler: list[ast.stmt]) -> ast.Try:
    kinds = ast.Tuple([name(error) for error in errors], ast.Load())
    return ast.Try(body, [ast.ExceptHandler(kinds, None, handler)], [], [])


# --- expressions ---------------------------------------------------------------------------------


def name(of: str) -> ast.Name:
    return ast.Name(of, ast.Load())


def constant(value: Any) -> ast.Constant:
    return ast.Constant(value)


def again(named: ast.NamedExpr) -> ast.Name:
    """Refer once more to what was given a name."""
    return name(named.target.id)


def call(function_: ast.expr, *arguments: ast.expr) -> ast.Call:
    return ast.Call(function_, [*arguments], [])


def get(document: ast.expr, field: str) -> ast.Call:
    return call(ast.Attribute(document, "get", ast.Load()), constant(field))


def compare(left: ast.expr, operator: type[ast.cmpop], right: ast.expr) -> ast.Compare:
    return ast.Compare(left, [operator()], [right])


def chain(
    low: ast.expr,
    first: type[ast.cmpop],
    middle: ast.expr,
    second: type[ast.cmpop],
    high: ast.expr,
) -> ast.Compare:
    return ast.Compare(low, [first(), second()], [middle, high])


def is_(left: ast.expr, right: ast.expr) -> ast.Compare:
    return compare(left, ast.Is, right)


def is_not(left: ast.expr, right: ast.expr) -> ast.Compare:
    return compare(left, ast.IsNot, right)


def has_type(what: ast.expr, type_: str) -> ast.Compare:
    return is_(call(name("type"), what), name(type_))


def all_of(*conditions: ast.expr) -> ast.expr:
    return _join(ast.And(), conditions, default=True)


def any_of(*conditions: ast.expr) -> ast.expr:
    return _join(ast.Or(), conditions, default=False)


def _join(operator: ast.boolop, conditions: Sequence[ast.expr], *, default: bool) -> ast.expr:
    if not conditions:
        return constant(default)
    return conditions[0] if len(conditions) == 1 else ast.BoolOp(operator, [*conditions])


def either(test: ast.expr, then: ast.expr, otherwise: ast.expr) -> ast.IfExp:
    return ast.IfExp(test, then, otherwise)


def between(
    known: ast.expr, node: type[ast.cmpop], wanted: float, least: float, most: float
) -> ast.expr:
    """Write a comparison that no number beyond the largest ones passes."""
    if node is ast.Gt or node is ast.GtE:
        turned = ast.Lt if node is ast.Gt else ast.LtE
        return chain(constant(wanted), turned, known, ast.LtE, constant(most))
    if node is ast.Eq:
        return compare(known, ast.Eq, constant(wanted))
    return chain(constant(least), ast.LtE, known, node, constant(wanted))
