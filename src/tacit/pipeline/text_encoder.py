"""From the source that a configuration names to the text encoder."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tacit.core.entry import OURS, Entry
from tacit.core.errors import ConfigError, TacitError
from tacit.core.executor import Executor
from tacit.core.parameters import shown
from tacit.core.progress import Progress
from tacit.core.types import Float32
from tacit.encoders.cache import CHUNK
from tacit.encoders.choice import Choice, choose
from tacit.encoders.choose import cached, check_endpoint
from tacit.encoders.encoder import Caches, TextEncoder
from tacit.encoders.located import directory_of
from tacit.encoders.tuned import is_tuned, load
from tacit.pipeline import register

NO_ENCODER = "none"
"""Source of no encoder at all: items have no vectors."""

_FALLBACK = "huggingface"
AUTO = "auto"
_ALONE = (AUTO, "minilm", "use", "pair", "tfidf")
"""Encoders that take no argument."""


def encoder_from(source: str, texts: Sequence[str] = (), *, cache: Path | None = None) -> TextEncoder:
    """Return an encoder.

    Parameters
    ----------
    source : str
        ``auto`` (the one of the next four that reads the texts, see `tacit.encoders.choice`), ``minilm``
        (English), ``use`` (16 languages), ``pair`` (both), ``tfidf``, ``endpoint:URL#MODEL``, the directory
        of a tuned encoder, the name of an encoder that another package registers (``NAME`` or
        ``NAME:ARGUMENT``), or the path or name of a Hugging Face model.
    texts : sequence of str
        Those of the catalogue: what ``auto`` decides by, and what ``tfidf`` and ``pair`` are fitted on.
    cache : Path, optional
        File of the vector cache; see `tacit.encoders.cache.default_file`.

    Raises
    ------
    ConfigError
        If there is no such encoder.
    """
    if is_tuned(Path(source)):
        return load(Path(source), lambda base: encoder_from(base, cache=cache))
    name, argument = _parts(source)
    entry = register.find("encoder", name)
    encoder = _created(entry, argument, texts, cache)
    if not isinstance(encoder, TextEncoder):
        raise ConfigError(
            f"the encoder {name!r} of {entry.distribution} gave a {type(encoder).__name__}; it must give an "
            "object with name, dimension and encode(texts)"
        )
    return encoder if entry.distribution == OURS else cached(encoder, cache)


def encode_elsewhere(
    encoder: TextEncoder, source: str, texts: Sequence[str], executor: Executor, progress: Progress
) -> None:
    """Put the vectors of new texts into the cache of an encoder, encoded by the workers of an executor.

    The texts that are encoded together are the same as in one process, and so are the vectors on the same
    kind of processor. What one of the workers encodes it keeps in the cache of its machine, too.

    Parameters
    ----------
    encoder : TextEncoder
        Nothing is done for one that has no cache, as those that learn from the texts.
    source : str
        What the workers make the same encoder from.
    texts : sequence of str
    executor : Executor
    progress : Progress
    """
    if not isinstance(encoder, Caches):
        return
    new = encoder.absent(texts)
    chunks = [new[start : start + CHUNK] for start in range(0, len(new), CHUNK)]
    if not chunks:
        return
    with progress.task("encoding new texts", total=len(new)) as task:
        found = executor.map(_vectors, chunks, shared=source, gpu=True)
        for chunk, vectors in zip(chunks, found, strict=True):
            encoder.keep(chunk, vectors)
            task.advance(len(chunk))


def _vectors(source: str, texts: list[str]) -> Float32:
    return _of_worker(source).encode(texts)


@lru_cache(maxsize=1)
def _of_worker(source: str) -> TextEncoder:
    """Return the encoder of a source, which a worker loads once."""
    return encoder_from(source)


def resolve(source: str, texts: Sequence[str], *, cache: Path | None = None) -> Choice:
    """Return the encoder that a source stands for, and why: ``auto`` becomes the one that reads the texts."""
    if source == AUTO and not os.path.exists(source):  # noqa: PTH110
        return choose(texts, cache)
    return Choice(source, "it was named")


def _created(entry: Entry, argument: str, texts: Sequence[str], cache: Path | None) -> TextEncoder:
    """Return what the function of an encoder returns."""
    make = entry.load()
    if entry.distribution == OURS:
        return make(argument, texts, cache)  # type: ignore[no-any-return]
    who = f"the encoder {entry.name!r} of {entry.distribution}"
    try:
        found = make(argument, texts, cache)
    except TacitError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{who} cannot be made ({type(error).__name__}: {error}); mend it, or name another encoder"
        ) from error
    name, dimension = getattr(found, "name", ""), getattr(found, "dimension", 1)
    if (
        not isinstance(name, str)
        or isinstance(dimension, bool)
        or not isinstance(dimension, int)
        or dimension < 1
    ):
        raise ConfigError(
            f"{who} has the name {shown(name)} and the dimension {shown(dimension)}; give a text, and a "
            "whole number of at least 1"
        )
    return found  # type: ignore[no-any-return]


def check_source(source: str) -> None:
    """Refuse a source of an encoder that is surely none, on any machine.

    Raises
    ------
    ConfigError
    """
    if not isinstance(source, str) or not source.strip() or "\0" in source:
        raise ConfigError(f"encoder is {source!r}; name one, for example auto, or none")
    name, argument = _parts(source)
    if name == "endpoint":
        check_endpoint(argument)
    elif argument and name in _ALONE:
        raise ConfigError(f"encoder {source!r}: {name} takes nothing after a colon; write {name}")


def check_available(source: str) -> None:
    """Refuse an encoder that is not on this machine, before any file is read.

    Raises
    ------
    ConfigError
    """
    check_source(source)
    name, argument = _parts(source)
    if source != NO_ENCODER and name == _FALLBACK and not is_tuned(Path(source)):
        directory_of(argument)


def _parts(source: str) -> tuple[str, str]:
    """Return the name of the encoder in the register, and its argument."""
    name, _, argument = source.partition(":")
    # Path.exists raises where a name is too long for a file, as that of an endpoint may be.
    if register.is_known("encoder", name) and not os.path.exists(source):  # noqa: PTH110
        return name, argument
    return _FALLBACK, source
