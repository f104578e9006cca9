"""Why a condition holds or not, and what would turn it, in English."""

from dsl.explanation.changes import Change
from dsl.explanation.english import Voice, to_english
from dsl.explanation.tree import Explainer, Explanation, Seen, explain

__all__ = ["Change", "Explainer", "Explanation", "Seen", "Voice", "explain", "to_english"]
