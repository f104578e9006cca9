"""A checked program as bytes, for processes that would otherwise have to check its files again."""

import io
import pickle
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from dsl import clauses, core, diagnostics, kinds, offers, program, promotions, triggers
from dsl.core import Const, Ref
from dsl.program import Program, Settings

_DECLARING = (clauses, core, diagnostics, kinds, offers, program, promotions, triggers)
# These say the same wherever they occur, so each is kept once. Not so conditions: whoever remembers
# what came of one may tell by its identity where it stands.
_SHARED = (Ref, Const, clauses.Amount, clauses.Length, clauses.Limit, promotions.Off)


def pack(checked: Program) -> bytes:
    """Return a program as bytes. Where expressions stood in the text is left out."""
    return pickle.dumps(_lean(checked, {}), protocol=5)


def unpack(packed: bytes) -> Program:
    """Return the program, nothing but declarations. Raises ValueError if there is none in it."""
    try:
        found = _Unpickler(io.BytesIO(packed)).load()
    except Exception as error:  # a damaged pickle may raise anything
        raise ValueError("this is no packed program") from error
    if not isinstance(found, Program):
        raise ValueError("this is no packed program")
    return found


def packing_key(sources: list[tuple[str, str]], settings: Settings) -> str:
    """Return the key of what comes of these files, each a name and a text, with this code."""
    digest = sha256(_language())
    for part in (
        settings.zone,
        settings.currency or "",
        *(part for each in sources for part in each),
    ):
        text = part.encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()


@cache
def _language() -> bytes:
    """Return a digest of the language's own code: when that changes, files are checked again."""
    digest = sha256()
    folder = Path(__file__).parent
    for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.lark"))):
        digest.update(path.read_bytes())
    return digest.digest()


def _allowed() -> Iterator[type]:
    yield from (date, datetime, timedelta, timezone, Decimal)
    for module in _DECLARING:
        for found in vars(module).values():
            if isinstance(found, type) and is_dataclass(found):
                yield found


_ALLOWED = {(each.__module__, each.__qualname__): each for each in _allowed()}


class _Unpickler(pickle.Unpickler):
    """Reads declarations and plain values; a pickle that names anything else is refused."""

    def find_class(self, module: str, name: str) -> type:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a program") from None


def _lean(part: Any, shared: dict[Any, Any]) -> Any:
    if isinstance(part, tuple):
        return tuple(_lean(each, shared) for each in part)
    if isinstance(part, dict):
        return {key: _lean(each, shared) for key, each in part.items()}
    if not is_dataclass(part) or isinstance(part, type):
        return part
    is_expression = type(part).__module__ == core.__name__
    given = {
        field.name: _lean(getattr(part, field.name), shared)
        for field in fields(part)
        if not (is_expression and field.name == "span")
    }
    made = type(part)(**given)
    if type(part).__module__ == kinds.__name__ or isinstance(part, _SHARED):
        return shared.setdefault((type(part), *map(_identity, given.values())), made)
    return made


def _identity(value: Any) -> Any:
    """Return what tells values apart that are equal and not the same: 1, 1.0 and true."""
    if isinstance(value, tuple):
        return tuple(map(_identity, value))
    return id(value) if is_dataclass(value) else (type(value), value)
