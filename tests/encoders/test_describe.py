"""What an encoder makes of texts: unknown words, unreadable and cut texts, without its network."""

from pathlib import Path

import pytest

from tacit.encoders.choice import Choice, choose
from tacit.encoders.describe import text_report

ENGLISH = "Wireless headphones with noise cancelling and thirty hours of battery, ideal for long trips."
CHINESE = "无线降噪耳机，续航三十小时，适合长途旅行。"
RUSSIAN = "Беспроводные наушники с шумоподавлением и тридцатью часами работы, идеальны в поездках."
HINDI = "शोर रद्द करने वाले वायरलेस हेडफ़ोन, तीस घंटे की बैटरी, लंबी यात्राओं के लिए आदर्श।"
LONG = " ".join(f"word{n}" for n in range(400))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "vectors.sqlite3"


def test_texts_that_the_chosen_encoder_cannot_read_are_counted(cache: Path) -> None:
    texts = [ENGLISH] * 98 + [CHINESE, RUSSIAN]
    report = text_report(choose(texts, cache), texts, cache)
    assert (report.encoder, report.texts, report.unreadable) == ("minilm", 100, 2)
    assert report.unreadable_example == CHINESE
    assert 0 < report.unknown_share < 0.06
    assert any("2 of 100 texts are in a language that the English model" in line for line in report.lines())


def test_texts_without_a_word_are_in_no_other_language(cache: Path) -> None:
    report = text_report(Choice("use", "it was named"), [CHINESE, "👟🍳", "😀", HINDI], cache)
    assert (report.unreadable, report.wordless) == (1, 2)
    assert HINDI.startswith(report.unreadable_example.removesuffix("..."))
    assert "2 of 4 texts hold signs but no word and get no vector" in report.lines()


def test_a_named_encoder_is_measured_too(cache: Path) -> None:
    report = text_report(Choice("minilm", "it was named"), [CHINESE] * 3, cache)
    assert report.unknown_share > 0.8
    assert report.unreadable == 3
    assert text_report(Choice("use", "it was named"), [CHINESE] * 3, cache).unreadable == 0


def test_a_language_that_no_model_reads_is_a_warning(cache: Path) -> None:
    report = text_report(choose([HINDI] * 3, cache), [HINDI] * 3, cache)
    (note,) = report.notes()
    assert note.warning
    assert "no language model here reads them" in note.text
    assert report.unknown_share is None


@pytest.mark.parametrize("source", ["minilm", "use", "pair"])
def test_long_texts_are_counted_and_the_place_of_the_cut_is_shown(source: str, cache: Path) -> None:
    report = text_report(Choice(source, "it was named"), ["short", LONG], cache)
    assert report.cut_texts == 1
    assert report.limit == 256
    assert report.longest > 400
    assert 0.2 < report.cut_share < 0.9
    assert report.cut_example.removeprefix("...") in LONG
    assert not LONG.endswith(report.cut_example.removeprefix("..."))


def test_a_text_of_a_pair_is_cut_where_the_first_of_both_models_stops(cache: Path) -> None:
    # MiniLM needs more tokens for this than the multilingual encoder, which reads it whole.
    text = " ".join(["a bluetooth loudspeaker with subwoofer"] * 24)
    assert text_report(Choice("use", "it was named"), [text], cache).cut_texts == 0
    english = text_report(Choice("minilm", "it was named"), [text], cache)
    pair = text_report(Choice("pair", "it was named"), [text], cache)
    assert english.cut_texts == 1
    assert (pair.cut_texts, pair.longest, pair.cut_example) == (1, english.longest, english.cut_example)


def test_tfidf_reads_texts_of_any_length(cache: Path) -> None:
    report = text_report(Choice("tfidf", "it was named"), [LONG], cache)
    assert (report.cut_texts, report.limit) == (0, None)


def test_of_a_tuned_encoder_the_words_of_its_base_are_counted(cache: Path) -> None:
    report = text_report(Choice("shop-encoder", "it was named"), [CHINESE], cache, base="minilm")
    assert report.encoder == "shop-encoder"
    assert report.unreadable == 1
    assert "unknown to shop-encoder" in report.lines()[1]
