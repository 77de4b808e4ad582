from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.catalogue import Catalogue, frame_rows, item_texts
from tacit.data.vocabulary import Vocabulary

FRAME = pl.DataFrame(
    {
        "item_id": ["shoe", "lamp", "bare", "shoe"],
        "title": ["Red shoe", " Lamp ", "", "Repeated row"],
        "description": ["For running", None, None, "lost"],
        "category": ["Shoes", "Home", None, "lost"],
        "price": [49.5, 20.0, None, 1.0],
        "n_ratings": [3, 4, 5, 6],
        "image": ["https://x/1.jpg", "https://x/2.jpg", "https://x/3.jpg", "https://x/4.jpg"],
        "created_at": [100.0, None, 300.0, 1.0],
        "available": [True, False, None, True],
    }
)


def test_text_says_title_first_and_leaves_out_what_tells_nothing() -> None:
    texts = Catalogue.from_frame(FRAME, Vocabulary(["shoe", "lamp"])).texts.to_list()
    assert texts == [
        "Red shoe. For running. category: Shoes. price: 49.5",
        "Lamp. category: Home. price: 20.0",
    ]


def test_an_item_without_text_is_described_by_its_id() -> None:
    catalogue = Catalogue.from_frame(FRAME, Vocabulary(["shoe", "bare", "events only"]))
    assert catalogue.texts.to_list()[1:] == ["item bare", "item events only"]
    assert catalogue.has_text.tolist() == [True, False, False]
    assert catalogue.titles.to_list() == ["Red shoe", "bare", "events only"]


def test_unknown_facts_have_harmless_defaults() -> None:
    catalogue = Catalogue.from_frame(FRAME, Vocabulary(["lamp", "bare", "events only"]))
    assert catalogue.available.tolist() == [False, True, True]
    assert catalogue.created_at.tolist() == [-np.inf, 300.0, -np.inf]
    assert catalogue.attributes["category"].to_list() == ["Home", None, None]


def test_no_frame_is_a_catalogue_of_ids() -> None:
    catalogue = Catalogue.from_frame(None, Vocabulary(["x", "y"]))
    assert len(catalogue) == 2
    assert catalogue.texts.to_list() == ["item x", "item y"]
    assert catalogue.available.all()
    assert catalogue.titles.to_list() == ["x", "y"]
    assert catalogue.vectors is None


def test_without_attributes_there_is_no_text() -> None:
    assert item_texts(pl.DataFrame({"score": [1.0, 2.0]})).to_list() == [None, None]


@pytest.mark.parametrize(
    "values",
    [
        {"title": " ", "price": 3.0},
        {"title": "\t\u00a0\n", "description": "...", "category": ""},
        {"title": "\u200b\ufeff"},
        {"price": 3.0, "year": 1984},
        {"price": "€ 3,50", "released": "2024-05-01T10:00:00Z", "size": "10 / 12"},
        {"released": date(2024, 5, 1), "new": True},
    ],
)
def test_blanks_numbers_and_dates_alone_are_no_text(values: dict[str, object]) -> None:
    frame = pl.DataFrame([{"item_id": "x", **values}])
    catalogue = Catalogue.from_frame(frame)
    assert catalogue.texts.to_list() == ["item x"]
    assert catalogue.has_text.tolist() == [False]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"title": "1984", "price": 3.0}, "1984. price: 3.0"),
        ({"title": "", "category": "Tea", "new": True}, "category: Tea"),
        ({"category": "茶", "price": None}, "category: 茶"),
        ({"title": "☕"}, "☕"),
        ({"released": date(2024, 5, 1), "colour": "red"}, "colour: red"),
    ],
)
def test_words_are_a_text(values: dict[str, object], text: str) -> None:
    catalogue = Catalogue.from_frame(pl.DataFrame([{"item_id": "x", **values}]))
    assert catalogue.texts.to_list() == [text]
    assert catalogue.has_text.tolist() == [True]


def test_extension_appends_new_items_and_replaces_known_ones() -> None:
    small = Catalogue.from_frame(FRAME, Vocabulary(["shoe", "lamp"])).with_vectors(
        np.eye(2, dtype=np.float32)
    )
    rows = pl.DataFrame({"item_id": ["new", "lamp"], "title": ["新灯", "Lamp II"], "colour": ["red", None]})
    vectors = np.array([[7, 7], [8, 8]], dtype=np.float32)
    larger = small.extended(rows, vectors)
    assert larger.items.ids.to_list() == ["shoe", "lamp", "new"]
    assert larger.vectors is not None
    assert larger.vectors.tolist() == [[1, 0], [8, 8], [7, 7]]
    assert larger.texts.to_list()[1:] == ["Lamp II", "新灯. colour: red"]
    assert larger.attributes["category"].to_list() == ["Shoes", None, None]
    assert larger.available.tolist() == [True, True, True]
    assert small.texts.to_list()[1] == "Lamp. category: Home. price: 20.0"  # the old one is untouched


def test_extension_of_an_unencoded_catalogue_stays_unencoded() -> None:
    catalogue = Catalogue.from_frame(FRAME, Vocabulary(["shoe"]))
    assert catalogue.extended(pl.DataFrame({"item_id": ["new"]})).vectors is None


def test_a_catalogue_of_ids_can_grow() -> None:
    ids = Catalogue.from_frame(None, Vocabulary(["x", "y"]))
    larger = ids.extended(pl.DataFrame({"item_id": ["z"], "price": [3.0]}))
    assert larger.attributes["price"].to_list() == [None, None, 3.0]
    assert larger.texts.to_list() == ["item x", "item y", "item z"]
    assert len(ids.extended(pl.DataFrame({"item_id": ["z"]})).attributes) == 3


def test_the_text_of_a_later_item_is_made_of_the_columns_of_the_others() -> None:
    frame = pl.DataFrame(
        {"item_id": ["a", "b"], "title": ["Lamp", "Cup"], "model": ["X-100", "Y-7"], "maker": [None, None]},
        schema_overrides={"maker": pl.String},
    )
    row = {"item_id": ["c"], "title": ["Pan"], "model": ["so wide"], "maker": ["Hansen"], "colour": ["red"]}
    larger = Catalogue.from_frame(frame).extended(pl.DataFrame(row))
    assert larger.texts.to_list() == ["Lamp", "Cup", "Pan. maker: Hansen. colour: red"]


@pytest.mark.parametrize("name", ["category", "price"])
def test_attributes_stand_at_the_code_of_their_item(name: str) -> None:
    catalogue = Catalogue.from_frame(FRAME)
    for id_, value in zip(FRAME["item_id"][:3], FRAME[name][:3], strict=True):
        assert catalogue.attributes[name][int(catalogue.items.encode([id_])[0])] == value


def test_an_item_whose_text_was_not_read_is_one_without_text() -> None:
    frame = pl.DataFrame({"item_id": ["a", "b"], "title": ["red tea", "红茶"]})
    catalogue = Catalogue.from_frame(frame)
    vectors = np.array([[0.6, 0.8], [0, 0]], dtype=np.float32)
    read = catalogue.with_vectors(vectors, centred=True)
    assert read.has_text.tolist() == [True, False]
    assert catalogue.has_text.all()
    new = pl.DataFrame({"item_id": ["c", "d"], "title": ["green tea", "绿茶"]})
    grown = read.extended(new, vectors)
    assert grown.has_text.tolist() == [True, False, True, False]
    assert grown.centred


@pytest.mark.parametrize("count", [3, 40])
def test_growth_is_the_same_one_at_a_time_and_at_once_and_leaves_the_old_ones(count: int) -> None:
    rng = np.random.default_rng(5)
    base = Catalogue.from_frame(
        pl.DataFrame(
            {"item_id": list("abcdefgh"), "title": [f"tea {n}" for n in range(8)], "price": [1.5] * 8}
        )
    ).with_vectors(rng.normal(size=(8, 4)).astype(np.float32))
    ids = rng.choice([*"abcdefgh", *(f"n{n}" for n in range(60))], count, replace=False).tolist()
    rows = pl.DataFrame(
        {
            "item_id": ids,
            "title": [f"red lamp {id_}" if n % 3 else None for n, id_ in enumerate(ids)],
            "colour": [f"colour of {id_}" for id_ in ids],
            "available": [n % 2 == 0 for n in range(count)],
            "created_at": np.arange(count) * 1e9,
        }
    )
    vectors = rng.normal(size=(count, 4)).astype(np.float32)
    at_once = base.extended(rows, vectors)
    grown, kept = base, [(base, base.texts.to_list())]
    for place in range(count):
        grown = grown.extended(rows[place : place + 1], vectors[place : place + 1])
        kept.append((grown, grown.texts.to_list()))
    for one in (grown, at_once):
        assert one.items == at_once.items
        assert one.attributes.equals(at_once.attributes)
        assert one.titles.to_list() == replace(one).titles.to_list()
        for name in ("texts", "has_text", "available", "created_at", "vectors"):
            np.testing.assert_array_equal(getattr(one, name), getattr(at_once, name))
    for one, texts in kept:
        assert one.texts.to_list() == texts
        assert len(one.attributes) == len(one.available) == len(texts)


def test_hiding_an_item_copies_nothing_else() -> None:
    catalogue = Catalogue.from_frame(FRAME).with_vectors(
        np.ones((len(Catalogue.from_frame(FRAME)), 2), np.float32)
    )
    hidden = catalogue.with_available(np.array([0], dtype=np.int32), np.array([False]))
    assert hidden.available.tolist() == [False, False, True]
    assert catalogue.available.tolist() == [True, False, True]
    assert hidden.attributes is catalogue.attributes and hidden.vectors is catalogue.vectors


@given(st.lists(st.integers(0, 9), max_size=6))
def test_rows_of_a_frame_come_in_the_order_of_their_places(places: list[int]) -> None:
    frame = pl.DataFrame({"n": range(10), "text": [f"row {n}" for n in range(10)]})
    rows = frame_rows(frame, np.array(places, dtype=np.int64))
    assert rows["n"].to_list() == places
    assert rows["text"].to_list() == [f"row {n}" for n in places]
