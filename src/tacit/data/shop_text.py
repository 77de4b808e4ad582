"""Titles and descriptions of the items of the generated shop, in English and Chinese.

The words are in ``shop_words.toml``. A text names what an item is, its style (a taste across all categories),
one feature, its use and whether it is cheap or expensive, so that a language model can learn from the text
what drives the clicks. No two items of a shop share a title.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

NOUNS, FEATURES, WORDS_PER_STYLE = 5, 6, 3


@dataclass(frozen=True)
class Words:
    """The words of the shop.

    Attributes
    ----------
    categories : list of dict
        Names, brands, nouns, features, uses, price range; ``accessory_of`` if it belongs to another category.
    styles : list of dict
        Adjectives and sentences.
    """

    categories: list[dict[str, Any]]
    styles: list[dict[str, Any]]

    @property
    def combinations(self) -> int:
        """Number of different titles a brand of one category can have in one language."""
        return NOUNS * FEATURES * WORDS_PER_STYLE * len(self.styles)

    def parent(self, category: int) -> int:
        """Return the category that a category is an accessory of, -1 if there is none."""
        name = self.categories[category].get("accessory_of")
        return next((i for i, c in enumerate(self.categories) if c["name"] == name), -1)


@dataclass(frozen=True)
class Choice:
    """The words of one item.

    Attributes
    ----------
    category, style, brand, fits, use : int
        Places in the lists of words; ``fits`` is the brand of the main category that an accessory belongs to.
    combination : int
        Noun, feature and adjective in one number; beyond `Words.combinations` it is a later edition.
    chinese : bool
    level : float
        Price level within the category, standard deviations from the middle.
    """

    category: int
    style: int
    brand: int
    fits: int
    use: int
    combination: int
    chinese: bool
    level: float


@cache
def words() -> Words:
    """Return the words of the shop."""
    raw = tomllib.loads((files("tacit.data") / "shop_words.toml").read_text("utf-8"))
    return Words(raw["categories"], raw["styles"])


def style_of(combination: int) -> int:
    """Return the style of a combination, by its number."""
    return combination % len(words().styles)


def describe(choice: Choice) -> tuple[str, str]:
    """Return the title and the description of an item."""
    return _chinese(choice) if choice.chinese else _english(choice)


def brand_of(choice: Choice) -> str:
    """Return the brand's name."""
    return str(words().categories[choice.category][f"brands{'_zh' * choice.chinese}"][choice.brand])


def _parts(choice: Choice, suffix: str) -> tuple[str, str, str, str, str]:
    """Return noun, feature, adjective, a sentence on the style, and the use."""
    category, style = words().categories[choice.category], words().styles[choice.style]
    rest, _ = divmod(choice.combination % words().combinations, len(words().styles))
    rest, adjective = divmod(rest, WORDS_PER_STYLE)
    feature, noun = divmod(rest, NOUNS)
    uses = category[f"uses{suffix}"]
    tone = ("soft_" if category.get("soft") else "") + ("zh" if suffix else "en")
    return (
        category[f"nouns{suffix}"][noun],
        category[f"features{suffix}"][feature],
        style[tone][adjective],
        style[f"say_{tone}"][choice.use % 2],
        uses[noun] if len(uses) == NOUNS else uses[choice.use],  # five uses: one for each noun
    )


def _english(choice: Choice) -> tuple[str, str]:
    noun, feature, adjective, saying, use = _parts(choice, "")
    brand, target = brand_of(choice), ""
    if (parent := words().parent(choice.category)) >= 0:
        main = words().categories[parent]
        target = f" for {main['brands'][choice.fits]} {main['word']}"
    edition = choice.combination // words().combinations
    mark = f", edition {edition + 1}" if edition else ""
    title = (
        f"{brand} {adjective} {noun}{target} with {feature}{mark}"
        if choice.use % 2
        else f"{adjective.capitalize()} {noun}{target} by {brand}, {feature}{mark}"
    )
    cost = _cost(
        choice.level,
        "An honest entry price.",
        "Fairly priced for every day.",
        "A luxury piece, finished by hand.",
    )
    start = adjective.capitalize() if noun.endswith("s") else f"{_article(adjective)} {adjective}"
    return title, f"{start} {noun} {use}, with {feature}. {saying} {cost}"


def _article(word: str) -> str:
    return "An" if word[0] in "aeiou" else "A"


def _chinese(choice: Choice) -> tuple[str, str]:
    noun, feature, adjective, saying, use = _parts(choice, "_zh")
    brand, target = brand_of(choice), ""
    if (parent := words().parent(choice.category)) >= 0:
        main = words().categories[parent]
        target = f"（{main['brands_zh'][choice.fits]}{main['word_zh']}适用）"
    edition = choice.combination // words().combinations
    mark = f" 第{edition + 1}版" if edition else ""
    title = f"{brand}{adjective}{noun}{target} {feature}{mark}"
    cost = _cost(choice.level, "入门价格，学生也买得起。", "价格适中，日常好选择。", "手工精制，高端之选。")
    return title, f"{brand}出品的{adjective}{noun}，{feature}，{use}。{saying}{cost}"


def _cost(level: float, low: str, middle: str, high: str) -> str:
    return low if level < -0.6 else high if level > 0.8 else middle
