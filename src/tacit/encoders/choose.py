"""From the name of an encoder to the encoder."""

import logging
from collections.abc import Sequence
from pathlib import Path

from tacit.core.errors import ConfigError, MissingExtraError
from tacit.encoders.cache import CachedEncoder, default_file
from tacit.encoders.encoder import TextEncoder
from tacit.encoders.tfidf import TfidfEncoder
from tacit.encoders.tuned import is_tuned, load

_log = logging.getLogger(__name__)


def encoder_from(source: str, texts: Sequence[str] = (), *, cache: Path | None = None) -> TextEncoder:
    """Return an encoder.

    Parameters
    ----------
    source : str
        ``auto`` (MiniLM, or TF-IDF where its files are missing), ``minilm``, ``tfidf``,
        ``endpoint:URL#MODEL``, the directory of a tuned encoder, or the path or name of a Hugging Face model.
    texts : sequence of str
        What the TF-IDF encoder is fitted on; pretrained ones do not look at it.
    cache : Path, optional
        File of the vector cache; see `tacit.encoders.cache.default_file`.

    Raises
    ------
    ConfigError
        If there is no such encoder.
    """
    if source == "tfidf":
        return TfidfEncoder().fit(texts)
    if source == "auto":
        return _auto(texts, cache)
    if is_tuned(Path(source)):
        return load(Path(source), lambda base: encoder_from(base, cache=cache))
    return CachedEncoder(_pretrained(source), cache or default_file())


def _auto(texts: Sequence[str], cache: Path | None) -> TextEncoder:
    try:
        return encoder_from("minilm", cache=cache)
    except MissingExtraError as error:
        _log.warning("%s; using TF-IDF instead of a language model", error)
        return TfidfEncoder().fit(texts)


def _pretrained(source: str) -> TextEncoder:
    if source == "minilm":
        from tacit.encoders.minilm import minilm

        return minilm()
    if source.startswith("endpoint:"):
        from tacit.encoders.endpoint import EndpointEncoder

        url, _, model = source.removeprefix("endpoint:").partition("#")
        if not model:
            raise ConfigError(f"{source!r} names no model; write endpoint:URL#MODEL")
        return EndpointEncoder(url, model)
    from tacit.encoders.huggingface import HuggingFaceEncoder

    return HuggingFaceEncoder(source)
