"""The grammar's table: what of it is relied on elsewhere, and how it is kept."""

import pytest

from dsl.parser import table as module
from dsl.parser.table import Table, table


def test_a_name_may_not_stand_where_a_currency_may():
    """Else three capitals would be one or the other by chance."""
    both = [s for s, actions in table().states.items() if {"NAME", "CURRENCY"} <= set(actions)]

    assert both == []


def test_few_words_can_be_a_keyword_where_a_name_can_stand():
    """Each of these is told apart by what follows it; a new one must be thought about."""
    literals = table().literals
    words = {
        literals[terminal]
        for actions in table().states.values()
        if "NAME" in actions and "PERCENT_SIGN" not in actions and "TAKE" not in actions
        for terminal in actions
        if terminal in literals and literals[terminal].isalpha()
    }

    assert words == {
        *("true", "false", "now", "today", "not"),
        *("last", "this", "since", "ever", "segment", "total"),
    }


@pytest.mark.parametrize("damage", [b"", b"garbage", b"half"])
def test_a_damaged_kept_table_is_worked_out_anew(tmp_path, monkeypatch, damage):
    kept = tmp_path / "new" / "grammar.table"
    monkeypatch.setattr(module, "CACHE", kept)
    Table()
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2] if damage == b"half" else damage)

    assert len(Table().states) == len(table().states)
    assert len(kept.read_bytes()) > len(whole) // 2


def test_where_nothing_can_be_kept_the_table_is_worked_out_each_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(module, "CACHE", tmp_path / "file" / "grammar.table")

    assert len(Table().states) == len(table().states)
