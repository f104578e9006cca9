"""What tests of the checker share: programs in, findings out as short text."""

from dsl import Checked, Settings, SourceFile, check

FACTS = """
event order_placed { total: money USD  store: text  coupons: list of text }
event review_posted { sku: text  stars: number  at_home: bool  left: date }
attributes user { age: number  kids: number  band: one of ["young", "old"]  salary: money USD
  joined: date  seen: timestamp  wakes: time  shares: percent
  patience: duration  likes: list of text }
attributes item { material: text  on_sale: bool  cost: money USD }
list snacks ["CANDY", "NUTS"]
segment regulars { count(order_placed, last 90 days) >= 4 }
promotion welcome { codes unique  take 10% off cart }
"""


def checked(rules: str, settings: Settings | None = None, *, facts: str = FACTS) -> Checked:
    """Check rules beside the facts above, which are a file of their own."""
    files = [SourceFile("rules", rules), SourceFile("facts", facts)]
    return check(files, settings or Settings())


def findings(rules: str, settings: Settings | None = None, *, facts: str = FACTS) -> list[str]:
    """Return what is found, each as `CODE fragment`: the fragment is what its span covers."""
    found = checked(rules, settings, facts=facts).diagnostics
    texts = {"rules": rules, "facts": facts}
    return [f"{d.code} {texts[d.span.file][d.span.start : d.span.end]}" for d in found]


def words(rules: str) -> str:
    """Return all messages and hints as one text."""
    return "\n".join(f"{d.message}. {d.hint}" for d in checked(rules).diagnostics)


def segment(condition: str) -> str:
    return f"segment s {{ {condition} }}"


def when(condition: str) -> str:
    return f"promotion p {{ when {condition}  take 1% off cart }}"


def clause(text: str) -> str:
    return f"promotion p {{ take 1% off cart  {text} }}"


def effect(text: str) -> str:
    return f"promotion p {{ {text} }}"


def steps(text: str, start: str = "on order_placed") -> str:
    return f"trigger t {{ {start} then {{ {text} }} }}"


def trigger(text: str) -> str:
    return f'trigger t {{ on order_placed  then {{ tag "x" }}  {text} }}'
