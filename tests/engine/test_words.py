"""Reasons as a person reads them."""

import pytest

from tacit.engine.evidence import Likeness
from tacit.engine.words import in_words, similarity_in_words
from tacit.pipeline.explain import Reason
from tacit.pipeline.similar import SimilarKind

TITLES = {0: "Boots", 1: "Socks"}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason("ease", 0), "because you bought Boots"),
        (Reason("ease", 1), "because you chose Socks"),
        (Reason("any", 1, "similar in text to"), "similar in text to Socks"),
        (Reason("any", -1, "popular now"), "popular now"),
    ],
)
def test_a_reason_is_said_in_the_words_of_whoever_gives_it(reason: Reason, words: str) -> None:
    assert in_words([reason], TITLES, {0: "purchase", 1: "fondled"}) == [words]


@pytest.mark.parametrize(
    ("likeness", "kind", "words"),
    [
        (
            Likeness(41, 2.5, 3.0, 0.7),
            "alike",
            [
                "chosen together by 41 people",
                "often chosen within a day of it",
                "often chosen right after",
                "similar in text",
            ],
        ),
        (Likeness(1_041, 0, 3.0, 0), "next", ["often chosen right after", "chosen together by 1,041 people"]),
        (
            Likeness(2, 2.0, 1.9, 0),
            "together",
            ["often chosen within a day of it", "chosen together by 2 people"],
        ),
        (Likeness(1, 0, 0, float("nan")), "alike", []),
    ],
)
def test_evidence_of_the_requested_kind_comes_first_and_none_is_weak(
    likeness: Likeness, kind: SimilarKind, words: list[str]
) -> None:
    assert similarity_in_words(likeness, kind) == words
