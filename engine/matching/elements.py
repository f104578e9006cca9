"""What the elements of a list have in a field."""

from collections.abc import Collection, Mapping
from typing import Any

from dsl.compiled.support import Function
from dsl.core import Ref
from dsl.moment import Moment
from dsl.values import walk


def texts_of(source: Ref, path: tuple[str, ...]) -> Function:
    """Return a function of facts, a moment and an element that gives a list's texts.

    With a path, those found there in its elements. Other values may be among them.
    """
    name = path[0] if len(path) == 1 else None

    def texts(facts: Mapping[str, Any], _moment: Moment, element: Any) -> Collection[Any]:
        base = element if source.root == "element" else facts.get(source.root)
        many = walk(base, source.path)
        if not isinstance(many, list | tuple):
            return ()
        if name is not None:
            try:
                return {each.get(name) for each in many}
            except (AttributeError, TypeError):  # something odd among them
                pass
        found = (walk(each, path) for each in many)
        return {text for text in found if isinstance(text, str)}

    return texts
