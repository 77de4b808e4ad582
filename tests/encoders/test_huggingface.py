"""Any Hugging Face model: tiny random ones, saved as real ones are, against a direct computation."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaModel, T5Config
from transformers import T5Model as EncoderDecoder

from tacit.core.errors import ConfigError
from tacit.core.types import Float32
from tacit.encoders.huggingface import HuggingFaceEncoder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "blue", "tea", "cup", "with", "a", "lid"]
TEXTS = ["red tea", "a blue tea cup with a lid", "cup", "unheard words", "lid a lid a lid a lid a lid a"]


def tokenizer(*, special: bool) -> Tokenizer:
    built = Tokenizer(models.WordLevel({word: code for code, word in enumerate(WORDS)}, unk_token="[UNK]"))
    built.pre_tokenizer = pre_tokenizers.Whitespace()
    if special:
        built.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    built.enable_padding(length=16)  # as in real models: fixed, and not wanted
    return built


def saved(model: Any, directory: Path, *, special: bool = True) -> Path:
    model.save_pretrained(directory, safe_serialization=True)
    tokenizer(special=special).save(str(directory / "tokenizer.json"))
    return directory


def pool(directory: Path, path: str = "1_Pooling", **settings: Any) -> Path:
    """Add the configuration that sentence-transformers writes."""
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": path, "type": "sentence_transformers.models.Pooling"},
    ]
    (directory / "modules.json").write_text(json.dumps(modules), "utf-8")
    (directory / path).mkdir()
    (directory / path / "config.json").write_text(json.dumps(settings), "utf-8")
    return directory


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=12,
    )
    return saved(BertModel(config), tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=32,
        max_position_embeddings=12,
    )
    return saved(LlamaModel(config), tmp_path_factory.mktemp("llama"), special=False)


def directly(model: Any, special: bool, how: str, texts: list[str], longest: int = 12) -> Float32:
    """Each text alone, without padding, as it stands in the papers."""
    plain = tokenizer(special=special)
    plain.no_padding()
    plain.enable_truncation(longest)
    rows = []
    with torch.inference_mode():
        for text in texts:
            states = model(input_ids=torch.tensor([plain.encode(text).ids])).last_hidden_state[0]
            vector = {"mean": states.mean(dim=0), "cls": states[0], "last": states[-1]}[how]
            rows.append(torch.nn.functional.normalize(vector, dim=0).numpy())
    return np.stack(rows)


def copied(directory: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(directory, tmp_path / "copy"))


@pytest.mark.parametrize(
    ("settings", "how"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_lasttoken": True, "pooling_mode_cls_token": False}, "last"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean"),
        ({"embedding_dimension": 16, "pooling_mode": "lasttoken"}, "last"),
        ({}, "mean"),
    ],
)
def test_the_models_own_configuration_says_how_to_pool(
    bert: Path, tmp_path: Path, settings: dict[str, Any], how: str
) -> None:
    directory = pool(copied(bert, tmp_path), **settings)
    vectors = HuggingFaceEncoder(directory, dtype="float32").encode(TEXTS)
    expected = directly(BertModel.from_pretrained(bert).eval(), True, how, TEXTS)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


@pytest.mark.parametrize("how", ["mean", "cls", "last"])
def test_the_caller_may_choose_the_pooling(llama: Path, how: Any) -> None:
    vectors = HuggingFaceEncoder(llama, pooling=how, dtype="float32").encode(TEXTS)
    expected = directly(LlamaModel.from_pretrained(llama).eval(), False, how, TEXTS)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_without_a_configuration_encoders_take_the_mean_and_decoders_the_last_token(
    bert: Path, llama: Path, tmp_path: Path
) -> None:
    small = GPT2Config(vocab_size=len(WORDS), n_embd=16, n_layer=1, n_head=2, n_positions=12)
    gpt2 = saved(GPT2LMHeadModel(small), tmp_path / "gpt2", special=False)
    names = [HuggingFaceEncoder(place, dtype="float32").name for place in (bert, llama, gpt2)]
    assert [name.split(":")[1] for name in names] == ["mean", "last", "last"]


def test_a_pooling_that_is_not_known_is_refused_by_name(bert: Path, tmp_path: Path) -> None:
    directory = pool(copied(bert, tmp_path), pooling_mode_max_tokens=True)
    with pytest.raises(ConfigError, match="asks for max pooling; known: mean"):
        HuggingFaceEncoder(directory)
    assert HuggingFaceEncoder(directory, pooling="cls").encode(["tea"]).shape == (1, 16)


def test_long_texts_are_cut_at_the_stated_length(bert: Path, tmp_path: Path) -> None:
    directory = copied(bert, tmp_path)
    (directory / "sentence_bert_config.json").write_text('{"max_seq_length": 4}', "utf-8")
    short = HuggingFaceEncoder(directory, dtype="float32").encode(["red tea cup with a lid", "red tea"])
    np.testing.assert_allclose(short[0], short[1], atol=1e-6)


def test_many_batches_and_any_order_give_the_same_vectors(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = HuggingFaceEncoder(bert, dtype="float32")
    whole = encoder.encode(TEXTS)
    monkeypatch.setattr("tacit.encoders.pretrained._BATCH_TOKENS", {"cpu": 10})
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], whole, atol=1e-5)


@pytest.mark.parametrize("how", ["mean", "cls", "last"])
def test_a_text_without_a_token_is_a_zero_vector(llama: Path, how: Any) -> None:
    vectors = HuggingFaceEncoder(llama, pooling=how, dtype="float32").encode(["", "red tea", ""])
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([0, 1, 0])
    assert HuggingFaceEncoder(llama, pooling=how).encode([""]).tolist() == [[0] * 16]


def test_the_automatic_device_is_a_gpu_where_there_is_one(bert: Path) -> None:
    encoder = HuggingFaceEncoder(bert)
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert next(encoder.model.parameters()).device.type == expected
    assert encoder.encode(["red tea"]).dtype == np.float32


def test_half_precision_is_near_and_has_a_name_of_its_own(bert: Path) -> None:
    full, half = (HuggingFaceEncoder(bert, dtype=dtype) for dtype in ("float32", "bfloat16"))
    assert full.name != half.name
    assert ((full.encode(TEXTS) * half.encode(TEXTS)).sum(axis=1) > 0.999).all()


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"hidden_act": "relu"}),
        ("tokenizer.json", {"normalizer": {"type": "Lowercase"}}),
        ("sentence_bert_config.json", {"max_seq_length": 4}),
    ],
)
def test_whatever_changes_the_vectors_changes_the_name(
    bert: Path, tmp_path: Path, file: str, change: dict[str, Any]
) -> None:
    directory = copied(bert, tmp_path)
    assert HuggingFaceEncoder(directory).name == HuggingFaceEncoder(bert).name  # wherever the files lie
    place = directory / file
    content = json.loads(place.read_text("utf-8")) if place.exists() else {}
    place.write_text(json.dumps({**content, **change}), "utf-8")
    assert HuggingFaceEncoder(directory).name != HuggingFaceEncoder(bert).name


def test_pickled_weights_are_refused(bert: Path, tmp_path: Path) -> None:
    directory = copied(bert, tmp_path)
    (directory / "model.safetensors").unlink()
    torch.save(BertModel.from_pretrained(bert).state_dict(), directory / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="no model with safetensors weights"):
        HuggingFaceEncoder(directory)


def test_damaged_weights_are_refused(bert: Path, tmp_path: Path) -> None:
    directory = copied(bert, tmp_path)
    (directory / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ConfigError, match="no model with safetensors weights"):
        HuggingFaceEncoder(directory)


def test_a_model_without_a_tokenizer_is_refused(bert: Path, tmp_path: Path) -> None:
    directory = copied(bert, tmp_path)
    (directory / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"no tokenizer\.json"):
        HuggingFaceEncoder(directory)


def test_an_encoder_with_a_decoder_is_refused(tmp_path: Path) -> None:
    config = T5Config(vocab_size=len(WORDS), d_model=8, d_ff=8, d_kv=4, num_layers=1, num_heads=2)
    with pytest.raises(ConfigError, match="an encoder with a decoder"):
        HuggingFaceEncoder(saved(EncoderDecoder(config), tmp_path / "t5"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("./no/such/model", "there is no model directory"),
        ("nobody/no-such-model", "TACIT_ALLOW_DOWNLOAD=1"),
        ("not a name", "TACIT_ALLOW_DOWNLOAD=1"),
    ],
)
def test_a_model_that_is_not_there_says_how_to_get_it(
    source: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TACIT_ALLOW_DOWNLOAD", raising=False)
    with pytest.raises(ConfigError, match=message):
        HuggingFaceEncoder(source)
