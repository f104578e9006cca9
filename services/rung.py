"""Which lanes a process has been rung for."""

from collections.abc import Iterable
from dataclasses import dataclass, field

TOGETHER = 16  # lanes in a pass


@dataclass(slots=True)
class Rung:
    """Lanes that this process was rung for and is at work on, and in how many passes it is.

    What waits is in the order in which it was rung for, so that no lane waits for ever while others
    are rung for again and again.
    """

    waiting: dict[int, None] = field(default_factory=dict)
    busy: set[int] = field(default_factory=set)
    passes: int = 0

    def add(self, numbers: Iterable[int]) -> None:
        """Have these lanes wait, too; those that do already keep their place."""
        self.waiting.update(dict.fromkeys(numbers))

    def others(self) -> list[int]:
        """Return lanes that nobody here is at work on."""
        return [number for number in self.waiting if number not in self.busy]

    def take(self) -> list[int]:
        """Take lanes for a pass, as many as there may be in one; they are busy from now on."""
        taken = self.others()[:TOGETHER]
        for number in taken:
            del self.waiting[number]
        self.busy.update(taken)
        return taken
