"""What a row of an export says."""

from collections.abc import Mapping
from typing import Any, TypeAlias

# By dotted names; lists are lists.
Said: TypeAlias = Mapping[str, Any]
