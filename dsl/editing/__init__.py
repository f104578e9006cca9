"""Help for whoever writes rules: what could come next, what a word means, where it is declared.

    place ─► names · views · wanted · world ─┬─► completion (offered_names, _texts, _words)
                                             └─► hover, definition

`place` follows the parser's own table up to the cursor, so that half-written text will do.
"""

from dsl.editing.completion import complete
from dsl.editing.definition import definition
from dsl.editing.hover import Hover, hover
from dsl.editing.offers import Completion, CompletionKind

__all__ = ["Completion", "CompletionKind", "Hover", "complete", "definition", "hover"]
