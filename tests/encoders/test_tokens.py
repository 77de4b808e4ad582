"""Texts as tokens: the same in pieces as together, cut to a width."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tacit.encoders.tokens import tokenised

WORDS = {"[PAD]": 0, "[UNK]": 1, "red": 2, "blue": 3, "tea": 4}


def tokenizer() -> Tokenizer:
    built = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    built.pre_tokenizer = pre_tokenizers.Whitespace()
    return built


def test_texts_are_cut_and_padded() -> None:
    tokens = tokenised(["red tea", "", "blue tea tea red", "cup"], tokenizer(), 3)
    assert tokens.codes.tolist() == [[2, 4, 0], [0, 0, 0], [3, 4, 4], [1, 0, 0]]
    assert tokens.lengths.tolist() == [2, 0, 3, 1]
    assert tokens.take(tokens.lengths.argsort(kind="stable")[:1]).codes.tolist() == [[0, 0, 0]]


def test_pieces_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["red tea", "blue", "", "tea red blue", "red"]
    whole = tokenised(texts, tokenizer(), 2)
    monkeypatch.setattr("tacit.encoders.tokens._CHUNK", 2)
    assert tokenised(texts, tokenizer(), 2).codes.tolist() == whole.codes.tolist()
    assert tokenised([], tokenizer(), 2).codes.shape == (0, 2)
