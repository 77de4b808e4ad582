"""What a text encoder makes of the texts of a catalogue, in figures and words.

`tacit.encoders.describe` counts it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from tacit.core.notes import Note
from tacit.core.types import Json

_NAMES = {
    "minilm": "the English model MiniLM",
    "use": "the multilingual encoder USE",
    "pair": "the pair of MiniLM and USE",
    "tfidf": "TF-IDF",
}
_MANY_UNKNOWN = 0.1
"""Share of unknown words above which the vectors of the texts say little."""
_FEW_UNKNOWN = 0.001
"""Share of unknown words below which no figure is given."""


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
        Texts that get no vector, because the encoder cannot read their language.
    unreadable_example : str or None
    wordless : int
        Texts that get no vector, because they hold no word: signs and emoji.
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
    wordless: int = 0
    limit: int | None = None
    cut_texts: int = 0
    cut_share: float = 0.0
    longest: int = 0
    cut_example: str | None = None

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """Return the report of what `to_json` returned, by this or another version."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in facts.items() if name in known})

    def to_json(self) -> dict[str, Json]:
        """Return the facts as JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the facts in sentences; the encoder comes first."""
        return [note.text for note in self.notes()]

    def notes(self) -> list[Note]:
        """Return the sentences of `lines`, with those marked that are warnings."""
        many_unknown = (self.unknown_share or 0.0) > _MANY_UNKNOWN
        return [
            Note(f"texts are read by {self._name}, because {self.why}", self.second_best),
            *(Note(line, many_unknown) for line in self._unknown()),
            *(Note(line, warning=True) for line in self._unreadable()),
            *(Note(line) for line in self._wordless()),
            *(Note(line) for line in self._cut()),
        ]

    @property
    def _name(self) -> str:
        return _NAMES.get(self.encoder, self.encoder)

    def _unknown(self) -> list[str]:
        share = self.unknown_share
        if share is None:
            return []
        if share < _FEW_UNKNOWN:
            return [f"{self._name} knows {'nearly ' if share else ''}every word of the texts"]
        figure = f"{share:.0%}" if share >= _MANY_UNKNOWN else f"{share:.1%}"
        return [f"{figure} of the words of the texts are unknown to {self._name}"]

    def _unreadable(self) -> list[str]:
        if not self.unreadable:
            return []
        return [
            f"{self.unreadable:,} of {self.texts:,} texts are in a language that {self._name} cannot read "
            f"and get no vector, for example {self.unreadable_example!r}"
        ]

    def _wordless(self) -> list[str]:
        if not self.wordless:
            return []
        return [f"{self.wordless:,} of {self.texts:,} texts hold signs but no word and get no vector"]

    def _cut(self) -> list[str]:
        if self.limit is None:
            return []
        if not self.cut_texts:
            return [f"no text is longer than the {self.limit} tokens that are read"]
        return [
            f"{self.cut_texts:,} of {self.texts:,} texts are longer than the {self.limit} tokens that are "
            f"read; {self.cut_share:.1%} of all tokens are left out (the longest text, of {self.longest:,} "
            f"tokens, is cut after {self.cut_example!r})"
        ]
