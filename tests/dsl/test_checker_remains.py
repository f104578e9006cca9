"""What is said of declarations with syntax errors beside those, and of facts that are misspelt."""

from tests.dsl.checking import findings


def test_the_other_clauses_of_a_broken_declaration_are_judged():
    assert findings(
        """promotion a {
          limit 1 per month
          take 10% off items where categry = "TEA"
          for user.aeg > 3
          take 120% off cart
        }"""
    ) == ["E101 month", "E201 categry", "E201 aeg", "E246 120%"]


def test_steps_beside_one_in_error_are_judged():
    assert findings(
        """trigger t {
          on order_plced
          then {
            wait for review_posted as r up to 3 days {
              send email "x" with { a: r.sku, b: r.nope }
              wat 3 days
            }
            wait 3 dys
            grant nope for 3 days
          }
        }"""
    ) == ["E202 order_plced", "E201 nope", "E104 wat", "E101 dys", "E204 nope"]


def test_what_a_broken_declaration_lacks_may_be_in_its_clauses_in_error():
    assert findings("promotion p { take 10 off cart }") == ["E101 off"]
    assert findings("trigger t { on order_placed then { wait 3 } }") == ["E101 }"]
    assert findings(
        'trigger t { on order_placed then { split s { 50% a { tag "x" } 50 b { stop } } } }'
    ) == ["E101 b"]


def test_the_facts_of_a_start_in_error_are_open():
    assert findings('trigger t { on then { send email "x" with { a: event.nope } } }') == [
        "E101 then"
    ]


def test_what_was_misread_is_not_judged_but_all_beside_it_is():
    assert findings(r'segment a { user.name = "a\qb" and user.aeg > 3 }') == [
        r"E102 \q",
        "E201 aeg",
    ]
    assert findings("segment a { user.age > 2026-02-30 and user.nme is known }") == [
        "E103 2026-02-30",
        "E201 nme",
    ]


def test_the_fields_of_a_misspelt_declaration_are_not_unknown():
    rules = """attribtes user { shoe: number }
    evnt order_placed { gift: bool }
    segment a { user.shoe > 3 and any(order_placed where gift, ever) and user.aeg > 3 }"""

    assert findings(rules) == ["E104 attribtes", "E104 evnt", "E201 aeg"]


def test_a_word_that_was_taken_for_a_name_before_the_error_is_no_second_error():
    assert findings("promotion p { for segment regulars  take 1% off cart }") == ["E104 regulars"]
    assert findings(
        "promotion p { take 1% off items where on_sale and up to 5 USD  for user.aeg > 3 }"
    ) == ["E104 to", "E201 aeg"]


def test_a_broken_example_declares_no_names():
    rules = """example "x" { cart { 1 { price: 4 USD } } expect total 3 USD }
    promotion p { for user in segment nope  take 1% off cart }"""

    assert findings(rules) == ["E101 {", "E203 nope"]


def test_every_word_of_a_misspelt_head_may_have_been_the_name():
    rules = """promotion promotion gift { codes unique  take 10% off cart }
    vip segment { user.age > 3 }
    evnt clicked { sku: text }
    trigger t {
      on clicked
      for user in segment vip
      then {
        wait for clicked as it up to 2 days { send email "x" with { sku: it.sku } }
        grant gift for 3 days
      }
    }"""

    assert findings(rules) == ["E101 gift", "E104 vip", "E104 evnt"]


def test_an_event_that_there_is_not_is_told_once():
    rules = """trigger t { on order_placed  then {
      wait for clickd as it up to 2 days { send email "x" with { sku: it.sku } }
    } }"""

    assert findings(rules) == ["E202 clickd"]


def test_what_is_in_error_elsewhere_may_be_true_or_not():
    rules = """attributes user { shoe: one of ["S" }
    promotion p { when user.shoe is known and user.shoe != "S"  take 1 USD off cart }"""

    assert findings(rules) == ["E101 }"]
