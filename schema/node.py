"""What everything with an id of its own has in common."""

import strawberry


@strawberry.interface(description="Anything with an id of its own: `node` finds it again.")
class Node:
    id: strawberry.ID = strawberry.field(description="Global and opaque.")
