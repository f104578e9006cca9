"""Writing an account as JSON."""

from typing import Any

from dsl import Explanation
from dsl.explanation import Change
from engine.explaining.account import Account, Clause
from engine.stored import shown


def write_account(account: Account, currency: str) -> dict[str, Any]:
    """Return the document that `fanfare explain --format json` prints."""
    return {
        "kind": account.kind,
        "name": account.name,
        "title": account.title,
        "holds": account.holds,
        "clauses": [_clause(clause, currency) for clause in account.clauses],
    }


def _clause(clause: Clause, currency: str) -> dict[str, Any]:
    return {
        "clause": clause.name,
        "holds": clause.holds,
        "text": clause.text,
        "change": clause.change,
        "condition": None if clause.tree is None else _tree(clause.tree, currency),
    }


def _tree(tree: Explanation, currency: str) -> dict[str, Any]:
    return {
        "shape": tree.shape,
        "text": tree.text,
        "holds": tree.holds,
        "values": write_values(tree, currency),
        "missing": list(tree.missing),
        "change": tree.change,
        "changes": write_changes(tree, currency),
        "parts": [_tree(part, currency) for part in tree.parts],
    }


def write_values(tree: Explanation, currency: str) -> dict[str, Any]:
    """Return what a test saw, by name; what is not known is None."""
    return {seen.name: shown(seen.stored, seen.expr.kind, currency) for seen in tree.seen}


def write_changes(tree: Explanation, currency: str) -> list[dict[str, Any]] | None:
    """Return the changes that turn a condition, or None where none are known."""
    if tree.changes is None:
        return None
    return [write_change(change, currency) for change in tree.changes]


def write_change(change: Change, currency: str) -> dict[str, Any]:
    """Return a change: what to bring to which value, how far that is, and the same in words."""
    kind = change.subject.kind
    return {
        "name": change.name,
        "to": shown(change.to, kind, currency),
        "by": None if change.by is None else shown(change.by, kind, currency),
        "text": change.text,
    }
