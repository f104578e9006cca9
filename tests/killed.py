"""Dying at a step of a store, as a process that is killed there does."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from models.store.database import Store


class Killed(BaseException):
    """What nothing catches, as a kill."""


@contextmanager
def killed_at(store: Store, step: str) -> Iterator[None]:
    """Have whoever comes to a step of such a store die."""

    async def kill(self: Store, *_: object, **__: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(store), step, kill)
        yield
