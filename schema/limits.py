"""How large a document may be: one memoised walk, before anything else looks at it."""

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
)

TOKENS = 1_000
DEPTH = 10
ALIASES = 15
DIRECTIVES = 50
ROOT_MUTATIONS = 5
# What the fragments come to when they are all written out.
FIELDS = 2_000

_INTROSPECTION = ("__schema", "__type")


@dataclass(frozen=True, slots=True)
class Size:
    """What a piece of a document comes to, its fragments written out."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0

    def beside(self, other: "Size") -> "Size":
        """Return the size of both, one next to the other."""
        return Size(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


def too_large(document: DocumentNode) -> list[GraphQLError]:
    """Return one error for each limit that an operation of the document breaks."""
    ruler = _Ruler(document)
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    if len(operations) > 20:
        return [_refusal("operations in one document", len(operations), 20)]
    errors: list[GraphQLError] = []
    for operation in operations:
        size = ruler.size_of(operation.selection_set)
        found = [
            ("levels of fields", size.depth, DEPTH),
            ("fields", size.fields, FIELDS),
            ("aliases", size.aliases, ALIASES),
            ("directives", size.directives + len(operation.directives or ()), DIRECTIVES),
        ]
        if operation.operation is OperationType.MUTATION:
            roots = ruler.own_fields(operation.selection_set)
            found.append(("mutations at once", roots, ROOT_MUTATIONS))
        errors += [_refusal(*each) for each in found if each[1] > each[2]]
    return errors


def _refusal(what: str, count: int, limit: int) -> GraphQLError:
    shown = f"{count:,}" if count < 10**6 else "millions"
    return GraphQLError(
        f"A document may have at most {limit:,} {what}; this has {shown}.",
        extensions={"code": "QUERY_TOO_COMPLEX"},
    )


class _Ruler:
    """Measures selections. Each fragment is measured once, however often it is spread."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._sizes: dict[str, Size] = {}
        self._roots: dict[str, int] = {}

    def size_of(self, selections: SelectionSetNode | None) -> Size:
        """Return what these selections come to."""
        total = Size()
        for node in selections.selections if selections else ():
            total = total.beside(self._size_of_one(node))
        return total

    def _size_of_one(self, node: SelectionNode) -> Size:
        directives = len(node.directives or ())
        match node:
            case FieldNode():
                inner = self.size_of(node.selection_set)
                # Introspection is deep by nature; who may ask for it is decided elsewhere.
                depth = 0 if node.name.value in _INTROSPECTION else inner.depth + 1
                return Size(
                    depth,
                    inner.fields + 1,
                    inner.aliases + (node.alias is not None),
                    inner.directives + directives,
                )
            case InlineFragmentNode():
                return self.size_of(node.selection_set).beside(Size(directives=directives))
            case FragmentSpreadNode():
                return self._size_of_fragment(node.name.value).beside(Size(directives=directives))
            case _:
                return Size()

    def _size_of_fragment(self, name: str) -> Size:
        if name not in self._sizes:
            # A fragment within itself counts as nothing; validation refuses it afterwards.
            self._sizes[name] = Size()
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._sizes[name] = self.size_of(fragment.selection_set).beside(
                    Size(directives=len(fragment.directives or ()))
                )
        return self._sizes[name]

    def own_fields(self, selections: SelectionSetNode) -> int:
        """Count the fields of this level alone, those of its fragments included."""
        count = 0
        for node in selections.selections:
            match node:
                case FieldNode():
                    count += 1
                case InlineFragmentNode():
                    count += self.own_fields(node.selection_set)
                case FragmentSpreadNode():
                    count += self._own_fields_of_fragment(node.name.value)
        return count

    def _own_fields_of_fragment(self, name: str) -> int:
        if name not in self._roots:
            self._roots[name] = 0
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._roots[name] = self.own_fields(fragment.selection_set)
        return self._roots[name]
