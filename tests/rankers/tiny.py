"""A tiny language model on disk, saved as real ones are: random weights, a tokenizer of a few words."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ";", "red", "blue", "tea", "cup", "thing", "of", "group"]
WORDS += [f"g{number}" for number in range(6)] + [str(number) for number in range(120)]


def tiny_bert(directory: Path, *, seed: int = 0, layers: int = 2) -> Path:
    """Write a model like BERT into a directory."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=len(WORDS),
            hidden_size=32,
            num_hidden_layers=layers,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=48,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        BertModel(config).save_pretrained(directory, safe_serialization=True)
    tokenizer = Tokenizer(
        models.WordLevel({word: code for code, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_padding(length=16)  # as in real models: fixed, and not wanted
    tokenizer.save(str(directory / "tokenizer.json"))
    return directory
