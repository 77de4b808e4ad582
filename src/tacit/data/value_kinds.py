"""What the numbers of a log are: ratings, quantities, counts, times or money, by name, event and content."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import numpy as np
import polars as pl

from tacit.data.event_names import meaning
from tacit.data.event_parts import words_of
from tacit.data.event_words import AMOUNTS, Amount
from tacit.data.event_words import ValueKind as ValueKind

_MOST_RATINGS = 21
_HIGHEST_RATING = 10.0
_ODD_RATING = 1_000.0
_INTEGERS = 0.95
"""Share of whole numbers from which a column counts things."""
_TYPICAL_QUANTITY = 20.0
_MOSTLY = 0.5


def value_kind(name: str | None, values: pl.Series, event: str | Iterable[str] | None = None) -> ValueKind:
    """Return what the numbers of a column are.

    Parameters
    ----------
    name : str or None
        Of the column, where it has one: its parts decide first.
    values : polars.Series
        Numbers of the whole column, null where there is none.
    event : str or iterable of str, optional
        Event types of the rows; they decide where the name does not.
    """
    numbers = values.cast(pl.Float64, strict=False)
    known = numbers.filter(numbers.is_finite())
    if not len(known):
        return "unknown"
    named = kind_of_name(name) if name is not None else None
    if named is not None:
        return named if named != "rating" or _at_most(known, _ODD_RATING) else "unknown"
    return _by_event([event] if isinstance(event, str) else list(event or ()), known)


def kind_of_name(name: str) -> ValueKind | None:
    """Return what a column holds by the parts of its name, None where they do not say."""
    found = set(_amounts(name))
    if "money" in found and "quantity" not in found:
        return "price"
    if "quantity" in found:
        return "quantity"
    if "time" in found:
        return "time"
    rated = meaning(name).rated or "rating" in found
    if "count" in found:
        return "unknown" if rated else "plays"  # how many ratings an item has is no rating
    if rated:
        return "rating"
    return "quantity" if "unit" in found else None


Counts = Mapping[float, int] | None
"""How often each rating stands in a column; None where they are too many or too high for a scale."""


def rating_counts(values: pl.Series) -> Counts:
    """Return how often each number stands in a column of few whole numbers, None in any other."""
    known = values.filter(values.is_finite())
    if not len(known):
        return {}
    if float(known.max()) > _HIGHEST_RATING or float(known.min()) < -1:  # type: ignore[arg-type]
        return None
    counts = known.alias("value").value_counts()
    if len(counts) > _MOST_RATINGS or not bool((counts["value"] % 1 == 0).all()):
        return None
    return dict(counts.iter_rows())


def joined_counts(parts: Iterable[Counts]) -> Counts:
    """Return the counts of a column from those of its parts."""
    whole: Counter[float] = Counter()
    for counts in parts:
        if counts is None:
            return None
        whole.update(counts)
    return whole


def missing_rating(counts: Counts) -> float | None:
    """Return the number that says in a column of ratings that there is none: a lone -1 or 0 below the scale.

    Anime lists write -1 for "watched, not rated", Book-Crossing 0 for "read, not rated": the item was chosen,
    and nothing more is known. A 0 counts as missing where it is more frequent than any rating, the scale
    is one of whole numbers, and 0 is no step of it: the next rating is 1, or farther than the others are
    from each other (0, 5, 7, 8, 10 where few ratings are low).
    """
    distinct = sorted(counts or ())
    if counts is None or len(distinct) < 3:
        return None
    lowest, next_lowest, *_ = distinct
    steps = [high - low for low, high in pairwise(distinct[1:])]
    alone = lowest == -1 and next_lowest >= 0
    apart = next_lowest == 1 or next_lowest > min(steps)
    unsaid = lowest == 0 and apart and all(counts[0] > counts[value] for value in distinct[1:])
    return lowest if alone or unsaid else None


def _amounts(name: str) -> Iterator[Amount]:
    for word in words_of(name):
        singular = word.removesuffix("s") if len(word) > 3 else word
        for form in (word, singular):
            if form in _AMOUNT_OF:
                yield _AMOUNT_OF[form]
                break
        else:
            yield from _inside(word)


def _inside(word: str) -> Iterator[Amount]:
    """Yield what is said within a word: compounds (``playcount``, ``unitprice``) and texts without blanks."""
    for part, amount in _AMOUNT_OF.items():
        if part in word and (
            not part.isascii() or (len(part) >= 5 and re.search(f"^{part}|{part}s?$", word))
        ):
            yield amount


def _by_event(events: list[str], known: pl.Series) -> ValueKind:
    meanings = [meaning(event) for event in events]
    if any(one.rated for one in meanings):
        return "rating"
    if any(one.timed for one in meanings):
        return "time"
    if any(one.sense in ("buy", "cart", "checkout", "add") for one in meanings):
        return _bought(known)
    if meanings and not all(one.plain or not one.known for one in meanings):
        return "unknown"
    return _by_content(known)


def _bought(known: pl.Series) -> ValueKind:
    """Return what the number of a purchase is: few whole things, or money."""
    typical = float(known.abs().median() or 0.0)  # type: ignore[arg-type]
    if _whole_share(known) >= _INTEGERS:
        return "quantity" if typical <= _TYPICAL_QUANTITY else "price"
    return "price"


def _by_content(known: pl.Series) -> ValueKind:
    distinct = known.unique()
    low, high = float(distinct.min()), float(distinct.max())  # type: ignore[arg-type]
    if len(distinct) < 2 or (low >= 0 and high <= 1):
        return "unknown"  # a flag or a share
    steps = bool(((distinct * 2) % 1 == 0).all())
    whole = bool((distinct % 1 == 0).all())
    if steps and low >= -1 and high <= _HIGHEST_RATING and len(distinct) <= _MOST_RATINGS + 1:
        ones = float((known == 1).mean() or 0.0)  # type: ignore[arg-type]
        return "plays" if whole and low >= 1 and ones > _MOSTLY and len(distinct) > 2 else "rating"
    if whole and low >= 0 and float(known.median() or 0.0) < high / 2:  # type: ignore[arg-type]
        return "plays"
    cents = known * 100
    rounded = float(((cents - cents.round()).abs() < 1e-6).mean() or 0.0)  # type: ignore[arg-type]
    return "price" if not whole and rounded > _INTEGERS and low >= 0 else "unknown"


def _whole_share(known: pl.Series) -> float:
    return float(np.mean(known.to_numpy() % 1 == 0))


def _at_most(known: pl.Series, limit: float) -> bool:
    return float(known.abs().max() or 0.0) <= limit  # type: ignore[arg-type]


_AMOUNT_OF: dict[str, Amount] = {word: amount for amount, words in AMOUNTS.items() for word in words.split()}
