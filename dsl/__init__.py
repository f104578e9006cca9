"""The rules language: text in, answers out.

    parse ─► check ─┬─► evaluate   one person, cart or event, in Python
                    ├─► to_mongo   a whole collection, in the database
                    ├─► explain    why, and what would turn it, in English
                    └─► format     the same text, canonical

    complete, hover, definition    help for whoever is writing it

Imports nothing else from this project.
"""

from dsl.checker import Checked, check
from dsl.checker.cost import steps_within
from dsl.compiled import Compiler, compiled
from dsl.contents import Declared, outline
from dsl.diagnostics import Diagnostic, RuleError, Severity, SourceFile, Span
from dsl.difference import Change, difference, segments_changed
from dsl.editing import Completion, CompletionKind, Hover, complete, definition, hover
from dsl.evaluator import holds, value
from dsl.explanation import Explanation, explain, to_english
from dsl.formatter import format_source
from dsl.moment import Moment
from dsl.mongo.layout import Layout
from dsl.mongo.pipeline import prefilter, to_mongo
from dsl.mongo.terms import NotPushable
from dsl.mongo.together import to_mongo_next_change, to_mongo_together
from dsl.packing import pack, packing_key, unpack
from dsl.parser import Parsed, parse
from dsl.program import Program, Settings
from dsl.timing import changes_by_time, fades, next_change
from dsl.values import MISSING

__all__ = [
    "MISSING",
    "Change",
    "Checked",
    "Compiler",
    "Completion",
    "CompletionKind",
    "Declared",
    "Diagnostic",
    "Explanation",
    "Hover",
    "Layout",
    "Moment",
    "NotPushable",
    "Parsed",
    "Program",
    "RuleError",
    "Settings",
    "Severity",
    "SourceFile",
    "Span",
    "changes_by_time",
    "check",
    "compiled",
    "complete",
    "definition",
    "difference",
    "explain",
    "fades",
    "format_source",
    "holds",
    "hover",
    "next_change",
    "outline",
    "pack",
    "packing_key",
    "parse",
    "prefilter",
    "segments_changed",
    "steps_within",
    "to_english",
    "to_mongo",
    "to_mongo_next_change",
    "to_mongo_together",
    "unpack",
    "value",
]
