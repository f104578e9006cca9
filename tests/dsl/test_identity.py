"""What is answered about the very same expression is answered once."""

from dsl import identity
from dsl.core import Ref
from dsl.identity import kept_by_identity
from dsl.kinds import NUMBER


def test_only_the_very_same_is_not_asked_about_again(monkeypatch):
    asked = []

    @kept_by_identity
    def names(one: Ref, other: Ref) -> tuple[str, str]:
        asked.append((one, other))
        return one.root, other.root

    cart, user = Ref("cart", ("total",), NUMBER), Ref("user", ("age",), NUMBER)
    equal = Ref("cart", ("total",), NUMBER)
    assert names(cart, user) == names(cart, user) == ("cart", "user")
    assert names(user, cart) == ("user", "cart")
    assert names(equal, user) == ("cart", "user")
    assert [tuple(map(id, each)) for each in asked] == [
        (id(cart), id(user)),
        (id(user), id(cart)),
        (id(equal), id(user)),
    ]

    monkeypatch.setattr(identity, "_MOST", 3)
    assert names(user, user) == ("user", "user")
    assert names(cart, user) == ("cart", "user")
    assert len(asked) == 5
