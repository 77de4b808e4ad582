"""Neighbours of the demo's items in two languages: do they share the category?

python benchmarks/languages.py

For each encoder the share of the same category among the 5 nearest items of all, and among the 10 nearest of
the other language. Chance is 1 of 16.
"""

import numpy as np
import polars as pl

from tacit.core.types import Bool, Float32
from tacit.data.catalogue import Catalogue
from tacit.data.shop import generate
from tacit.data.shop_text import words
from tacit.encoders.projection import Projection
from tacit.engine.train import encoded

TEXTS = {
    "whole": None,
    "title": ["item_id", "title"],
    "title and description": ["item_id", "title", "description"],
}


def main() -> None:
    items, chinese = _items(400)
    english_name = {c[key]: c["name"] for c in words().categories for key in ("name", "zh_name")}
    category = items["category"].replace_strict(english_name).to_numpy()
    for text, columns in TEXTS.items():
        for source in ("auto", "use", "minilm"):
            vectors = _vectors(items if columns is None else items.select(columns), source)
            everywhere = np.ones_like(chinese)
            shares = [
                _share(vectors, category, asked, among, k)
                for asked, among, k in (
                    (chinese, everywhere, 5),
                    (~chinese, everywhere, 5),
                    (chinese, ~chinese, 10),
                    (~chinese, chinese, 10),
                )
            ]
            print(f"{text:22s} {source:7s}", " ".join(f"{share:.3f}" for share in shares))


def _items(each: int) -> tuple[pl.DataFrame, Bool]:
    """Return so many items in each language, and which are Chinese."""
    items = generate(seed=7, users=50, items=3_000, events=400, days=40).items
    chinese = items["title"].str.contains(r"\p{Han}").to_numpy()
    rng = np.random.default_rng(0)
    rows = np.sort(
        np.concatenate([rng.choice(np.flatnonzero(own), each, replace=False) for own in (chinese, ~chinese)])
    )
    return items[rows], chinese[rows]


def _vectors(items: pl.DataFrame, source: str) -> Float32:
    _, catalogue = encoded(Catalogue.from_frame(items), source)
    assert catalogue.vectors is not None
    raw = catalogue.vectors[catalogue.has_text]
    return Projection().fit(raw, centred=catalogue.centred).transform(catalogue.vectors)


def _share(vectors: Float32, category: np.ndarray, asked: Bool, among: Bool, k: int) -> float:
    rows, columns = np.flatnonzero(asked), np.flatnonzero(among)
    cosine = vectors[rows] @ vectors[columns].T
    cosine[rows[:, None] == columns] = -np.inf
    nearest = np.argsort(-cosine, axis=1)[:, :k]
    return float((category[columns][nearest] == category[rows][:, None]).mean())


if __name__ == "__main__":
    main()
