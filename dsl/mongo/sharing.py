"""What several expressions have in common is computed once: read values, days, comparisons."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dsl.mongo.terms import Code, constant

# Parts of fewer nodes cost no more than a variable.
_WORTH = 4
# Operators that bind names, and the argument that names them; without it "this".
_BINDING = {"$filter": "as", "$map": "as"}


def share(codes: Mapping[str, Code], prefix: str = "s") -> tuple[dict[str, Code], dict[str, Code]]:
    """Return parts that occur several times, under new names, and the expressions using those.

    Only parts that use no name bound around them are shared.
    """
    seen: Counter[str] = Counter()
    for code in codes.values():
        seen.update(repr(part) for part in _closed(code))
    names: dict[str, str] = {}
    shared: dict[str, Code] = {}

    def replaced(code: Code) -> Code:
        if not isinstance(code, dict | list) or constant(code) is not None:
            return code
        key = repr(code)
        if seen[key] > 1 and _is_shareable(code):
            if key not in names:
                names[key] = f"{prefix}{len(names)}"
                shared[names[key]] = code
            return "$$" + names[key]
        if isinstance(code, list):
            return [replaced(each) for each in code]
        return {name: replaced(each) for name, each in code.items()}

    return shared, {name: replaced(code) for name, code in codes.items()}


def _closed(code: Code) -> Iterator[Code]:
    if isinstance(code, dict | list) and constant(code) is None:
        if _is_shareable(code):
            yield code
        for part in code if isinstance(code, list) else code.values():
            yield from _closed(part)


def _is_shareable(code: Code) -> bool:
    """Whether this is an expression, rather than named arguments, that means the same anywhere."""
    is_operator = isinstance(code, dict) and len(code) == 1 and next(iter(code)).startswith("$")
    return is_operator and _size(code) >= _WORTH and not _free(code)


def _size(code: Code) -> int:
    if not isinstance(code, dict | list) or constant(code) is not None:
        return 1
    parts: Sequence[Any] = code if isinstance(code, list) else list(code.values())
    return 1 + sum(_size(part) for part in parts)


def _free(code: Code) -> frozenset[str]:
    """Return the names in an expression that are bound around it."""
    match code:
        case str() if code.startswith("$$"):
            return frozenset({code[2:].partition(".")[0]}) - {"REMOVE", "NOW", "ROOT"}
        case list():
            return _all_free(code)
        case dict() if constant(code) is not None:
            return frozenset()
        case {"$let": {"vars": bound, "in": inner}}:
            return _all_free(bound.values()) | (_free(inner) - frozenset(bound))
        case {"$reduce": {"input": given, "initialValue": first, "in": inner}}:
            return _free(given) | _free(first) | (_free(inner) - {"this", "value"})
        case dict():
            return frozenset().union(*(_of_operator(name, each) for name, each in code.items()))
        case _:
            return frozenset()


def _all_free(codes: Iterable[Code]) -> frozenset[str]:
    return frozenset[str]().union(*(_free(each) for each in codes))


def _of_operator(name: str, given: Code) -> frozenset[str]:
    if name in _BINDING and isinstance(given, dict):
        bound = given.get(_BINDING[name], "this")
        inner = _all_free(part for key, part in given.items() if key in ("cond", "in"))
        return _free(given["input"]) | (inner - {bound})
    return _free(given)
