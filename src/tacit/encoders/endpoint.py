"""Any endpoint with OpenAI's ``POST /v1/embeddings``."""

import json
import os
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import httpx
import numpy as np

from tacit.core.errors import ConfigError, TacitError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32

_KEYS = ("TACIT_EMBEDDINGS_KEY", "OPENAI_API_KEY")
_BATCH = 128
_ATTEMPTS = 5
_LONGEST_WAIT = 30.0


class EndpointEncoder:
    """Vectors from an endpoint.

    Parameters
    ----------
    url : str
        Base address, with or without ``/v1/embeddings``.
    model : str
        Name of the model there.
    sleep : callable
        Waits between attempts.

    Notes
    -----
    The key is read from ``TACIT_EMBEDDINGS_KEY`` or ``OPENAI_API_KEY`` and never kept or logged. Answers 429
    and 5xx, broken connections and time-outs are tried again with growing pauses, or after the time in the
    endpoint's Retry-After.
    """

    def __init__(self, url: str, model: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(
                f"{url!r} is not an http address; write endpoint:https://host/v1/embeddings#model"
            )
        if "@" in urlsplit(url).netloc:  # the address is kept in snapshots and shown in messages
            raise ConfigError(f"the address of an endpoint holds no password; set {_KEYS[0]} instead")
        self._url = (
            url if url.endswith("/embeddings") else url.rstrip("/").removesuffix("/v1") + "/v1/embeddings"
        )
        self._model = model
        self._sleep = sleep
        self.name = f"endpoint:{self._url}#{model}"
        self._dimension: int | None = None

    @property
    def dimension(self) -> int:
        """Length of the vectors; the first call sends a request."""
        if self._dimension is None:
            self._dimension = self.encode(["dimension"]).shape[1]
        return self._dimension

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension], each of length 1.

        Raises
        ------
        ConfigError
            If the endpoint refuses the request (address, model or key).
        TacitError
            If it does not answer after several attempts, or without one usable vector a text.
        """
        parts = []
        with httpx.Client(timeout=60) as client, progress.task("encoding texts", total=len(texts)) as task:
            for start in range(0, len(texts), _BATCH):
                chunk = list(texts[start : start + _BATCH])
                parts.append(self._vectors(self._post(client, chunk), len(chunk)))
                self._dimension = parts[-1].shape[1]
                task.advance(len(chunk))
        if not parts:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = np.concatenate(parts)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.where(length > 1e-9, length, np.inf)).astype(np.float32)

    def _post(self, client: httpx.Client, texts: list[str]) -> bytes:
        headers = _authorization()
        said = "no answer"
        for attempt in range(_ATTEMPTS):
            wait = min(2.0**attempt / 2, _LONGEST_WAIT)
            try:
                answer = client.post(self._url, json={"model": self._model, "input": texts}, headers=headers)
            except httpx.TransportError as error:
                said = type(error).__name__
            else:
                if answer.status_code == httpx.codes.OK:
                    return answer.content
                said = f"status {answer.status_code}"
                if answer.status_code != httpx.codes.TOO_MANY_REQUESTS and answer.status_code < 500:
                    raise ConfigError(f"{self._url} refused the request for model {self._model!r}: {said}")
                wait = _retry_after(answer, wait)
            if attempt + 1 < _ATTEMPTS:
                self._sleep(wait)
        raise TacitError(f"{self._url} did not answer after {_ATTEMPTS} attempts: {said}")

    def _vectors(self, answer: bytes, count: int) -> Float32:
        try:
            rows = {row["index"]: row["embedding"] for row in json.loads(answer)["data"]}
            vectors = np.array([rows[place] for place in sorted(rows)], dtype=np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise TacitError(f"{self._url} answered something that is not a list of embeddings") from error
        if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
            raise TacitError(f"{self._url} answered {len(vectors)} usable embeddings for {count} texts")
        if self._dimension not in (None, vectors.shape[1]):
            raise TacitError(
                f"{self._url} answered embeddings of {vectors.shape[1]} dimensions; before: {self._dimension}"
            )
        return vectors


def _authorization() -> dict[str, str]:
    name = next((name for name in _KEYS if os.environ.get(name, "").strip()), None)
    if name is None:
        return {}
    key = os.environ[name].strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the key in {name} holds characters that no request can carry; set it again")
    return {"Authorization": f"Bearer {key}"}


def _retry_after(answer: httpx.Response, default: float) -> float:
    """Return the seconds to wait that the endpoint names; the default if it names none (or a date)."""
    said = answer.headers.get("retry-after", "")
    return min(float(said), _LONGEST_WAIT) if said.isdecimal() else default
