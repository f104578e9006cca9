"""Answers about expressions, kept by which expression it is.

To compare two of them takes longer than to answer.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, TypeVarTuple

_Asked = TypeVarTuple("_Asked")
_Answer = TypeVar("_Answer")

# Of each function; then all are forgotten.
_MOST = 8_192


def kept_by_identity(function: Callable[[*_Asked], _Answer]) -> Callable[[*_Asked], _Answer]:
    """Return the function that remembers what it answered about the very same arguments.

    They must never change, as expressions and programs.
    """
    # What is kept holds the arguments, so that none of their ids is given to another meanwhile.
    answers: dict[tuple[int, ...], tuple[_Answer, tuple[*_Asked]]] = {}

    @wraps(function)
    def kept(*arguments: *_Asked) -> _Answer:
        key = tuple(map(id, arguments))
        found = answers.get(key)
        if found is None:
            if len(answers) >= _MOST:
                answers.clear()
            found = answers[key] = (function(*arguments), arguments)
        return found[0]

    return kept
