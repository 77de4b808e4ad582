"""Clients of a service whose model changes: every answer must be whole, and of the model that it names."""

import http.client
import json
import threading
import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from tacit.engine.engine import Engine
from tacit.engine.requests import Request
from tacit.engine.snapshot import Snapshot

Shown = list[tuple[str, str]]
"""Ids and titles of a list."""


def lists_of(snapshot: Snapshot, users: Sequence[str]) -> dict[str, Shown]:
    """Return the list that a model gives to each user."""
    engine = Engine(snapshot)
    return {
        user: [(item.item_id, item.title) for item in engine.recommend(Request(user)).items] for user in users
    }


class Asking:
    """Asks for the lists of users, one after the other on one connection, until it is stopped.

    Attributes
    ----------
    failures : list of str
        What was not answered by 200; nothing is tried again.
    mixed : list of str
        Models of answers whose list is that of another one.
    seconds : list of float
        How long each answer took.
    models : dict of str to float
        When each model was seen first, on the monotonic clock.
    """

    def __init__(self, address: str, expected: Mapping[str, Mapping[str, Shown]], pause: float) -> None:
        self._host = address.removeprefix("http://")
        self._expected = expected
        self._pause = pause
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.failures: list[str] = []
        self.mixed: list[str] = []
        self.seconds: list[float] = []
        self.models: dict[str, float] = {}
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        users = [*next(iter(self._expected.values()))]
        connection = http.client.HTTPConnection(self._host, timeout=30)
        number = 0
        while not self._stopped.wait(self._pause):
            user = users[number % len(users)]
            begun = time.monotonic()
            try:
                connection.request("GET", f"/v1/users/{quote(user, safe='')}/recommendations")
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            self.seconds.append(time.monotonic() - begun)
            if answer.status != 200:
                self.failures.append(f"{answer.status} {body[:200]!r}")
                continue
            self._check(user, json.loads(body))
            number += 1
        connection.close()

    def _check(self, user: str, answer: dict[str, object]) -> None:
        model, items = str(answer["model"]), answer["items"]
        assert isinstance(items, list)
        self.models.setdefault(model, time.monotonic())
        if [(item["item_id"], item["title"]) for item in items] != self._expected[model][user]:
            self.mixed.append(model)
