"""What a text encoder makes of the texts of a catalogue, told by its tokens: no network is loaded."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Bool
from tacit.data.text_report import TextReport
from tacit.encoders.choice import Choice, english_readable
from tacit.encoders.readers import Counts, Reader, minilm_reader, use_reader

_SHOWN = 80
"""Characters of an example that are shown."""


def text_report(
    choice: Choice,
    texts: Sequence[str],
    cache: Path | None = None,
    *,
    base: str | None = None,
    progress: Progress = SILENT,
) -> TextReport:
    """Return the facts on texts; no network is loaded for it.

    Parameters
    ----------
    choice : Choice
        The encoder and why; see `tacit.pipeline.text_encoder.resolve`.
    texts : sequence of str
        Those of the items that have one.
    cache : Path, optional
        File of the cache of the counts of tokens.
    base : str, optional
        Source of the encoder behind a tuned one, whose tokens are counted.
    progress : Progress
    """
    report = TextReport(choice.source, choice.why, choice.second_best, len(texts))
    model = base or choice.source
    if model not in ("minilm", "use", "pair") or not len(texts):
        return report
    reader = minilm_reader() if model == "minilm" else use_reader()
    counts = reader.counts(texts, cache, progress)
    english = minilm_reader().counts(texts, cache, progress) if model == "pair" else None
    worded = counts.words > 0
    unread: Bool = worded & ~reader.reads(counts)
    return replace(
        report,
        unknown_share=unknown_share(counts),
        unreadable=int(unread.sum()),
        unreadable_example=_shortened(texts[int(np.argmax(unread))]) if unread.any() else None,
        wordless=int(np.count_nonzero(~worded)),
        **_cut(texts, reader, counts, english),
    )


def _cut(texts: Sequence[str], reader: Reader, counts: Counts, english: Counts | None) -> dict[str, Any]:
    """Return what is said of texts that are longer than a model reads.

    Of a pair, a text that both models read is cut where the first of them stops.
    """
    cut = reader.cut(counts)
    sizes, readers = counts.tokens, np.zeros(len(texts), dtype=np.int64)
    if english is not None:
        own = np.where(english_readable(english, counts), minilm_reader().cut(english), 0)
        readers = (own > cut).astype(np.int64)
        sizes = np.where(readers, english.tokens, sizes)
        cut = np.maximum(cut, own)
    longest = int(np.argmax(cut))
    cutting = (reader, minilm_reader())[readers[longest]]
    return {
        "limit": reader.limit,
        "cut_texts": int(np.count_nonzero(cut)),
        "cut_share": float(cut.sum() / max(sizes.sum(), 1)),
        "longest": int(sizes[longest] if cut.any() else sizes.max()),
        "cut_example": _last_words(texts[longest], cutting) if cut[longest] else None,
    }


def unknown_share(counts: Counts) -> float:
    """Return the share of the words of all texts that a model does not know; 0 without a word."""
    return float(counts.unknown.sum() / max(counts.words.sum(), 1))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _last_words(text: str, reader: Reader) -> str:
    """Return the end of what is read of a text."""
    return f"...{reader.read_part(text)[-_SHOWN // 2 :]}"
