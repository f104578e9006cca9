"""Parts that expressions have in common are named once, and only where they mean the same."""

from dsl.mongo.sharing import share

READ = {"$cond": [{"$eq": [{"$type": "$a"}, "string"]}, "$a", None]}


def test_what_occurs_twice_is_computed_once():
    shared, codes = share({"x": {"$eq": [READ, 1]}, "y": {"$not": [{"$gt": [READ, 2]}]}})

    assert shared == {"s0": READ}
    assert codes == {"x": {"$eq": ["$$s0", 1]}, "y": {"$not": [{"$gt": ["$$s0", 2]}]}}


def test_the_largest_part_in_common_is_taken():
    whole = {"$eq": [{"$add": [READ, 1, 2]}, 3]}

    shared, codes = share({"x": whole, "y": whole, "z": {"$not": [READ]}})

    assert codes["x"] == codes["y"] == "$$s0"
    assert shared["s0"] == whole


def test_what_uses_a_name_bound_around_it_stays_where_it_is():
    inner = {"$and": [{"$gt": ["$$x0", 1]}, {"$lt": ["$$x0", 9]}]}
    first = {"$let": {"vars": {"x0": "$a"}, "in": inner}}
    second = {"$let": {"vars": {"x0": "$b"}, "in": inner}}

    shared, codes = share({"x": first, "y": second})

    assert shared == {}
    assert codes == {"x": first, "y": second}


def test_named_arguments_and_literals_are_no_expressions():
    matched = {"$regexMatch": {"input": "$a", "regex": "b", "options": "c"}}
    data = {"$literal": {"$and": [1, 2, 3, 4, 5]}}

    shared, codes = share({"x": matched, "y": {"$eq": [data, data]}, "z": {"$not": [matched]}})

    assert list(shared.values()) == [matched]
    assert codes["y"] == {"$eq": [data, data]}
