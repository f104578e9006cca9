"""What is made once per program and kept while the program is in use."""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from dsl import Program

Made = TypeVar("Made")
Making: TypeAlias = Callable[[Program], Made]

# Programs are immutable and few: the one that is live, and those that work in flight belongs to.
_KEPT = 32


def once_per_program(make: Making[Made]) -> Making[Made]:
    """Return the function that makes it when first asked for, and then remembers it."""
    # By identity: what is kept holds its program, so that the id is not given to another meanwhile.
    kept: OrderedDict[int, tuple[Program, Made]] = OrderedDict()

    def remember(program: Program) -> Made:
        found = kept.get(id(program))
        if found is None:
            found = kept[id(program)] = (program, make(program))
            while len(kept) > _KEPT:
                kept.popitem(last=False)
        return found[1]

    return remember
