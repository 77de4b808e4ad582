"""Which text encoder suits the texts of a catalogue, decided by the tokens of the models alone.

Measured (docs/log/text-in-every-language.md): of English, MiniLM's tokens hold 3.9 to 5.2 letters, of any
other language at most 3.0 (English in very short words is told by the words that stay whole); of the Latin
languages that the multilingual encoder knows its tokens hold 2.95 letters and more, of those that it doesn't
(Danish, Finnish, Hungarian, ...) at most 2.6; and of the languages whose script it does not know (Hindi,
Bengali, Vietnamese) a sixth of its tokens or more are unknown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tacit.core.errors import MissingExtraError
from tacit.core.types import Bool
from tacit.encoders import minilm_files, use_tokens
from tacit.encoders.readers import Counts, minilm_reader, use_reader

SAMPLE = 2_000
"""Texts that the choice looks at."""

_UNKNOWN = 0.1
"""Largest share of unknown words, of a text or in the mean of a catalogue, that a model gets along with."""
_ENGLISH_LETTERS = 3.4
"""Letters in a token of MiniLM, from which on Latin texts are English."""
_WHOLE = 0.15
"""Share of the tokens of MiniLM that go on with a word, up to which Latin texts are English: short words."""
_KNOWN_LETTERS = 2.75
"""Letters in a token of the multilingual encoder, from which on it knows a Latin language."""
_SPELLED_LETTERS = 1.8
"""The same for other alphabets (Cyrillic, Greek): below it their words are spelled out, letter by letter."""
_ALL, _NONE = 0.95, 0.05


@dataclass(frozen=True)
class Choice:
    """A text encoder and the reason for it.

    Attributes
    ----------
    source : str
        Name of an encoder of the register.
    why : str
        A sentence.
    second_best : bool
        Whether it deserves a warning: a model is missing, or none on this machine reads the texts.
    """

    source: str
    why: str
    second_best: bool = False


def choose(texts: Sequence[str], cache: Path | None = None) -> Choice:
    """Return the encoder for texts.

    Parameters
    ----------
    texts : sequence of str
        Those of a catalogue that say anything; an even sample of them is looked at.
    cache : Path, optional
        File of the cache; see `tacit.encoders.cache.default_file`.
    """
    if not texts:
        return Choice("minilm", "there is no text")
    sample = _sample(texts)
    english, other = _missing(minilm_files.find), _missing(use_tokens.find)
    if other is not None:
        if english is not None:
            return Choice("tfidf", f"{english}; using TF-IDF instead of a language model", second_best=True)
        return Choice("minilm", f"{other}; using MiniLM, which reads English only", second_best=True)
    if english is not None:
        return Choice("use", f"{english}; using the multilingual encoder", second_best=True)
    return _choice(minilm_reader().counts(sample, cache), use_reader().counts(sample, cache))


def _missing(find: Callable[[], Path]) -> MissingExtraError | None:
    """Return the error of a model whose files are not on this machine."""
    try:
        find()
    except MissingExtraError as error:
        return error
    return None


def english_readable(english: Counts, other: Counts) -> Bool:
    """Return which texts MiniLM reads as well as English ones: bool[n].

    It knows their words, and needs not many more tokens for them than the multilingual encoder.
    """
    known = english.unknown_share <= _UNKNOWN
    return np.asarray(known & (english.tokens <= 1.3 * other.tokens + 2), dtype=bool)


def _choice(english: Counts, other: Counts) -> Choice:
    unknown = float(other.unknown_share.mean())
    if unknown > _UNKNOWN:
        return _unread(f"{unknown:.0%} of the words are unknown to the multilingual encoder")
    latin = english.unknown_share <= _UNKNOWN
    readable = float(english_readable(english, other).mean())
    if latin.mean() < _NONE:
        if 0 < other.letters_per_token < _SPELLED_LETTERS and other.lettered.sum() > other.words.sum() / 2:
            return _unread(
                f"the multilingual encoder knows pieces of {other.letters_per_token:.1f} letters of the words"
            )
        return Choice(
            "use",
            f"{english.unknown_share.mean():.0%} of the words are unknown to the English model; "
            "the multilingual encoder reads them",
        )
    own = english.select(latin)
    known = other.select(latin).letters_per_token
    if own.letters_per_token >= _ENGLISH_LETTERS or own.split_share <= _WHOLE:
        return _with_english(readable)
    if known >= _KNOWN_LETTERS or latin.mean() < 0.5:
        return Choice("use", "the texts are not in English; the multilingual encoder reads them")
    return _unread(f"the multilingual encoder knows pieces of {known:.1f} letters of the words")


def _with_english(readable: float) -> Choice:
    if readable >= _ALL:
        return Choice("minilm", "the texts are in English")
    if readable < _NONE:
        return Choice("use", "hardly a text is in English; the multilingual encoder reads them")
    return Choice(
        "pair",
        f"{readable:.0%} of the texts are in English; these are read by both models, all others by the "
        "multilingual one",
    )


def _unread(reason: str) -> Choice:
    return Choice("tfidf", f"{reason}, so no language model here reads them; using TF-IDF", second_best=True)


def _sample(texts: Sequence[str]) -> list[str]:
    """Return at most SAMPLE texts, evenly spread."""
    if len(texts) <= SAMPLE:
        return list(texts)
    return [texts[row] for row in np.linspace(0, len(texts) - 1, SAMPLE).astype(np.int64)]
