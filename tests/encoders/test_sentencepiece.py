"""Tokens of a SentencePiece model against Google's own library."""

import random

import pytest
import sentencepiece

from tacit.core.errors import ArtifactError
from tacit.data.shop import generate
from tacit.encoders.packaged import locate
from tacit.encoders.sentencepiece import unigram_tokenizer
from tacit.encoders.use_tokens import PACKAGE, PIECES, tokenizer

SAMPLES = """Führung über die Straße — schön, 12,50 €; l'été à la plage №5; ¿Dónde está el niño?; Żółta łódka
Съешь же ещё этих мягких французских булок; Ελληνικά γράμματα; สวัสดีชาวโลก; السلام عليكم ورحمة الله
Việt Nam, tiếng Việt; हिन्दी में लिखा; 한국어 문장입니다; 日本語の文章、テスト。ﾊﾝｶｸ; 繁體中文與简体中文 混排
ABC１２３; 😀😀 emoji 👨‍👩‍👧 family ❤️; ①②③ ㈱ ㎏ ﬁ ﬃ
tab\tand\u3000wide\u00a0space; a\u0301 e\u0308 \u200bzero; ▁low ▁▁line"""


def test_tokens_are_those_of_the_library() -> None:
    own = tokenizer()
    library = sentencepiece.SentencePieceProcessor(model_file=str(locate(PACKAGE, PIECES, "")))
    parts = [part for line in SAMPLES.split("\n") for part in line.split(";")]
    random.seed(5)
    mixed = [" ".join(random.sample("".join(parts).split(), random.randint(1, 12))) for _ in range(500)]
    shop = generate(seed=3, users=20, items=200, events=200, days=20).items["title"].to_list()
    texts = [*parts, *mixed, *shop]
    found = [one.ids for one in own.encode_batch_fast(texts, add_special_tokens=False)]
    assert found == library.encode(texts)


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x0a\x03abc", b"\x0a", b"\xff" * 20])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError, match="no SentencePiece model"):
        unigram_tokenizer(content)
