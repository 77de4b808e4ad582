"""The words of the status of an order, by what they say; they stand in ``status_words.toml``."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from tacit.data.event_parts import words_of

Group = Literal["names", "goods", "stands", "unsent", "unpaid", "ended"]


def says(text: str, group: Group) -> bool:
    """Return whether a text has a word of a group."""
    return _pattern(group).search(" ".join(words_of(text))) is not None


@cache
def _pattern(group: Group) -> re.Pattern[str]:
    raw = tomllib.loads((files("tacit.data") / "status_words.toml").read_text("utf-8"))
    words = {word for line in raw[group].values() for word in line.split()}
    return re.compile("|".join(_written(word) for word in sorted(words)))


def _written(word: str) -> str:
    """Return the pattern of a word: a whole one, a beginning, or a part of a text without blanks."""
    text = re.escape(word.rstrip("*").replace("_", " "))
    if re.search("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", word):
        return text
    return rf"\b{text}" if word.endswith("*") else rf"\b{text}\b"
