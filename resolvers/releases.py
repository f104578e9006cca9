"""Rules kept in files. Each field is one call to a service."""

import asyncio
from typing import Annotated

import strawberry

from models.campaign import Act
from models.errors import Invalid
from models.principal import Role
from resolvers.access import roles, staff
from schema.context import Info
from schema.release import (
    PlanRulesInput,
    PublishedRules,
    ReleaseRulesInput,
    ReleaseRulesPayload,
    RulesPlan,
)
from services import files, plans, releases


@strawberry.type
class ReleaseQueries:
    @strawberry.field(
        description="All rules that are live, as files: what `fanfare pull` writes.",
        extensions=staff(),
    )
    async def published_rules(self, info: Info) -> PublishedRules:
        return PublishedRules.of(await files.published(stores=info.context.stores))

    @strawberry.field(
        description="What releasing a folder of rules would do, without doing it: what `fanfare "
        "plan` shows.",
        extensions=staff(),
    )
    async def plan_rules(
        self,
        info: Info,
        input: Annotated[PlanRulesInput, strawberry.argument(description="The folder.")],
    ) -> RulesPlan:
        context = info.context
        plan = await plans.plan(
            await asyncio.to_thread(input.folder), stores=context.stores, now=context.clock.now()
        )
        return RulesPlan.of(plan)


@strawberry.type
class ReleaseMutations:
    @strawberry.mutation(
        description="Save a folder's templates and make its rules live, all of them at one moment "
        "or none. There is no review in here, so this is for administrators alone: for rules that "
        "are reviewed where the files are kept, as in pull requests. Safe to repeat. If the rules "
        "cannot be live, `userErrors` has one entry for each diagnostic.",
        extensions=roles(Role.ADMIN),
    )
    async def release_rules(
        self,
        info: Info,
        input: Annotated[ReleaseRulesInput, strawberry.argument(description="The folder.")],
    ) -> ReleaseRulesPayload:
        context = info.context
        if len(input.reason) > 2_000:
            raise Invalid("A reason has at most 2,000 characters.", field=("reason",))
        released = await releases.release_folder(
            await asyncio.to_thread(input.folder),
            Act(context.caller.user_id, context.clock.now(), input.reason),
            stores=context.stores,
            publication=input.publication,
        )
        await context.rulebook.notice()
        return ReleaseRulesPayload.of(released)
