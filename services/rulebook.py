"""The rules that are live, ready to use: compiled once per process and publication.

Every process looks where the workspace points at most every half second. While a new publication is
being compiled, in a thread, the one before it goes on being served.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import dsl
from engine.playbook import playbook_of
from engine.pricing.candidates import nearness, rules
from models.errors import Unavailable
from models.publication import Publication
from models.store import Stores
from services import publications

log = logging.getLogger(__name__)

FRESH = 0.5  # seconds between two looks at what is current
PATIENCE = 0.25  # seconds to wait for a look while there is something to serve
RETRY = 10.0  # seconds after a failed look or compilation
KEPT = 16  # publications: work in flight keeps its version


@dataclass(frozen=True, slots=True)
class Published:
    """One publication. Number 0 is the state before the first: only what is built in.

    `campaign_of` knows declarations by name, unique over all kinds, and `campaigns` are those that
    the publication holds. Whatever the publication, `paused` are the ones paused now, and
    `measures` those that people's facts can be read from.
    """

    number: int = 0
    program: dsl.Program = field(default_factory=dsl.Program)
    campaign_of: Mapping[str, str] = field(default_factory=dict)
    campaigns: frozenset[str] = frozenset()
    paused: frozenset[str] = frozenset()
    measures: frozenset[str] = frozenset()


class Rulebook:
    """One per process."""

    def __init__(self, stores: Stores, *, fresh: float = FRESH) -> None:
        self._stores = stores
        self._fresh = fresh
        self._stale_at = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._compiled: OrderedDict[int, Published] = OrderedDict()
        self._before = Published()
        self._compiling: dict[int, asyncio.Task[Published]] = {}
        self._target = 0
        self._current: Published | None = None
        self._paused: frozenset[str] = frozenset()
        self._measures: frozenset[str] = frozenset()

    async def current(self) -> Published:
        """Return what is live. Without the database: what was, if this process has seen any."""
        if self._current is None or time.monotonic() >= self._stale_at:
            look = self._look()
            if self._current is None:
                await asyncio.shield(look)
            else:
                await asyncio.wait({look}, timeout=PATIENCE)
        if self._current is None:
            raise Unavailable("The rules cannot be read; try again shortly.")
        return self._current

    async def version(self, number: int) -> Published:
        """Return a publication that is or was live, as work that began under it needs."""
        await self.current()
        if number == 0:
            return self._as_of_now(self._before)
        compiled = self._compiled.get(number)
        if compiled is None:
            compiled = await asyncio.shield(self._compile(number))
        else:
            self._compiled.move_to_end(number)
        return self._as_of_now(compiled)

    async def refresh(self) -> Published:
        """Look now and wait for what is current, as whoever has just published wants."""
        if self._looking is not None:  # it may have looked too early
            await asyncio.wait({self._looking})
        self._stale_at = 0.0
        await asyncio.shield(self._look())
        if self._current is not None and self._current.number != self._target:
            self._serve(await asyncio.shield(self._compile(self._target)))
        return await self.current()

    async def notice(self) -> None:
        """Look now if that can be, so that whoever has changed something here sees it at once."""
        try:
            await self.refresh()
        except Exception:
            # The change is done; that this process sees it later is no reason to say otherwise.
            log.warning("a change will be noticed later", exc_info=True)

    def _look(self) -> asyncio.Task[None]:
        if self._looking is None:
            self._looking = asyncio.create_task(self._read())
        return self._looking

    async def _read(self) -> None:
        try:
            workspace, paused, measures = await asyncio.gather(
                self._stores.workspace.get(),
                self._stores.campaigns.paused_ids(),
                self._stores.measures.live_ids(),
            )
            self._stale_at = time.monotonic() + self._fresh
            self._target = workspace.current
            self._paused, self._measures = paused, measures
            self._before = _before_the_first(workspace.zone, workspace.currency)
            if workspace.current == 0:
                self._serve(self._before)
            elif workspace.current in self._compiled:
                self._serve(self._compiled[workspace.current])
            elif self._current is None:
                self._serve(await asyncio.shield(self._compile(workspace.current)))
            else:
                self._serve(self._current)  # with who is paused now, and the like
                self._compile(workspace.current).add_done_callback(self._compiled_one)
        except Unavailable as error:
            self._stale_at = time.monotonic() + RETRY / 5
            log.warning("rules are served as they were: %s", error.message)
        except Exception:
            if self._current is None:
                raise
            self._stale_at = time.monotonic() + RETRY
            log.exception("rules are served as they were")
        finally:
            self._looking = None

    def _serve(self, published: Published) -> None:
        self._current = self._as_of_now(published)

    def _as_of_now(self, published: Published) -> Published:
        """Return a publication with what is so whatever is published."""
        if (published.paused, published.measures) == (self._paused, self._measures):
            return published
        return replace(published, paused=self._paused, measures=self._measures)

    def _compiled_one(self, task: asyncio.Task[Published]) -> None:
        if task.cancelled():
            return
        if error := task.exception():
            self._stale_at = time.monotonic() + RETRY
            log.error("publication %d cannot be compiled", self._target, exc_info=error)
        elif task.result().number == self._target:
            self._serve(task.result())

    def _compile(self, number: int) -> asyncio.Task[Published]:
        """Compile a publication once, however many ask for it."""
        if number not in self._compiling:
            self._compiling[number] = asyncio.create_task(self._make(number))
        return self._compiling[number]

    async def _make(self, number: int) -> Published:
        try:
            publication = await self._stores.publications.get(number)
            published = await compile_publication(publication, stores=self._stores)
            self._compiled[number] = published
            while len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
            return published
        finally:
            del self._compiling[number]


@lru_cache(maxsize=1)
def _before_the_first(zone: str, currency: str) -> Published:
    """Return what holds while nothing has been published: orders are told of all the same."""
    checked = dsl.check([], dsl.Settings(zone=zone, currency=currency))
    assert checked.program is not None
    return Published(program=checked.program)


async def compile_publication(publication: Publication, *, stores: Stores) -> Published:
    """Return a publication's program, made ready for carts and events."""
    program = await _program(publication, stores)
    await asyncio.to_thread(_make_ready, program)
    return Published(
        number=publication.number,
        program=program,
        campaign_of=dict(_owners(program)),
        campaigns=frozenset(source.campaign_id for source in publication.sources),
    )


async def _program(publication: Publication, stores: Stores) -> dsl.Program:
    """Return what some process has made of the text, or else check it, as it was checked then."""
    files = [(source.campaign_id, source.text) for source in publication.sources]
    settings = dsl.Settings(zone=publication.zone, currency=publication.currency)
    key = dsl.packing_key(files, settings)
    packed = await stores.programs.find(key)
    if packed is not None:
        try:
            return await asyncio.to_thread(dsl.unpack, packed)
        except ValueError:
            log.warning("what was kept of publication %d cannot be read", publication.number)
    checked = await publications.check([dsl.SourceFile(*each) for each in files], settings)
    if checked.program is None:
        raise RuntimeError(f"publication {publication.number} no longer checks")
    await stores.programs.keep(key, await asyncio.to_thread(dsl.pack, checked.program))
    return checked.program


def _make_ready(program: dsl.Program) -> None:
    """Make what the first cart and the first event would else wait for."""
    rules(program)
    nearness(program)
    playbook_of(program)


def _owners(program: dsl.Program) -> Iterator[tuple[str, str]]:
    """Yield each declaration's name with its file, which is named by its campaign."""
    for kind in (
        program.campaigns,
        program.segments,
        program.promotions,
        program.triggers,
        program.flash_sales,
        program.group_buys,
        program.lotteries,
    ):
        for name, declaration in kind.items():
            yield name, declaration.span.file
    if program.loyalty is not None:
        yield program.loyalty.name, program.loyalty.span.file
