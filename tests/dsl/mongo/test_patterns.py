"""Patterns that MongoDB may be given, and those it may not."""

import pymongo
import pytest
import re2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl.mongo.patterns import translate
from dsl.mongo.terms import NotPushable


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "a|(b)",
        "a.*b.*c",
        "\\bword",
        "(?i)a",
        "\\pL",
        "a{2,1}",
        "a**",
        "[[:alpha:]]",
        "a$b",
    ],
)
def test_what_pcre_could_take_otherwise_or_too_long_is_refused(pattern):
    with pytest.raises(NotPushable):
        translate(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["", "^a.*b$", "colou?r", "[a-z0-9._]+@[a-z]+\\.com", "x|y\\|z|[|]", "\\d{3,4}", "é+$"],
)
def test_simple_patterns_are_translated(pattern):
    assert isinstance(translate(pattern), str)


PIECES = st.sampled_from(
    [*"ab|.^$*+?[]-\\{}(),1", "[a-c]", "[^a]", "\\d", "\\W", "{1,2}", "\n", "é"]
)
SUBJECTS = ["", "a", "b", "ab", "aab\n", "a|b", "\n", "é1", "-", "ba\nab", "a]b", "$^", "11a"]


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(PIECES, max_size=6).map("".join), min_size=40, max_size=40))
def test_translated_patterns_find_what_re2_finds(database_of_subjects, patterns):
    accepted = {}
    options = re2.Options()
    options.log_errors = False
    for pattern in patterns:
        try:
            accepted[pattern] = translate(pattern)
        except NotPushable:
            continue
    tests = {
        f"p{at}": {"$regexMatch": {"input": "$text", "regex": regex}}
        for at, regex in enumerate(accepted.values())
    }
    if not tests:
        return

    for document in database_of_subjects.aggregate([{"$project": {"text": 1, **tests}}]):
        subject = document["text"].encode()
        for at, pattern in enumerate(accepted):
            found = re2.compile(pattern.encode(), options).search(subject) is not None
            assert document[f"p{at}"] == found, (pattern, subject)


@pytest.fixture(scope="module")
def database_of_subjects(mongodb_uri):
    with pymongo.MongoClient(mongodb_uri) as client:
        client["patterns"].subjects.insert_many([{"text": text} for text in SUBJECTS])
        yield client["patterns"].subjects
        client.drop_database("patterns")
