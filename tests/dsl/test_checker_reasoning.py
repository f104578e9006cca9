"""Conditions that can never be true, and those that always are."""

import pytest

from tests.dsl.checking import checked, findings, segment, steps, when, words


@pytest.mark.parametrize(
    "text",
    [
        "user.age > 30 and user.age < 20",
        "user.age > 30 and user.kids > 1 and 30 >= user.age",
        "user.age > 1 and user.age is missing",
        "user.age = 1 and user.age = 2",
        "user.age in [1, 2] and user.age > 2",
        "user.age between 5 and 4",
        "user.age = 5 and user.age != 5",
        "user.age > 5 and not (user.age > 3)",
        'user.name = "a" and user.name in ["b", "c"]',
        'user.band not in ["young", "old"] and user.band is known',
        'user.name contains "x" and not user.name contains "x"',
        "user.consent.email and user.consent.email = false",
        "count(order_placed, ever) < 0",
        "count(order_placed, ever) > 3 and count(order_placed, ever) < 4",
        "user.salary > 5 USD and user.salary < 4 USD",
        "user.joined > 2026-03-02 and user.joined < 2026-03-01",
        "user.joined > 2026-02-28 and user.joined < 2026-03-01",
        "user.salary > 4.99 USD and user.salary < 5 USD",
        "days_since(user.joined) > 3 and days_since(user.joined) < 4",
        'user.name ends with "x" and user.name is missing',
        "user.age > user.kids and user.kids is missing",
        "user.wakes > 09:00 and user.wakes < 08:00",
        "user.seen > 2026-03-02 and user.seen < 2026-03-02",
        "user.seen >= 2026-03-02 and user.seen is missing",
        "hour(user.seen) > 23",
        "days_until(user.birthday) < 0",
        'weekday(user.joined) = "monday" and weekday(user.joined) = "friday"',
        "user in segment regulars and user not in segment regulars",
        "(user.age > 3 or user.kids > 3) and user.age < 2 and user.kids < 2",
        "any(order_placed, ever) and not any(order_placed, ever)",
        "false",
        "3 > 5",
        '"a" = "b"',
        '"a" in ["b", "c"]',
    ],
)
def test_what_can_never_be_true_is_an_error(text):
    assert findings(segment(text)) == [f"E250 {text}"]


@pytest.mark.parametrize(
    "text",
    [
        "user.age > 20 and user.age < 30",
        "user.seen > 2026-03-02 and user.seen < 2026-03-03",
        "user.seen >= 2026-03-02 and user.seen < 2026-03-02T12:00",
        "user.joined > 2026-02-28 and user.joined < 2026-03-02",
        "count(order_placed, ever) between 0 and 3",
        "count(order_placed, ever) between 0 and 3 and user.age > 3",
        "user.age > 20 or user.age < 10",
        "user.age >= 20 and user.age <= 20",
        "user.age > 3 and user.age < 4",
        "count(order_placed, last 90 days) > 3 and count(order_placed, last 30 days) < 1",
        "user.age != 5 and user.age != 6",
        'user.name starts with "a" and user.name starts with "b"',
        # Somebody whose age is missing is in none of these, and is in their negation.
        "user.age > 3 or user.age <= 3",
        "not (user.age > 3) and not (user.age <= 3)",
        "user.age > 3 and user.age > user.kids and user.kids < 100",
        "any(order_placed, last 60 days) and not any(order_placed, last 30 days)",
        "today = 2026-03-05",
    ],
)
def test_what_may_be_true_or_not_is_left_alone(text):
    assert findings(segment(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "count(order_placed, ever) >= 0",
        "user.age != 5 or user.age != 6",
        "user.age > 3 or not (user.age > 3)",
        "user.age is known or user.age is missing",
        "not (user.age > 30 and user.age < 20)",
        "true",
        "5 > 3",
        '"a" = "a"',
        '"a" in ["a", "b"]',
    ],
)
def test_what_is_always_true_is_a_warning(text):
    assert findings(segment(text)) == [f"W303 {text}"]
    assert checked(segment(text)).program is not None


def test_a_part_that_does_nothing_is_a_warning():
    assert findings(segment("user.age > 3 and count(order_placed, ever) >= 0")) == [
        "W303 count(order_placed, ever) >= 0"
    ]
    assert findings(segment("user.age > 3 or hour(user.seen) > 24")) == [
        "W308 hour(user.seen) > 24"
    ]


def test_what_a_cart_always_has_is_known():
    assert findings(when("cart.subtotal >= 0 USD")) == ["W303 cart.subtotal >= 0 USD"]
    assert findings(when("cart.subtotal < 0 USD")) == ["E250 cart.subtotal < 0 USD"]


def test_filters_within_are_judged_where_they_stand():
    assert findings(
        segment("count(order_placed where total > 5 USD and total < 3 USD, ever) > 1")
    ) == ["E250 total > 5 USD and total < 3 USD"]
    assert findings("promotion p { take 1% off items where quantity > 2 and quantity < 1 }") == [
        "E250 quantity > 2 and quantity < 1"
    ]
    assert findings(steps('if user.age > 3 and user.age < 2 { tag "x" }')) == [
        "E250 user.age > 3 and user.age < 2"
    ]


def test_the_message_names_the_fact():
    assert "`user.age` is never all of that" in words(segment("user.age > 30 and user.age < 20"))
    assert "`count(…)` is never that" in words(segment("count(order_placed, ever) < 0"))


def test_a_condition_of_many_alternatives_is_given_up_not_followed():
    pairs = " and ".join(f"(user.age > {n} or user.kids > {n})" for n in range(30))

    assert findings(segment(pairs)) == []


@pytest.mark.parametrize("test", ["is known", "is missing", "= true", "= false", "!= true"])
@pytest.mark.parametrize("function", ["latest", "earliest"])
def test_of_no_events_it_is_not_known_whether_the_last_or_first_was_so(function, test):
    assert findings(segment(f"{function}(review_posted.at_home, ever) {test}")) == []
