"""What surely cannot be fine-tuned is refused before a file is read; the quality of an encoder is kept."""

from pathlib import Path

import pytest

from tacit.core.errors import ArtifactError, ConfigError
from tacit.data.shop import generate
from tacit.encoders.cold import Quality
from tacit.encoders.tuned import TunedEncoder
from tacit.engine.finetune_encoder import Attempt, Finetuned, check_request, finetune_encoder
from tacit.pipeline.text_encoder import encoder_from


@pytest.mark.parametrize(
    ("method", "base", "said"),
    [
        ("half", "auto", "there is no method 'half'; known: head, full"),
        ("full", "tfidf", "the method full trains a Hugging Face model, and tfidf is none"),
        ("full", "use", "and use is none: use the method head"),
        ("full", "endpoint:http://localhost#m", "and endpoint:http://localhost#m is none"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(method: str, base: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        check_request(method, base, tmp_path / "encoder")


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ArtifactError, match="is not a snapshot"):
        check_request("head", "tfidf", tmp_path)
    check_request("head", "tfidf", tmp_path / "new")


def test_full_says_why_the_encoder_of_the_texts_cannot_be_trained(tmp_path: Path) -> None:
    shop = generate(seed=3, users=60, items=80, events=1_500, days=40)
    with pytest.raises(ConfigError, match=r"cannot train the encoder pair \(.*% of the texts are in English"):
        finetune_encoder(shop.events, shop.items, tmp_path / "encoder", method="full")
    found = finetune_encoder(shop.events, shop.items, tmp_path / "encoder")
    assert found.written
    again = encoder_from(str(tmp_path / "encoder"))
    assert isinstance(again, TunedEncoder)
    assert again.source == "pair"
    assert again.encode(["红色茶杯", "red tea cup"]).any(axis=1).all()


def test_before_is_the_first_attempt_and_after_the_best() -> None:
    start, other = Attempt("the encoder as it is", Quality(0.1, 0.2)), Attempt("pull 3", Quality(0.3, 0.4))
    found = Finetuned(Path("encoder"), True, [start, other], other)
    assert (found.before, found.after) == (Quality(0.1, 0.2), Quality(0.3, 0.4))
