import pytest

from dsl import Hover, SourceFile, Span, definition, hover

FACTS = """event review_posted { sku: text  stars: number }
attributes user { household_size: number }
list snacks ["BAG SNACKS", "CANDY"]
segment regulars "Regulars" { count(order_placed, last 90 days) >= 4 }
promotion welcome { codes unique  take 1% off cart }
"""
RULES = """promotion p {
  for user in segment regulars and user.household_size > 2
  when any(cart.items where category in snacks)
  take 15% off items where brand = "x" up to 5 USD
  grant welcome for 14 days
}
trigger t {
  on review_posted where stars > 3
  then { wait for order_placed as order up to 1 day { send email "x" with { n: order.total } } }
}
"""
SOURCES = [SourceFile("facts.rules", FACTS), SourceFile("f", RULES)]


def at(word: str, text: str = RULES) -> int:
    """Return the offset of a word, the last if it comes more than once."""
    return text.rindex(word) + 1


def hovered(word: str) -> Hover:
    found = hover(SOURCES, "f", at(word))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("word", "title", "text"),
    [
        ("household_size", "user.household_size: number", "Declared in facts.rules, line 2."),
        ("category", "category: text", "The article's category."),
        ("cart.", "cart: { currency", "The cart that is priced."),
        ("items where cat", "cart.items: list of { sku", "The lines."),
        ("any(", "any(events or list where …, last …)", "Whether there is one."),
        ("snacks", "list snacks", '"CANDY"'),
        ("regulars", "segment regulars", "Regulars"),
        ("welcome", "promotion welcome", "codes unique"),
        ("review_posted", "event review_posted", "stars: number"),
        ("stars", "stars: number", "facts.rules, line 1"),
        ("total }", "order.total: money USD", ""),
        ("USD", "USD: currency", "2 decimals"),
        ("up to 5", "up to", "A cap."),
        ("take", "take", "A discount"),
        ("wait", "wait for", "event"),
        ("trigger", "trigger", "journey"),
    ],
)
def test_a_word_says_what_it_is(word: str, title: str, text: str) -> None:
    found = hovered(word)

    assert found.title.startswith(title)
    assert text in found.text


def test_a_hover_knows_which_word_it_is_about() -> None:
    span = hovered("household_size").span

    assert RULES[span.start : span.end] == "household_size"


def test_texts_numbers_and_signs_say_nothing() -> None:
    for word in ('"x" up', "15%", "> 2"):
        assert hover(SOURCES, "f", at(word)) is None


def test_half_written_rules_are_hovered_too() -> None:
    text = "promotion p { tke 5%\n take 1% off items where categ"
    found = hover([SourceFile("f", text.replace("categ", "category"))], "f", len(text))

    assert found is not None
    assert found.title == "category: text"


@pytest.mark.parametrize(
    ("word", "file", "line"),
    [
        ("household_size", "facts.rules", 2),
        ("snacks", "facts.rules", 3),
        ("regulars", "facts.rules", 4),
        ("welcome", "facts.rules", 5),
        ("review_posted", "facts.rules", 1),
        ("stars", "facts.rules", 1),
        ("order.total", "f", 9),
    ],
)
def test_a_name_leads_to_its_declaration(word: str, file: str, line: int) -> None:
    found = definition(SOURCES, "f", at(word))

    assert found is not None
    assert (found.file, found.line) == (file, line)
    text = FACTS if file == "facts.rules" else RULES
    name = word.partition(".")[0]
    assert text[found.start : found.end] == name


def test_what_is_built_in_is_declared_nowhere() -> None:
    places: list[Span | None] = [definition(SOURCES, "f", at(w)) for w in ("category", "brand")]

    assert places == [None, None]
