"""Texts as files have them, wherever they were written."""


def plain(text: str) -> str:
    """Return a text whose lines all end in one way, without a mark before the first."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
