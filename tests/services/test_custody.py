"""Whoever lives lets go of what failed, and is not taken for dead: later, if not at once."""

import pytest

from models.errors import Unavailable
from services.custody import Custody


async def test_what_succeeds_is_not_let_go_of():
    custody, gone = Custody(), []

    async def let_go() -> None:
        gone.append("it")

    async with custody.of(let_go):
        pass

    assert gone == []


async def test_what_fails_is_let_go_of_as_soon_as_the_database_is_back():
    custody, gone, away = Custody(), [], True

    async def let_go() -> None:
        if away:
            raise Unavailable("away")
        gone.append("it")

    async def nothing() -> None: ...

    with pytest.raises(ValueError, match="what went wrong"):
        async with custody.of(let_go):
            raise ValueError("what went wrong")
    with pytest.raises(Unavailable):
        async with custody.of(nothing):
            raise AssertionError("nothing new is begun meanwhile")
    away = False
    async with custody.of(nothing):
        assert gone == ["it"]

    assert gone == ["it"]
