"""Which columns of a catalogue say something in words: those alone are read by the language model.

A column is judged by its values, in any language: numbers, times, codes, web addresses, JSON and flags say
nothing to a language model, and a text is like another only by what it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

import polars as pl

from tacit.data import columns as col
from tacit.data.categories import holds_texts
from tacit.data.event_names import plain_name

MISSING = (
    "", "nan", "n/a", "na", "null", "(null)", "none", "nil", "-", "--", "–", "—", "?", ".", "...",
    "\\n", "#n/a", "#na", "#ref!", "#value!", "undefined", "<na>", "nat", "无", "暂无",
)  # fmt: skip
"""Texts, in small letters, that stand for a missing one."""

_NUMBERS_THAT_SAY = {"price", "year"}
"""Names of columns whose numbers are part of the text."""

_ID_NAMES = (
    "id ids uid uuid guid md5 sha sha1 sha256 hash slug sku ean gtin upc isbn asin barcode url urls uri link "
    "href image images img photo thumbnail picture 编号 条码"
)
_ID_PART = rf"(?i:(^|[\s_.\-])({'|'.join(_ID_NAMES.split())})$)|[a-z](Ids?|Url|Uri|Uuid|Image|Link)$"

BLANK = r"^[\s\p{Z}\p{Cc}\p{Cf}]*$"
_NUMBER = r"^[\s\p{Z}\p{Cc}\p{Cf}\p{N}\p{P}\p{Sc}+TZ]*$"
_LONG_NUMBER = r"^[^\p{N}]*(\p{N}[^\p{N}]*){5,}$"
_MOMENT = (
    r"^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?$|^\d{1,2}[-/. ]\p{L}{3,9}\.?[-/. ]\d{2,4}([T ,].*)?$"
    r"|^\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([T ].*)?$|^\p{L}{3},? \d{1,2} \p{L}{3} \d{4}.*$"
    r"|^\p{L}{3} \p{L}{3} +\d{1,2} \d\d:\d\d.*$"
)
_LINK = r"(?i)^(https?:|ftp:|data:|www\.)|^\S+\.(jpe?g|png|gif|webp|svg|bmp|pdf|mp[34]|webm)(\?\S*)?$"
_JSON = r"(?s)^\s*(\{.*\}|\[\s*\{.*\}\s*\]|\[\s*\])\s*$"
_FLAG = r"(?i)^(true|false|yes|no|y|n|t|f|0|1)$"
_MAIL = r"^\S+@\S+\.\S+$"
_CODE = r"^[!-~]*([0-9]|[a-z][A-Z])[!-~]*$"
"""One word of Latin signs with a digit or with a capital letter inside: a code, a hash, a number."""

EMPTY = "empty"
_SAMPLE = 5_000
_MANY = 20
"""Of so many values it is no chance that all are one."""


@dataclass(frozen=True)
class TextColumns:
    """What of a catalogue the language model reads.

    Attributes
    ----------
    names : tuple of str
        Columns in the order in which they stand in the text: title, description, then the others.
    left_out : mapping of column to str
        Why each of the other columns is no part of it.
    """

    names: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def decides(self, name: str) -> bool:
        """Return whether a column was here, and not empty."""
        return name in self.names or self.left_out.get(name, EMPTY) != EMPTY

    def with_new(self, other: "TextColumns") -> "TextColumns":
        """Return these, with the columns of others that were not here or empty."""
        new = [name for name in other.names if not self.decides(name)]
        return TextColumns(_leading_first([*self.names, *new]), {**other.left_out, **self.left_out})


def _leading_first(names: Sequence[str]) -> tuple[str, ...]:
    leading = [name for name in (col.TITLE, col.DESCRIPTION) if name in names]
    return (*leading, *(name for name in names if name not in leading))


def text_columns(attributes: pl.DataFrame) -> TextColumns:
    """Return which columns of a catalogue say something in words."""
    left_out = {
        name: reason
        for name in attributes.columns
        if (reason := reason_against(attributes[name])) is not None
    }
    return TextColumns(_leading_first([n for n in attributes.columns if n not in left_out]), left_out)


def reason_against(column: pl.Series) -> str | None:
    """Return why a column is no part of the text; None if it says something in words.

    A title may be a number or a code ("1984", "WH-1000XM4"): among words it is a name.
    """
    if column.dtype.is_nested():
        return "lists or records"
    if column.dtype == pl.Boolean:
        return "true or false"
    if column.dtype.is_temporal():
        return "times"
    says = plain_name(column.name) in _NUMBERS_THAT_SAY
    if column.dtype.is_numeric():
        return None if says else "numbers"
    values = sample_of(column)
    if not len(values):
        return EMPTY
    if column.name == col.TITLE:
        return _matching(values, {"JSON": _JSON, "web addresses": _LINK})
    reason = reason_against_values(values, numbers_say=says)
    if reason is None and pl.Series([column.name]).str.contains(_ID_PART).item():
        return "ids, by its name"
    if reason is None and len(values) >= _MANY and values.n_unique() == 1 and column.name != col.DESCRIPTION:
        return "one value for all"
    return reason


def reason_against_values(values: pl.Series, *, numbers_say: bool = False) -> str | None:
    """Return why texts say nothing in words; None if they do."""
    distinct = values.unique()
    kinds = {
        "JSON": _JSON,
        "web addresses": _LINK,
        "e-mail addresses": _MAIL,
        "times": _MOMENT,
        "numbers": _NUMBER,
        "true or false": _FLAG,
        "codes": _CODE,
    }
    reason = _matching(distinct, kinds)
    return None if numbers_say and reason in ("numbers", "times", "true or false") else reason


def sample_of(column: pl.Series) -> pl.Series:
    """Return texts from the whole length of a column, without those that stand for a missing one."""
    texts = column.gather_every(max(len(column) // _SAMPLE, 1)).cast(pl.String).str.strip_chars().drop_nulls()
    return texts.filter(~is_missing(texts))


@overload
def is_missing(texts: pl.Series) -> pl.Series: ...
@overload
def is_missing(texts: pl.Expr) -> pl.Expr: ...
def is_missing(texts: pl.Series | pl.Expr) -> pl.Series | pl.Expr:
    """Return whether each text stands for a missing one; null is missing: bool[n]."""
    bare = texts.str.strip_chars().str.to_lowercase()
    return (bare.is_in(list(MISSING)) | bare.str.contains(BLANK)).fill_null(True)


def meant_titles(titles: pl.Series) -> pl.Series:
    """Return titles, null where one means nothing.

    Numbers of five digits or more are articles numbers and not names; so are shorter ones ("1984") where most
    titles are numbers.
    """
    text = pl.col(titles.name).cast(pl.String).str.strip_chars()
    # In one call: each call of a frame costs a tenth of a millisecond, which an item that is put pays too.
    found = titles.to_frame().select_seq(
        text=text,
        nothing=is_missing(text),
        number=text.str.contains(_NUMBER).fill_null(False),
        long=text.str.contains(_LONG_NUMBER).fill_null(False),
    )
    nothing = found["nothing"]
    number = found["number"] & ~nothing
    said = len(titles) - int(nothing.sum())
    gone = nothing | (number if said >= _MANY and number.sum() > 0.5 * said else number & found["long"])
    return found["text"].alias(titles.name).set(gone, None)


def _matching(values: pl.Series, kinds: Mapping[str, str]) -> str | None:
    """Return the first kind that most of the values are of."""
    for kind, pattern in kinds.items():
        if float(values.str.contains(pattern).mean() or 0) > 0.8:  # type: ignore[arg-type]
            return kind
    return None


def joined(attributes: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Return one text a row from columns of words; null where none of them says anything.

    Parameters
    ----------
    attributes : polars.DataFrame
    names : sequence of str
        Columns in their order; those that the frame does not have are left out.
    """
    present = [name for name in names if name in attributes.columns]
    if not present:
        return pl.Series(col.TEXT, [None] * len(attributes), dtype=pl.String)
    parts = [
        _said(name) if name in (col.TITLE, col.DESCRIPTION) else pl.lit(_label(name)) + _listed(name)
        for name in present
    ]
    worded = pl.any_horizontal([_is_worded(name, attributes[name].dtype) for name in present])
    text = pl.concat_str(parts, separator=". ", ignore_nulls=True)
    return attributes.select_seq(pl.when(worded).then(text).alias(col.TEXT))[col.TEXT]


def _label(name: str) -> str:
    """Return what stands before a value: nothing where a file gave the column no name."""
    return "" if name.isdigit() else f"{name}: "


def _is_worded(name: str, kind: pl.DataType) -> pl.Expr:
    """Return whether an attribute says something in words; a title may be a number ("1984")."""
    if not holds_texts(kind):
        return pl.lit(False)
    wordless = BLANK if name == col.TITLE else _NUMBER
    return ~_said(name).str.contains(wordless).fill_null(True)


def _said(name: str) -> pl.Expr:
    """Return what a column says, without the full stop: parts are joined with one."""
    text = pl.col(name).cast(pl.String).str.strip_chars()
    said = text.str.strip_chars_end(".")
    return pl.when(~text.str.to_lowercase().is_in(list(MISSING)) & (said != "")).then(said)


def _listed(name: str) -> pl.Expr:
    """Return what a column says; of a list that was written as text, its parts."""
    said = _said(name)
    parts = said.str.strip_chars("[]")
    for quote in (r"""(^|,\s*)["']""", r"""["'](,|$)"""):
        parts = parts.str.replace_all(quote, "${1}")
    return pl.when(said.str.contains(r"(?s)^\[.*\]$")).then(parts).otherwise(said)
