"""Lines of CSV (RFC 4180) that are safe to open in a spreadsheet."""

import re

BETWEEN = "|"  # elements of a list in one cell
_SPECIAL = re.compile('[",\r\n]')
_FORMULA = tuple("=+-@\t\r")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def line(*cells: str) -> str:
    """Return one row, with its end."""
    return ",".join([_quoted(plain(cell)) for cell in cells]) + "\r\n"


def plain(text: str) -> str:
    """Keep a spreadsheet from taking what others wrote for a formula. A number is none."""
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def bare(cell: str) -> str:
    """Return what a cell says, without what `plain` has put before it."""
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text
