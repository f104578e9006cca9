"""What judging people's segments takes and does not lie on themselves, read in one trip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.membership import Standing
from models.store.database import WHOLE_PAGE, Document, Store
from models.store.events import OLDEST_FIRST, Events, Happened, Needs, asked, happened, shown
from models.store.memberships import Live, Memberships, membership_of, of
from models.store.standings import ONE, Standings, standing_of


@dataclass(slots=True)
class Sight:
    """How segments stand; of each person the segments they are in, and their events by name."""

    standing: Standing = field(default_factory=Standing)
    members: dict[str, set[str]] = field(default_factory=dict)
    events: Happened = field(default_factory=dict)


class Sights(Store):
    NAME = Memberships.NAME

    async def see(self, user_ids: Sequence[str], live: Live, needs: Needs) -> Sight:
        """Return these people's memberships in segments that are live, and events as needed.

        For one person it takes little more time than any of its parts, which are three.
        """
        sight = Sight(
            members={user: set() for user in user_ids}, events={user: {} for user in user_ids}
        )
        stages: list[Document] = [{"$match": of(user_ids, live)}]
        if needs:
            chosen: list[Document] = [
                {"$match": asked(user_ids, needs)},
                {"$sort": dict(OLDEST_FIRST)},
                {"$project": shown(needs)},
            ]
            stages.append(_with(Events.NAME, chosen))
        stages.append(_with(Standings.NAME, [{"$match": ONE}]))
        cursor = self.documents.aggregate(stages, batchSize=WHOLE_PAGE)
        for document in await cursor.to_list(None):
            if document["_id"] == ONE["_id"]:
                sight.standing = standing_of(document)
            elif "set" in document:
                member = membership_of(document)
                sight.members[member.user_id].add(member.segment)
            else:
                happened(document, sight.events)
        return sight


def _with(name: str, stages: Sequence[Mapping[str, object]]) -> Document:
    return {"$unionWith": {"coll": name, "pipeline": list(stages)}}
