"""Builders of the encoders of the register: functions of an argument, the texts and the cache file."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

from tacit.core.errors import ConfigError, MissingExtraError
from tacit.encoders.cache import CachedEncoder, default_file
from tacit.encoders.encoder import TextEncoder
from tacit.encoders.tfidf import TfidfEncoder

_log = logging.getLogger(__name__)


def minilm(argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return the embedded language model."""
    from tacit.encoders import minilm as embedded  # brings PyTorch

    return cached(embedded.minilm(), cache)


def tfidf(argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return TF-IDF with a singular value decomposition, fitted on the texts."""
    return TfidfEncoder().fit(texts)


def auto(argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return the embedded language model, or TF-IDF with a warning if its files are missing."""
    try:
        return minilm(argument, texts, cache)
    except MissingExtraError as error:
        _log.warning("%s; using TF-IDF instead of a language model", error)
        return tfidf(argument, texts, cache)


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
