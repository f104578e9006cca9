"""Names with dots to the facts that they mean."""

from dsl import nodes
from dsl.checker.agreement import UNKNOWN, in_words, poison
from dsl.checker.scopes import Scope
from dsl.checker.suggestions import did_you_mean, nearest
from dsl.core import Const, Now, Ref, Today
from dsl.kinds import NUMBER, Kind, ListOf, Money, Record

REACHES_OUT = ("user", "cart", "event")


def resolve(path: nodes.Path, scope: Scope) -> Ref | Const:
    """Return the fact that a path means, or, having said why not, poison."""
    found = root_of(path, scope)
    if found is None:
        return poison(path.span)
    root, kind, rest = found
    reached = walk(kind, rest, path, scope)
    if reached is None:
        return poison(path.span)
    if isinstance(reached, Money) and reached.currency:
        scope.currencies.note(reached.currency, path.span)
    names = tuple(part.text for part in rest)
    return Ref(root, names, reached, span=path.span)


def root_of(path: nodes.Path, scope: Scope) -> tuple[str, Kind, tuple[nodes.Name, ...]] | None:
    """Return where a path begins (a root's name, its type) and the names that follow."""
    first, *rest = path.parts
    name = first.text
    if name in scope.roots and (name in REACHES_OUT or not _has_field(scope, name)):
        return name, scope.roots[name], tuple(rest)
    if name in REACHES_OUT:
        scope.world.report.error(
            "E208", first.span, f"there is no `{name}` in {scope.place}", scope.sees
        )
        return None
    if scope.element is not None and _has_field(scope, name):
        return "element", scope.element, path.parts
    _say_unknown(first, scope)
    return None


def walk(kind: Kind, names: tuple[nodes.Name, ...], path: nodes.Path, scope: Scope) -> Kind | None:
    """Follow field names from a type, to the type of the last."""
    so_far = path.names[: len(path.parts) - len(names)]
    for name in names:
        match kind:
            case Record():
                field = kind.get(name.text)
                if field is None:
                    _say_no_field(name, kind, so_far, scope)
                    return None
                kind = field
            case ListOf():
                whole = ".".join(so_far)
                hint = f"such as `any({whole} where {name.text} = …)`"
                if _is_numeric(kind, name.text):
                    hint = f"such as `sum({whole}.{name.text})`"
                message = f"`{whole}` is a list, which has no `{name.text}` of its own"
                scope.world.report.error("E201", name.span, message, hint)
                return None
            case _ if kind == UNKNOWN:
                return None
            case _:
                scope.world.report.error(
                    "E201", name.span, f"`{'.'.join(so_far)}` is {in_words(kind)}: it has no fields"
                )
                return None
        so_far = (*so_far, name.text)
    return None if kind == UNKNOWN else kind


def _is_numeric(items: ListOf, name: str) -> bool:
    field = items.element.get(name) if isinstance(items.element, Record) else None
    return field == NUMBER or isinstance(field, Money)


def _has_field(scope: Scope, name: str) -> bool:
    return isinstance(scope.element, Record) and scope.element.get(name) is not None


def _say_no_field(name: nodes.Name, record: Record, so_far: tuple[str, ...], scope: Scope) -> None:
    if name.text in scope.world.broken.fields:
        return
    known = [field for field, _ in record.fields]
    owner = ".".join(so_far) or scope.elements
    prefix = f"{owner}." if so_far else ""
    hint = did_you_mean(name.text, known, prefix)
    if so_far == ("user",) and nearest(name.text, known) is None:
        hint = f"facts of your own are declared: `attributes user {{ {name.text}: number }}`"
    scope.world.report.error(
        "E201",
        name.span,
        f"`{owner}` has no `{name.text}`" if so_far else f"{owner} has no `{name.text}`",
        hint,
    )


def _say_unknown(name: nodes.Name, scope: Scope) -> None:
    """Say that a name means nothing here, and what was most likely meant."""
    world, text = scope.world, name.text
    may_be_field = scope.element is not None and text in world.broken.fields
    if may_be_field or world.broken.may_declare(text):
        return
    whose = f"{scope.elements} has no" if scope.element is not None else "nothing here is called"
    world.report.error("E201", name.span, f"{whose} `{text}`", _meant(text, scope) or scope.sees)


def _meant(name: str, scope: Scope) -> str:
    """Word what a name that means nothing here was most likely meant to say."""
    world, element = scope.world, scope.element
    fields = [field for field, _ in element.fields] if isinstance(element, Record) else []
    if name in world.events:
        return f"events are counted: `count({name}, last 30 days)`"
    if name in world.published:
        return f"a segment is asked for with `user in segment {name}`"
    if name in world.lists:
        return f"a list stands after `in`: `category in {name}`"
    if near := nearest(name, [*fields, *scope.roots, "now", "today"]):
        return f"did you mean `{near}`?"
    if owner := _owner_of(name, scope):
        return f"did you mean `{owner}.{name}`?"
    if fields:
        return did_you_mean(name, fields)
    other = nearest(name, [*world.events, *world.lists])
    return f"did you mean `{other}`?" if other else ""


def _owner_of(name: str, scope: Scope) -> str | None:
    for root, record in scope.roots.items():
        if isinstance(record, Record) and record.get(name) is not None:
            return root
    return None


def lowered_clock(node: nodes.Now | nodes.Today, scope: Scope) -> Now | Today | Const:
    """Return `now` or `today`, having said where `now` has no place."""
    if isinstance(node, nodes.Today):
        return Today(span=node.span)
    if scope.daily:
        scope.world.report.error(
            "E208",
            node.span,
            f"`now` has no place in {scope.place}: memberships change only when a day begins",
            "`today` is the date",
        )
        return poison(node.span)
    return Now(span=node.span)
