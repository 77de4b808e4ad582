"""From the source that a configuration names to the text encoder."""

import os
from collections.abc import Sequence
from pathlib import Path

from tacit.core.entry import OURS, Entry
from tacit.core.errors import ConfigError, TacitError
from tacit.core.parameters import shown
from tacit.encoders.choice import Choice, choose
from tacit.encoders.choose import cached, check_endpoint
from tacit.encoders.encoder import TextEncoder
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
