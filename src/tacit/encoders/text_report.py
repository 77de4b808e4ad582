"""What a text encoder makes of the texts of a catalogue: words it does not know, texts it cuts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tacit.core.types import Bool, Json
from tacit.encoders.choice import Choice, english_readable
from tacit.encoders.readers import Counts, Reader, minilm_reader, use_reader

_NAMES = {
    "minilm": "the English model MiniLM",
    "use": "the multilingual encoder USE",
    "pair": "the pair of MiniLM and USE",
    "tfidf": "TF-IDF",
}
_NOTABLE = 0.02
"""Share of unknown words from which on it is said."""
_SHOWN = 80


@dataclass(frozen=True)
class TextReport:
    """Facts on the texts of a catalogue and the encoder that reads them.

    Attributes
    ----------
    encoder : str
        Source of the encoder.
    why : str
        Why this one.
    second_best : bool
        Whether no language model on this machine reads these texts.
    texts : int
        Items with a text.
    unknown_share : float or None
        Share of the words that the encoder does not know; None for one that has no vocabulary.
    unreadable : int
        Texts that get no vector, because the encoder cannot read them.
    unreadable_example : str or None
    limit : int or None
        Tokens of a text that are read.
    cut_texts : int
        Texts that are longer.
    cut_share : float
        Share of the tokens of all texts that lie beyond the limit, and so are not read.
    longest : int
        Tokens of the longest text.
    cut_example : str or None
        Where the longest text is cut: the last words that are read.
    """

    encoder: str
    why: str
    second_best: bool
    texts: int
    unknown_share: float | None = None
    unreadable: int = 0
    unreadable_example: str | None = None
    limit: int | None = None
    cut_texts: int = 0
    cut_share: float = 0.0
    longest: int = 0
    cut_example: str | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the facts as JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the facts in sentences; the encoder comes first."""
        return [self._encoder(), *self._unknown(), *self._unreadable(), *self._cut()]

    def _encoder(self) -> str:
        return f"texts are read by {_NAMES.get(self.encoder, self.encoder)}: {self.why}"

    def _unknown(self) -> list[str]:
        if self.unknown_share is None or self.unknown_share < _NOTABLE:
            return []
        return [f"{self.unknown_share:.0%} of the words are unknown to it"]

    def _unreadable(self) -> list[str]:
        if not self.unreadable:
            return []
        return [
            f"{self.unreadable:,} of {self.texts:,} texts are in a language that it cannot read and get no "
            f"vector, for example {self.unreadable_example!r}"
        ]

    def _cut(self) -> list[str]:
        if not self.cut_texts:
            return []
        end = f" (the longest of {self.longest:,} is cut after {self.cut_example!r})"
        return [
            f"{self.cut_texts:,} of {self.texts:,} texts are longer than the {self.limit} tokens that are "
            f"read; {self.cut_share:.0%} of all tokens are left out{end}"
        ]


def text_report(choice: Choice, texts: Sequence[str], cache: Path | None = None) -> TextReport:
    """Return the facts on texts; no network is loaded for it.

    Parameters
    ----------
    choice : Choice
        The encoder and why; see `tacit.pipeline.text_encoder.resolve`.
    texts : sequence of str
        Those of the items that have one.
    cache : Path, optional
        File of the cache of the counts of tokens.
    """
    report = TextReport(choice.source, choice.why, choice.second_best, len(texts))
    if choice.source not in ("minilm", "use", "pair") or not len(texts):
        return report
    english = choice.source == "minilm"
    reader = minilm_reader() if english else use_reader()
    counts = reader.counts(texts, cache)
    cut = reader.cut(counts)
    if choice.source == "pair":  # an English text is cut if one of the two cuts it
        own = minilm_reader().counts(texts, cache)
        gate = english_readable(own, counts)
        cut = np.maximum(cut, np.where(gate, minilm_reader().cut(own), 0))
    unread: Bool = ~reader.reads(counts)
    longest = int(np.argmax(cut))
    return TextReport(
        choice.source,
        choice.why,
        choice.second_best,
        len(texts),
        unknown_share=unknown_share(counts),
        unreadable=int(unread.sum()),
        unreadable_example=_shortened(texts[int(np.argmax(unread))]) if unread.any() else None,
        limit=reader.limit,
        cut_texts=int(np.count_nonzero(cut)),
        cut_share=float(cut.sum() / max(counts.tokens.sum(), 1)),
        longest=int(counts.tokens[longest]),
        cut_example=_last_words(texts[longest], reader) if cut[longest] else None,
    )


def unknown_share(counts: Counts) -> float:
    """Return the share of the words of all texts that a model does not know; 0 without a word."""
    return float(counts.unknown.sum() / max(counts.words.sum(), 1))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _last_words(text: str, reader: Reader) -> str:
    """Return the end of what is read of a text."""
    return f"...{reader.read_part(text)[-_SHOWN // 2 :]}"
