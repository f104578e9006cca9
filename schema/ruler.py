"""Measuring a document: one walk, in which each fragment is measured once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from schema.paging import DEFAULT_PAGE, LARGEST_PAGE

MOST = 1_000_000

# Arguments that say how many there will be in a list, of the field itself or right below it.
_COUNTS = ("first", "last", "batch", "ids")
# What a list counts as of which nobody says how many there will be.
_UNSAID = 5
_INTROSPECTION = ("__schema", "__type")


@dataclass(frozen=True, slots=True)
class Size:
    """What a piece of a document comes to, its fragments written out.

    `cost` is how many objects there will be, but for those in lists, `listed` how many for each
    item of the lists: what is around them may say how many items there are.
    """

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    cost: int = 0
    listed: int = 0

    def beside(self, other: "Size") -> "Size":
        """Return the size of both, one next to the other."""
        return Size(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.cost + other.cost,
            self.listed + other.listed,
        )

    def total(self, items: int | None = None) -> int:
        """Return how many objects there will be if lists have so many items."""
        return self.cost + self.listed * (_UNSAID if items is None else items)


def amount(value: object) -> int | None:
    """Return how many a variable's value says there will be; None if it says nothing."""
    match value:
        case None:
            return None
        case bool():
            return LARGEST_PAGE
        case int():
            return max(0, min(value, MOST))
        case list() | tuple():
            return len(value)
        case _:
            return LARGEST_PAGE


def literal(value: ValueNode) -> int | None:
    """Return how many a value in a document says there will be; None if it says nothing."""
    match value:
        case NullValueNode():
            return None
        case IntValueNode():
            # Longer ones are refused later, and reading them would take long.
            return amount(int(value.value)) if len(value.value) <= 10 else MOST
        case ListValueNode():
            return len(value.values)
        case _:
            return LARGEST_PAGE


@dataclass(slots=True)
class Ruler:
    """Measures selections. Each fragment is measured once, however often it is spread."""

    document: DocumentNode
    schema: GraphQLSchema
    counts: Mapping[str, int | None] = field(default_factory=dict)
    counting: set[str] = field(default_factory=set)
    _fragments: dict[str, FragmentDefinitionNode] = field(init=False)
    _sizes: dict[str, Size] = field(default_factory=dict)
    _roots: dict[str, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fragments = {
            node.name.value: node
            for node in self.document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def size_of(self, selections: SelectionSetNode | None, kind: GraphQLNamedType | None) -> Size:
        """Return what these selections of a type come to."""
        total = Size()
        for node in selections.selections if selections else ():
            total = total.beside(self._size_of_one(node, kind))
        return total

    def _size_of_one(self, node: SelectionNode, kind: GraphQLNamedType | None) -> Size:
        directives = Size(directives=len(node.directives or ()))
        match node:
            case FieldNode():
                return self._size_of_field(node, kind).beside(directives)
            case InlineFragmentNode():
                on = node.type_condition
                within = self.schema.get_type(on.name.value) if on else kind
                return self.size_of(node.selection_set, within).beside(directives)
            case FragmentSpreadNode():
                return self._size_of_fragment(node.name.value).beside(directives)
            case _:
                return Size()

    def _size_of_field(self, node: FieldNode, kind: GraphQLNamedType | None) -> Size:
        definition = _definition(node, kind)
        named = get_named_type(definition.type) if definition else None
        inner = self.size_of(node.selection_set, named)
        cost = listed = 0
        if definition is not None and not is_leaf_type(named):
            items = self._items(node, definition)
            if not isinstance(get_nullable_type(definition.type), GraphQLList):
                cost = 1 + inner.total(items)
            elif items is None:
                listed = 1 + inner.total()
            else:
                cost = items * (1 + inner.total())
        return Size(
            # Introspection is deep by nature; who may ask for it is decided elsewhere.
            0 if node.name.value in _INTROSPECTION else inner.depth + 1,
            inner.fields + 1,
            inner.aliases + (node.alias is not None),
            inner.directives,
            cost,
            listed,
        )

    def _items(self, node: FieldNode, definition: GraphQLField) -> int | None:
        """Return how many a field says there will be; None if that is not for it to say."""
        taken = [name for name in _COUNTS if name in definition.args]
        if not taken:
            return None
        given = [
            self._count(each.value) for each in node.arguments or () if each.name.value in taken
        ]
        if said := [count for count in given if count is not None]:
            return max(said)
        defaults = [_default(definition.args[name]) for name in taken]
        return max((each for each in defaults if each is not None), default=DEFAULT_PAGE)

    def _count(self, value: ValueNode) -> int | None:
        if not isinstance(value, VariableNode):
            return literal(value)
        self.counting.add(value.name.value)
        return self.counts.get(value.name.value, LARGEST_PAGE)

    def _size_of_fragment(self, name: str) -> Size:
        if name not in self._sizes:
            # A fragment within itself counts as nothing; validation refuses it afterwards.
            self._sizes[name] = Size()
            fragment = self._fragments.get(name)
            if fragment is not None:
                kind = self.schema.get_type(fragment.type_condition.name.value)
                self._sizes[name] = self.size_of(fragment.selection_set, kind).beside(
                    Size(directives=len(fragment.directives or ()))
                )
        return self._sizes[name]

    def own_fields(self, selections: SelectionSetNode) -> Counter[str]:
        """Count the fields of this level alone by name, those of its fragments included."""
        count: Counter[str] = Counter()
        for node in selections.selections:
            match node:
                case FieldNode():
                    count[node.name.value] += 1
                case InlineFragmentNode():
                    count.update(self.own_fields(node.selection_set))
                case FragmentSpreadNode():
                    count.update(self._own_fields_of_fragment(node.name.value))
        return count

    def _own_fields_of_fragment(self, name: str) -> Counter[str]:
        if name not in self._roots:
            self._roots[name] = Counter()
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._roots[name] = self.own_fields(fragment.selection_set)
        return self._roots[name]


def _definition(node: FieldNode, kind: GraphQLNamedType | None) -> GraphQLField | None:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        fields: dict[str, GraphQLField] = kind.fields
        return fields.get(node.name.value)
    return None  # of introspection, or what validation refuses


def _default(argument: GraphQLArgument) -> int | None:
    value = argument.default_value
    return value if isinstance(value, int) else None
