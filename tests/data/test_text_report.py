"""Facts on texts in sentences, and as JSON."""

import json
from dataclasses import replace

from tacit.data.text_report import TextReport

REPORT = TextReport("use", "the texts are not in English", False, 40, unknown_share=0.004, limit=256)


def test_every_sentence_says_of_which_encoder_it_is() -> None:
    assert REPORT.lines() == [
        "texts are read by the multilingual encoder USE, because the texts are not in English",
        "0.4% of the words of the texts are unknown to the multilingual encoder USE",
        "no text is longer than the 256 tokens that are read",
    ]
    assert not any(note.warning for note in REPORT.notes())
    assert replace(REPORT, unknown_share=0.0).lines()[1].endswith("knows every word of the texts")
    assert replace(REPORT, unknown_share=0.0004).lines()[1].endswith("knows nearly every word of the texts")


def test_what_makes_the_vectors_worse_is_a_warning() -> None:
    bad = replace(
        REPORT, unknown_share=0.77, unreadable=3, unreadable_example="x", cut_texts=2, cut_share=0.1
    )
    assert [note.warning for note in bad.notes()] == [False, True, True, False]
    assert "77% of the words" in bad.lines()[1]
    assert "3 of 40 texts are in a language" in bad.lines()[2]
    assert "2 of 40 texts are longer than the 256 tokens that are read; 10.0% of all" in bad.lines()[3]
    assert replace(REPORT, second_best=True).notes()[0].warning


def test_it_comes_back_from_json_of_another_version_too() -> None:
    document = json.loads(json.dumps(REPORT.to_json()))
    assert TextReport.from_json(document) == REPORT
    assert TextReport.from_json({**document, "of_a_later_version": 1}) == REPORT
