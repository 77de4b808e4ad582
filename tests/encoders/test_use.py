"""The multilingual encoder: the known files, known vectors, and one meaning in many languages."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from tacit.core.errors import ArtifactError, MissingExtraError
from tacit.encoders import use_tokens
from tacit.encoders.packaged import locate
from tacit.encoders.use import UseEncoder, around

# Tokens as of Google's SentencePiece library; vectors as of another implementation of the network (cosine of
# each pair above .999999).
GOLDEN = [
    ("red running shoes for men", [2649, 3405, 10005, 9, 48, 459], [-0.0143, 0.0298, -0.0819, 0.0224]),
    ("How do I brew tea?", [1348, 61, 33, 6, 29679, 18052, 21], [-0.0205, -0.0054, 0.0171, 0.0481]),
    ("跑步鞋 男士 红色", [6, 3501, 2606, 7184, 13183, 2048, 6, 4248, 1018], [-0.0168, 0.025, -0.073, 0.0229]),
    (
        "纯牛奶 250ml*12盒",
        [6, 15816, 3091, 4550, 5673, 6043, 454, 959, 8612],
        [0.0427, 0.0183, 0.0298, 0.0057],
    ),
    ("赤いランニングシューズ", [6, 55767, 12566, 24321, 59090, 3131], [0.014, 0.009, -0.0875, 0.0485]),
    ("빨간 운동화", [6, 77261, 12379, 42200, 4673], [0.0719, 0.0097, -0.0819, 0.0286]),
    ("красные кроссовки", [24124, 2581, 950, 80247, 66234], [0.0553, -0.0228, -0.0911, 0.0365]),
    (
        "чайник электрический 1,7 л",
        [6, 21905, 9636, 96444, 2784, 40760, 26258],
        [0.0553, -0.0134, 0.0154, -0.0066],
    ),
    (
        "Laufschuhe für Herren, rot",
        [33787, 9, 67049, 463, 43765, 7, 12205],
        [-0.022, 0.0223, -0.031, -0.0044],
    ),
    (
        "Gußeiserne Pfanne, 28 cm",
        [447, 5930, 22, 9610, 431, 18059, 14140, 7, 1706, 935],
        [-0.0008, -0.0116, -0.0472, 0.0317],
    ),
    ("chaussures de course rouges", [73307, 9, 13, 2087, 79150], [0.0651, 0.0484, -0.0943, 0.0308]),
    ("Théière en porcelaine", [60283, 15838, 46, 133, 27734, 1095], [0.1089, -0.0189, 0.0351, 0.019]),
    ("zapatillas rojas para correr", [44821, 22543, 44215, 9, 130, 23102], [-0.031, 0.0238, -0.0716, 0.0158]),
    ("حذاء جري أحمر", [8886, 10161, 7191, 6, 49284, 44441, 21870], [0.0677, 0.0469, -0.1082, -0.0135]),
    ("รองเท้าวิ่งสีแดง", [6, 127693, 57884, 50369], [-0.0043, 0.0255, -0.0884, 0.0599]),
    ("kırmızı koşu ayakkabısı", [29472, 97462, 66745, 3083], [0.0152, 0.0453, -0.084, 0.049]),
    ("Tênis vermelho, nº 42", [403, 42184, 42107, 7, 59, 5969], [0.0166, 0.0273, -0.0867, 0.0443]),
    ("ﾗﾝﾆﾝｸﾞ ①", [6, 12566, 47032, 2360, 0, 116], [0.0395, -0.0436, -0.0576, 0.0003]),
    ("Nike Air 😀😀 2", [44016, 5006, 6, 0, 101], [0.0016, -0.0343, -0.0115, -0.0762]),
    ("a", [10], [0.1047, 0.04, 0.0219, -0.0035]),
]
TEXTS = [text for text, _, _ in GOLDEN]


@pytest.fixture(scope="module")
def encoder() -> UseEncoder:
    return UseEncoder(device="cpu", dtype="float32")


def test_known_texts_keep_their_tokens_and_vectors(encoder: UseEncoder) -> None:
    assert [ids[1:-1] for ids in encoder.tokens(TEXTS)] == [ids for _, ids, _ in GOLDEN]
    np.testing.assert_allclose(encoder.encode(TEXTS)[:, :4], [first for _, _, first in GOLDEN], atol=1e-4)


def test_one_meaning_is_near_itself_in_every_language(encoder: UseEncoder) -> None:
    shoes = [
        "red running shoes",
        "红色跑步鞋",
        "赤いランニングシューズ",
        "красные кроссовки",
        "rote Laufschuhe",
    ]
    others = ["a bottle of milk", "牛奶", "電気ケトル", "рубашка мужская", "Theière en porcelaine"]
    cosine = encoder.encode(shoes) @ encoder.encode(shoes + others).T
    assert cosine[:, :5].min() > cosine[:, 5:].max() + 0.2


def test_a_text_alone_is_the_text_in_a_batch(encoder: UseEncoder) -> None:
    texts = [*TEXTS, "", "a very long description of a tea pot " * 60, " ", "a b c d e"]
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(texts[::-1]), together[::-1], atol=1e-5)


def test_bfloat16_is_nearly_the_same_and_has_a_name_of_its_own(encoder: UseEncoder) -> None:
    quick = UseEncoder(device="cpu", dtype="bfloat16")
    assert ((quick.encode(TEXTS) * encoder.encode(TEXTS)).sum(axis=1) > 0.9999).all()
    assert (encoder.name, quick.name) == (f"{use_tokens.NAME}:256:float32", f"{use_tokens.NAME}:256:bfloat16")


@given(st.lists(st.text(st.characters(codec=None, exclude_categories=()), max_size=60), max_size=6))
@examples(100, deadline=None)
def test_any_text_is_a_vector_of_length_one_or_zeros(encoder: UseEncoder, texts: list[str]) -> None:
    lengths = np.linalg.norm(encoder.encode(texts), axis=1)
    assert ((np.abs(lengths - 1) < 1e-5) | (lengths == 0)).all()


@pytest.mark.parametrize(
    "text",
    ["", " ", "\0", "\ud800", "x\udc00y", "a" * 100_000, "😀" * 5_000, "字" * 5_000, "\u202e\u200b\ufeff"],
)
def test_odd_texts_are_no_exception(encoder: UseEncoder, text: str) -> None:
    length = float(np.linalg.norm(encoder.encode([text])[0]))
    assert length == 0 or length == pytest.approx(1, abs=1e-5)


def test_no_more_than_256_tokens_are_read(encoder: UseEncoder) -> None:
    long = "tea cup " * 300
    assert [len(ids) for ids in encoder.tokens([long])] == [256]
    np.testing.assert_array_equal(encoder.encode([long]), encoder.encode([long + "and a frying pan"]))


def test_no_text_is_no_vector(encoder: UseEncoder) -> None:
    assert encoder.encode([]).shape == (0, 512)
    assert not encoder.encode(["", "  "]).any()


def test_neighbours_end_with_the_text() -> None:
    assert around(np.array([2, 1]), 3, 1).tolist() == [[3, 0, 1], [0, 1, 3], [3, 2, 3]]
    assert around(np.array([2, 1]), 2, 0).tolist() == [[0, 1], [1, 3], [2, 3]]


def test_it_is_loaded_in_seconds(encoder: UseEncoder) -> None:
    begin = time.process_time()  # of the processor: other work on the machine does not count
    UseEncoder(device="cpu", dtype="float32")
    assert time.process_time() - begin < 3


@pytest.mark.parametrize(("name", "what"), [("weights.npz", "weights"), ("sp.model", "tokens of the model")])
def test_a_file_with_another_sha256_is_refused(
    name: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / name
    shutil.copyfile(locate(use_tokens.PACKAGE, name, ""), copy)
    with copy.open("r+b") as stream:
        stream.seek(1_000_000)
        stream.write(b"\0\0\0\0")

    def other(package: str, wanted: str, install: str) -> Path:
        return copy if wanted == name else locate(package, wanted, install)

    monkeypatch.setattr(use_tokens, "locate", other)
    use_tokens.tokenizer.cache_clear()
    with pytest.raises(ArtifactError, match=f"the {what} in .* are not the known ones.*install the package"):
        UseEncoder()


def test_missing_files_name_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_tokens, "PACKAGE", "no-such-package-of-models")
    with pytest.raises(MissingExtraError, match="pip install no-such-package-of-models"):
        UseEncoder()
