"""What the service says of itself to probes: that it lives, and whether it is ready.

A service is ready when it can do all that it is for. It is not while it ends, nor while writes fail: then it
answers lists on, and says so. That writes fail in one process counts for all of them.
"""

from collections.abc import Mapping

import orjson

from tacit.core.types import Json
from tacit.engine.engine import Engine
from tacit.server.accepting import Board
from tacit.server.problems import MEDIA_TYPE, problem
from tacit.server.routes import Reply, Route

_WELL = ("ok", "none")
_IN_WORDS = {
    "full": "the store is full: writes are refused, lists go on",
    "failing": "the store fails: writes are refused, lists go on without what is in it",
}
ALIVE = ("/livez", "/healthz")
"""Two names of one route: the second is the older one."""
READY = "/readyz"


class Health:
    """Answers probes; nothing here waits for anything.

    Parameters
    ----------
    engine : Engine
    board : Board, optional
        Of the processes of a service.
    """

    def __init__(self, engine: Engine, board: Board | None = None) -> None:
        self._engine = engine
        self._board = board

    def note(self) -> None:
        """Tell the other processes whether this one can write; to be called now and again."""
        if self._board is not None:
            self._board.set_failing(self._engine.health()["store"] not in _WELL)

    def alive(self) -> Reply:
        """Return that the process answers."""
        return 200, b'{"status":"ok"}', "application/json"

    def ready(self) -> Reply:
        """Return whether the service is ready, and from what it answers."""
        figures = self._engine.health()
        reason = self._reason(figures)
        if reason is None:
            return 200, orjson.dumps({"status": "ok", **figures}), "application/json"
        return 503, orjson.dumps({**orjson.loads(problem(503, reason)), **figures}), MEDIA_TYPE

    def is_ending(self) -> bool:
        """Whether the service is about to end."""
        return self._board is not None and self._board.is_ending()

    def _reason(self, figures: Mapping[str, Json]) -> str | None:
        if self.is_ending():
            return "the service is ending: it answers what comes for a moment, and then no more"
        store = str(figures["store"])
        if store not in _WELL:
            return _IN_WORDS[store]
        if self._board is not None and self._board.any_failing():
            return "writes fail in another process of this service; lists go on"
        return None


def health_routes(health: Health) -> list[Route]:
    """Return the routes, to be answered without FastAPI."""

    async def alive() -> Reply:
        return health.alive()

    async def ready() -> Reply:
        return health.ready()

    routes = [Route("GET", path, lambda *_: alive()) for path in ALIVE]
    return [*routes, Route("GET", READY, lambda *_: ready())]
