"""The answers of the encoding process (the frames around them: tests/engine/test_remote_encoder.py)."""

from collections.abc import Sequence

import numpy as np

from tacit.core.types import Float32
from tacit.server import encoding
from tacit.server.encoding import Encoding


class Numbers:
    name = "numbers"
    dimension = 1

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str], **_: object) -> Float32:
        self.encoded += texts
        return np.array([[float(text)] for text in texts], dtype=np.float32)


def test_an_answer_is_a_document_and_raw_numbers() -> None:
    document, values = Encoding(Numbers()).answer(["1", "2.5"])
    assert document == {"name": "numbers", "shape": (2, 1)}
    assert np.frombuffer(values, "<f4").tolist() == [1.0, 2.5]


def test_of_the_texts_the_last_ones_are_kept() -> None:
    encoder = Numbers()
    one = Encoding(encoder)
    many = [str(number) for number in range(encoding._KEPT + 1)]
    one.answer(many)
    one.answer([many[-1]])
    assert len(encoder.encoded) == len(many)
    one.answer([many[0]])
    assert len(encoder.encoded) == len(many) + 1
