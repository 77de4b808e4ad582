"""Builders of the encoders of the register: functions of an argument, the texts and the cache file."""

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from tacit.core.errors import ConfigError
from tacit.encoders import minilm as embedded
from tacit.encoders import use_tokens
from tacit.encoders.cache import CachedEncoder, default_file
from tacit.encoders.choice import choose
from tacit.encoders.deferred import CarefulEncoder, DeferredEncoder
from tacit.encoders.encoder import TextEncoder
from tacit.encoders.gated_pair import PairEncoder
from tacit.encoders.readers import minilm_reader, use_reader
from tacit.encoders.tfidf import TfidfEncoder

_log = logging.getLogger(__name__)


def minilm(argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return the embedded English model; texts that it cannot read get no vector."""
    return CarefulEncoder(_english(cache), minilm_reader(), cache)


def use(argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return the embedded multilingual model; texts that it cannot read get no vector."""
    return CarefulEncoder(_multilingual(cache), use_reader(), cache)


def pair(argument: str, texts: Sequence[str], cache: Path | None) -> PairEncoder:
    """Return the gated pair of both, with its means learned from the texts."""
    return unfitted_pair(cache).fit(texts)


def unfitted_pair(cache: Path | None = None) -> PairEncoder:
    """Return a pair without means, which `PairEncoder.restore` gives it."""
    return PairEncoder(_english(cache), use("", (), cache), cache)


def _english(cache: Path | None) -> TextEncoder:
    return cached(DeferredEncoder(embedded.name(), embedded.DIMENSION, embedded.minilm), cache)


def _multilingual(cache: Path | None) -> TextEncoder:
    return cached(DeferredEncoder(use_tokens.name(), use_tokens.DIMENSION, _use), cache)


def _use() -> TextEncoder:
    from tacit.encoders.use import UseEncoder  # brings PyTorch

    return UseEncoder()


def tfidf(argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return TF-IDF with a singular value decomposition, fitted on the texts."""
    return TfidfEncoder().fit(texts)


def auto(argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return the encoder that reads the texts best, see `tacit.encoders.choice`; say it where none does."""
    choice = choose(texts, cache)
    if choice.second_best:
        _log.warning("%s", choice.why)
    makers: dict[str, Callable[[str, Sequence[str], Path | None], TextEncoder]] = {
        "minilm": minilm,
        "use": use,
        "pair": pair,
        "tfidf": tfidf,
    }
    return makers[choice.source]("", texts, cache)


def endpoint(argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return the model behind an OpenAI-compatible endpoint: ``URL#MODEL``.

    Raises
    ------
    ConfigError
        If no model is named.
    """
    from tacit.encoders.endpoint import EndpointEncoder

    check_endpoint(argument)
    url, _, model = argument.partition("#")
    return cached(EndpointEncoder(url, model), cache)


def check_endpoint(argument: str) -> None:
    """Refuse an endpoint without an address of the web or without a model.

    Raises
    ------
    ConfigError
    """
    url, _, model = argument.partition("#")
    if url and not re.match(r"https?://[^/\s]+", url):
        raise ConfigError(f"'endpoint:{argument}': the address must begin with http:// or https://")
    if not url or not model:
        raise ConfigError(f"'endpoint:{argument}' names no model; write endpoint:URL#MODEL")


def huggingface(argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return a Hugging Face model by its directory or name."""
    from tacit.encoders.huggingface import HuggingFaceEncoder

    return cached(HuggingFaceEncoder(argument), cache)


def cached(encoder: TextEncoder, cache: Path | None) -> TextEncoder:
    """Return an encoder that looks in the cache of vectors first."""
    return CachedEncoder(encoder, cache or default_file())
