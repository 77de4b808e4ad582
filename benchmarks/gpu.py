"""Everything in Tacit that chooses a device, tried on one: ``python benchmarks/gpu.py --out gpu.json``.

Each step makes its data, measures seconds and throughput, and compares the results with those of the
processor where they must agree. A step that raises has failed: the others still run, the report names it, and
the exit status is 1. Nothing is downloaded: the language models are those of Tacit's dependencies, and a
decoder has random weights.

``--device cpu --tiny`` tries the steps themselves on a processor, in about a minute. ``--only encode`` runs
the steps whose name contains "encode". After ``--until`` seconds no further step begins; those left out are
named.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl
import torch
from transformers import LlamaConfig, LlamaModel

import tacit
from tacit.core.devices import can_compile, check_device_name, chosen_device
from tacit.core.errors import ConfigError
from tacit.core.types import Float32
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.shop import generate
from tacit.data.vocabulary import Vocabulary
from tacit.encoders import minilm_files, pretrained
from tacit.encoders.encoder import TextEncoder
from tacit.encoders.finetune import Plan, finetune, save_model
from tacit.encoders.huggingface import HuggingFaceEncoder, Pooling
from tacit.encoders.minilm import minilm
from tacit.encoders.use import UseEncoder
from tacit.features.feature_columns import Column
from tacit.models.transformer import Transformer, training
from tacit.rankers.cnn import CNN
from tacit.rankers.dcn import DCN
from tacit.rankers.mlp import MLP
from tacit.rankers.neural import NeuralRanker
from tacit.rankers.pair import PairClassifier, PairLists
from tacit.rankers.ranker import Pairs
from tacit.rankers.ranker_metrics import auc

ROOT = Path(__file__).resolve().parents[1]
WORDS = ("red", "blue", "trail", "city", "light", "warm", "shoe", "coat", "lamp", "chair", "tea", "bowl")
BATCHES = (4_096, 32_768, 131_072)
"""Tokens of a batch of texts whose throughput is compared."""
COMMAND_SECONDS = 200.0
"""The longest that one command of the step ``commands`` may take."""
TRAINING_TESTS = (
    "encoders/test_finetune.py", "encoders/test_huggingface.py", "encoders/test_minilm.py",
    "encoders/test_use.py", "models/test_transformer.py", "pipeline/test_rerank.py",
    "rankers/test_network_training.py", "rankers/test_networks.py", "rankers/test_pair.py",
    "rankers/test_pair_training.py", "rankers/test_rankers.py",
)  # fmt: skip
"""Tests of what trains or encodes."""
CONFIG = """
windows = {windows}

[retrievers.trending]
[retrievers.itemknn]
[retrievers.content]
[retrievers.transformer]
epochs = 2
device = "{device}"

[ranker]
name = "mlp"
device = "{device}"

[rerank]
name = "pair"
seconds = {seconds:.1f}
device = "{device}"
"""

Figures = dict[str, Any]
"""What a step measured, as JSON."""


class CheckError(Exception):
    """A device gave another result than it should."""


class Interrupted(Exception):  # noqa: N818
    """A training was stopped on purpose."""


@dataclass(frozen=True)
class Setting:
    """What all steps share.

    Attributes
    ----------
    device : str
        Name of the device that is tried.
    tiny : bool
        Data so small that a processor is done in a minute.
    begin, until : float
        When the steps began (`time.perf_counter`), and after how many seconds no further one begins.
    """

    device: str
    tiny: bool = False
    begin: float = field(default_factory=time.perf_counter)
    until: float = 440.0

    @property
    def on_gpu(self) -> bool:
        """Whether the device is one of CUDA's, which tell how much memory was in use."""
        return self.device.startswith("cuda")

    @property
    def exact(self) -> bool:
        """Whether two runs with one seed must give the same numbers: sums on a GPU have no fixed order."""
        return self.device == "cpu"

    @property
    def left(self) -> float:
        """Seconds until no further step begins."""
        return self.until - (time.perf_counter() - self.begin)

    @cached_property
    def data(self) -> tuple[Interactions, Catalogue]:
        """A log whose throughput is worth measuring, and its catalogue with vectors."""
        log, catalogue = generated_log(*((3_000, 120, 200) if self.tiny else (1_000_000, 20_000, 20_000)))
        vectors = np.random.default_rng(1).standard_normal((len(catalogue), 384), dtype=np.float32)
        return log, catalogue.with_vectors(vectors)

    @property
    def log(self) -> Interactions:
        """The log."""
        return self.data[0]

    @property
    def catalogue(self) -> Catalogue:
        """Its catalogue."""
        return self.data[1]

    @cached_property
    def small(self) -> Interactions:
        """A smaller log of the same catalogue, for steps that fit more than once."""
        return self.log if self.tiny else generated_log(60_000, 20_000, 2_000, seed=5)[0]

    @cached_property
    def texts(self) -> list[str]:
        """Texts of the catalogue."""
        return self.catalogue.texts.to_list()

    @cached_property
    def queries(self) -> Queries:
        """Histories of the first users."""
        return self.log.queries(np.arange(24 if self.tiny else 64, dtype=np.int32))

    def wait(self) -> None:
        """Return when the device has finished: its kernels run beside Python."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)
        elif self.device == "mps":
            torch.mps.synchronize()

    def timed(self, work: Callable[[], Any]) -> tuple[float, Any]:
        """Return the seconds that a call takes on the device, and what it returns."""
        self.wait()
        start = time.perf_counter()
        result = work()
        self.wait()
        return time.perf_counter() - start, result


def generated_log(events: int, n_items: int, users: int, seed: int = 0) -> tuple[Interactions, Catalogue]:
    """Return a log in which six of ten items follow from the one before, and a catalogue with titles."""
    rng = np.random.default_rng(seed)
    user = np.sort(rng.integers(users, size=events)).astype(np.int32)
    item = rng.integers(n_items, size=events)
    follows = rng.random(events) < 0.6
    for place in np.flatnonzero(follows[1:] & (user[1:] == user[:-1])) + 1:
        item[place] = (item[place - 1] * 7 + 3) % n_items
    ids = [f"i{number:06d}" for number in range(n_items)]
    items = Vocabulary(ids)
    frame = pl.DataFrame({col.ITEM: ids, col.TITLE: [_title(number) for number in range(n_items)]})
    log = Interactions(
        users=Vocabulary([f"u{number:06d}" for number in range(users)]),
        items=items,
        kinds=("view",),
        user=user,
        item=item.astype(np.int32),
        weight=np.ones(events, dtype=np.float32),
        at=np.arange(events, dtype=np.float64) * 60 + 1.7e9,
        kind=np.zeros(events, dtype=np.int16),
        timing="time",
    )
    return log, Catalogue.from_frame(frame, items)


def _title(number: int) -> str:
    return " ".join(WORDS[(number * step + step) % len(WORDS)] for step in (1, 5, 7, 11)) + f" {number}"


def environment(setting: Setting) -> Figures:
    """Return versions, the name of the GPU, and whether networks are compiled."""
    return {
        "tacit": tacit.__version__,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "gpu": torch.cuda.get_device_name(setting.device) if setting.on_gpu else None,
        "gpus": torch.cuda.device_count(),
        "cores": len(os.sched_getaffinity(0)),
        "compiles": can_compile(setting.device),
    }


def encode_minilm(setting: Setting) -> Figures:
    """Return the throughput of MiniLM by precision and batch size; its vectors are those of the CPU."""
    figures = _precisions(setting, minilm)
    encoder = minilm(device=setting.device)
    texts = _many_texts(setting)
    figures["tokenised_per_s"] = _per_second(setting, encoder.tokens, texts)
    kind = torch.device(setting.device).type
    for size in BATCHES:
        with patch.dict(pretrained._BATCH_TOKENS, {kind: size}):
            figures[f"batch_{size}_per_s"] = _per_second(setting, encoder.encode, texts)
    return figures


def encode_use(setting: Setting) -> Figures:
    """Return the throughput of the multilingual encoder by precision; its vectors are those of the CPU."""
    return _precisions(setting, UseEncoder)


def _precisions(setting: Setting, of: Callable[..., TextEncoder]) -> Figures:
    texts, few = _many_texts(setting), setting.texts[:48]
    expected = of(device="cpu", dtype="float32").encode(few)
    figures: Figures = {}
    for dtype in ("auto", "float32", "bfloat16"):
        encoder = of(device=setting.device, dtype=dtype)
        found = encoder.encode(few)
        cosine = float((found * expected).sum(axis=1).min())
        least = 0.9999 if dtype == "float32" else 0.98
        if not cosine >= least:
            raise CheckError(
                f"{encoder.name}: the least cosine with the CPU's vectors is {cosine}, below {least}"
            )
        figures[f"{dtype}_least_cosine"] = round(cosine, 6)
        figures[f"{dtype}_per_s"] = _per_second(setting, encoder.encode, texts)
    return figures


def _per_second(setting: Setting, work: Callable[[Sequence[str]], object], texts: Sequence[str]) -> int:
    seconds, _ = setting.timed(lambda: work(texts))
    return round(len(texts) / seconds)


def _many_texts(setting: Setting) -> list[str]:
    return setting.texts[: 48 if setting.tiny else 20_000]


def encode_pooling(setting: Setting) -> Figures:
    """Return by how much the vectors of a small decoder differ from the CPU's, for each kind of pooling."""
    poolings: tuple[Pooling | None, ...] = (None, "last", "cls", "mean")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_decoder(folder)
        return {f"{p or 'own'}_difference": _pooled_difference(setting, folder, p) for p in poolings}


def _write_decoder(folder: Path) -> None:
    """Write a decoder with random weights and the tokens of MiniLM."""
    shape = LlamaConfig(
        vocab_size=30_522,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
    )
    LlamaModel(shape).save_pretrained(folder)
    shutil.copy(minilm_files.find() / "tokenizer.json", folder)


def _pooled_difference(setting: Setting, folder: Path, pooling: Pooling | None) -> float:
    there, here = (
        HuggingFaceEncoder(folder, pooling=pooling, device=device, dtype="float32").encode(setting.texts[:50])
        for device in (setting.device, "cpu")
    )
    return alike(there, here, 1e-3, f"vectors of pooling {pooling}")


def transformer_epochs(setting: Setting) -> Figures:
    """Return the seconds of each epoch on the large log; the first includes the compiling."""
    model = _transformer(setting, epochs=3, log=setting.log)
    scores = model.score(setting.queries)[:, model.known_]
    if not np.isfinite(scores).all():
        raise CheckError("scores of known items are not finite")
    return {**_epochs(model), "events_per_s": round(len(setting.log) / model.epochs_[-1].seconds)}


def transformer_compiled(setting: Setting) -> Figures:
    """Return seconds and losses with ``torch.compile`` (where it is used) and without it."""
    plain: AbstractContextManager[Any] = patch.object(training, "can_compile", return_value=False)
    figures: Figures = {"compiles": can_compile(setting.device)}
    for name, context in (("as it is", nullcontext()), ("not compiled", plain)):
        with context:
            figures[name] = _epochs(_transformer(setting))
    return figures


def transformer_seed(setting: Setting) -> Figures:
    """Return by how much the scores of two runs with one seed differ; on a CPU they must not."""
    first, second = (_transformer(setting) for _ in range(2))
    limit = 0.0 if setting.exact else np.inf
    difference = alike(_scores(first, setting), _scores(second, setting), limit, "scores of one seed")
    return {"difference": difference, "losses": [[e.loss for e in m.epochs_] for m in (first, second)]}


def transformer_checkpoint(setting: Setting) -> Figures:
    """Return the losses of a run resumed after its first epoch, beside those of a whole run."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.safetensors"
        whole = _transformer(setting, epochs=3)
        _transformer(setting, epochs=1, checkpoint=file)
        resumed = _transformer(setting, epochs=3, checkpoint=file)
    _check_resumed(setting, [e.loss for e in whole.epochs_], [e.loss for e in resumed.epochs_])
    return {"whole": _epochs(whole), "resumed": _epochs(resumed)}


def transformer_variants(setting: Setting) -> Figures:
    """Return seconds and losses with all items as negatives, and without vectors in batches of odd sizes."""
    every = _transformer(setting, epochs=1, negatives=None)
    bare = replace(setting.catalogue, vectors=None)
    odd = _transformer(setting, epochs=1, catalogue=bare, batch_size=7 if setting.tiny else 97)
    return {"all negatives": _epochs(every), "no vectors": _epochs(odd)}


def transformer_restored(setting: Setting) -> Figures:
    """Return by how much the scores of a restored model differ from those of the fitted one."""
    model = _transformer(setting, epochs=1)
    again = Transformer.restore(_through_json(model.spec()), model.arrays(), setting.catalogue)
    return {"difference": alike(_scores(model, setting), _scores(again, setting), 1e-5, "restored scores")}


def _transformer(
    setting: Setting,
    *,
    epochs: int = 2,
    log: Interactions | None = None,
    catalogue: Catalogue | None = None,
    checkpoint: Path | None = None,
    **parameters: Any,
) -> Transformer:
    model = Transformer(epochs=epochs, patience=99, device=setting.device, **parameters)
    return model.fit(
        setting.small if log is None else log,
        setting.catalogue if catalogue is None else catalogue,
        rng=np.random.default_rng(3),
        checkpoint=checkpoint,
    )


def _scores(model: Transformer, setting: Setting) -> Float32:
    return np.nan_to_num(model.score(setting.queries), neginf=0.0)


def _epochs(model: Transformer) -> Figures:
    names = ("seconds", "loss", "valid_ndcg")
    return {name: [round(getattr(epoch, name), 4) for epoch in model.epochs_] for name in names}


def rankers(setting: Setting) -> Figures:
    """Return seconds and AUC of each neural ranker and loss; NumPy scores as the device did in training."""
    queries = 24 if setting.tiny else 3_000
    columns = ranker_columns()
    parts = [ranker_pairs(columns, count, seed) for seed, count in enumerate((queries, queries // 4))]
    classes: tuple[type[NeuralRanker], ...] = (MLP, DCN, CNN)
    return {
        f"{kind.name} {loss} {device}": _ranker(
            setting, kind(device=device, epochs=2, loss=loss), parts, columns
        )
        for kind in classes
        for loss in ("listwise", "bce", "pairwise")
        for device in dict.fromkeys((setting.device, "cpu") if loss == "listwise" else (setting.device,))
    }


def ranker_columns() -> list[Column]:
    """Return columns of every form that a neural ranker treats apart."""
    return [
        *(Column(f"user_{d}", "text-vectors", "user") for d in range(32)),
        *(Column(f"item_{d}", "text-vectors", "item") for d in range(32)),
        *(Column(f"recent{event}_{d}", "sequence", "user") for event in range(5) for d in range(32)),
        *(Column(f"pair_{n}", "retrieval") for n in range(30)),
        *(Column(f"bucket_{n}", "crosses", "bucket") for n in range(2)),
    ]


def ranker_pairs(columns: Sequence[Column], queries: int, seed: int, width: int = 40) -> Pairs:
    """Return lists of pairs whose numbers decide the label."""
    rng = np.random.default_rng(seed)
    count = queries * width
    features = rng.standard_normal((count, len(columns)), dtype=np.float32)
    number = [place for place, column in enumerate(columns) if column.side == "pair"]
    label = features[:, number[:3]].sum(axis=1) + rng.standard_normal(count) > 3
    bucket = [place for place, column in enumerate(columns) if column.side == "bucket"]
    features[:, bucket] = rng.integers(0, 100_000, (count, len(bucket)))
    return Pairs(
        features,
        label.astype(np.float32)[:, None],
        np.repeat(np.arange(queries), width),
        np.zeros(count, dtype=np.float32),
        np.ones(count, dtype=np.float32),
    )


def _ranker(
    setting: Setting, ranker: NeuralRanker, parts: Sequence[Pairs], columns: Sequence[Column]
) -> Figures:
    train, valid = parts
    seconds, _ = setting.timed(lambda: ranker.fit(train, valid, columns, rng=np.random.default_rng(0)))
    best = min(ranker.epochs_, key=lambda epoch: epoch.valid_loss)
    here = auc(ranker.score(valid.features, valid.base), valid.acted)
    alike(np.array(best.valid_auc), np.array(here), 1e-3, f"validation AUC of {ranker.name}")
    return {"seconds": round(seconds, 2), "best_epoch": best.epoch, "valid_auc": round(best.valid_auc, 4)}


def pair_classifier(setting: Setting) -> Figures:
    """Return the throughput of a pair classifier; it resumes, and scores on the CPU as on the device."""
    train = _pair_lists(setting, 2 if setting.tiny else 100, 0)
    valid = _pair_lists(setting, 1 if setting.tiny else 20, 1)
    return {trained: _pair_classifier(setting, trained, train, valid) for trained in ("last:2", "all")}


def _pair_lists(setting: Setting, width: int, seed: int) -> PairLists:
    row = np.repeat(np.arange(len(setting.queries)), width)
    item = np.random.default_rng(seed).integers(len(setting.catalogue), size=len(row)).astype(np.int32)
    return PairLists(setting.queries, row, item, (item % 3 == 0).astype(np.float32))


def _pair_classifier(setting: Setting, trained: str, train: PairLists, valid: PairLists) -> Figures:
    def fitted(**more: Any) -> PairClassifier:
        classifier = PairClassifier(epochs=2, patience=9, device=setting.device, train=trained)
        return classifier.fit(setting.texts, train, valid, rng=np.random.default_rng(0), **more)

    seconds, whole = setting.timed(fitted)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pair.safetensors"
        try:
            fitted(checkpoint=file, on_epoch=_interrupt)
        except Interrupted:
            resumed = fitted(checkpoint=file)
    _check_resumed(setting, [e.train_loss for e in whole.epochs_], [e.train_loss for e in resumed.epochs_])
    there = whole.score(valid.queries, valid.row, valid.item)
    spec = _through_json(whole.spec() | {"device": "cpu"})
    restored = PairClassifier.restore(spec, whole.arrays(), setting.texts)
    others = {"on_processor": whole.on_processor(), "restored": restored}
    return {
        "pairs_per_s": round(len(train) * len(whole.epochs_) / seconds),
        "losses": [round(epoch.train_loss, 4) for epoch in whole.epochs_],
        **{
            name: alike(there, other.score(valid.queries, valid.row, valid.item), 0.25, f"log-odds, {name}")
            for name, other in others.items()
        },
    }


def _interrupt(_: object) -> None:
    raise Interrupted


def finetuning(setting: Setting) -> Figures:
    """Return the epochs of fine-tuning MiniLM; the saved model gives the vectors of the trained one."""
    encoder = minilm(device=setting.device, dtype="float32")
    plan = Plan(epochs=1, seconds=3.0 if setting.tiny else 20.0, items=64 if setting.tiny else 256)
    epochs = finetune(
        encoder, setting.small, setting.texts, plan, rng=np.random.default_rng(0), on_epoch=_ignore
    )
    with tempfile.TemporaryDirectory() as folder:
        save_model(encoder, Path(folder))
        again = HuggingFaceEncoder(folder, device=setting.device, dtype="float32")
        few = setting.texts[:20]
        difference = alike(encoder.encode(few), again.encode(few), 1e-4, "vectors of the saved model")
    return {
        "seconds": [round(epoch.seconds, 2) for epoch in epochs],
        "loss": round(epochs[-1].loss, 4),
        "ndcg": [round(epoch.quality.ndcg, 4) for epoch in epochs],
        "difference": difference,
    }


def _ignore(*_: object) -> None:
    pass


def commands(setting: Setting) -> Figures:
    """Return the seconds of commands that fit and recommend; a model is read where there is no GPU too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        users, items, events = (150, 130, 2_500) if setting.tiny else (5_000, 2_000, 100_000)
        generate(users=users, items=items, events=events).write(folder)
        windows, seconds = (1, 1.0) if setting.tiny else (3, 20.0)
        config = CONFIG.format(device=setting.device, windows=windows, seconds=seconds)
        (folder / "shop.toml").write_text(config, "utf-8")
        model = str(folder / "model")
        recommend = ["recommend", model, "--user", "u00012"]
        fit = ["fit", "events.csv", "--items", "items.jsonl", "--config", "shop.toml", "--out", model]
        return {
            "fit": _command(folder, fit),
            "recommend": _command(folder, recommend),
            "recommend without a GPU": _command(folder, recommend, CUDA_VISIBLE_DEVICES=""),
            "batch": _command(folder, ["batch", model, "--out", "lists.parquet"]),
            "doctor": _command(folder, ["doctor"]),
        }


def _command(folder: Path, words: Sequence[str], **variables: str) -> float:
    """Return the seconds of a command of Tacit's that runs in a folder."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tacit", *words],
        cwd=folder,
        env={**os.environ, "TACIT_CACHE": str(folder / "cache"), **variables},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-400:]
        raise CheckError(f"tacit {words[0]} ended with {done.returncode}: {said}")
    return round(time.perf_counter() - start, 1)


def training_tests(setting: Setting) -> Figures:
    """Return the last lines of the tests of what trains, which take the device that there is."""
    if setting.tiny:
        return {"skipped": "not with --tiny: they are part of the test suite"}
    files = [str(ROOT / "tests" / name) for name in TRAINING_TESTS]
    words = ["-m", "pytest", "-q", "--maxfail=20", "-p", "no:cacheprovider", *files]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=max(30.0, setting.left + 30),
    )
    if done.returncode:
        raise CheckError(f"pytest ended with {done.returncode}: {done.stdout[-2_000:]}")
    return {"files": len(files), "last_line": done.stdout.strip().rpartition("\n")[2]}


def alike(there: Float32, here: Float32, limit: float, what: str) -> float:
    """Return the largest difference of two arrays.

    Raises
    ------
    CheckError
        If it is above the limit, or not a number.
    """
    difference = float(np.abs(there - here).max())
    if not difference <= limit:
        raise CheckError(f"{what}: the largest difference is {difference}; at most {limit} was expected")
    return difference


def _check_resumed(setting: Setting, whole: list[float], resumed: list[float]) -> None:
    if len(whole) != len(resumed) or (setting.exact and whole != resumed):
        raise CheckError(f"the resumed run has the losses {resumed}, the whole one {whole}")


def _through_json(spec: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(json.dumps(spec))
    return result


STEPS: dict[str, Callable[[Setting], Figures]] = {
    "environment": environment,
    "encode-minilm": encode_minilm,
    "encode-use": encode_use,
    "encode-pooling": encode_pooling,
    "transformer-epochs": transformer_epochs,
    "transformer-compiled": transformer_compiled,
    "transformer-seed": transformer_seed,
    "transformer-checkpoint": transformer_checkpoint,
    "transformer-variants": transformer_variants,
    "transformer-restored": transformer_restored,
    "rankers": rankers,
    "pair-classifier": pair_classifier,
    "finetuning": finetuning,
    "commands": commands,
    "training-tests": training_tests,
}


def attempted(step: Callable[[Setting], Figures], setting: Setting) -> Figures:
    """Return what a step measured, whether it succeeded (``ok``), its seconds and the GPU's peak memory."""
    if setting.left < 0:
        return {"skipped": f"{setting.until:g} seconds are over"}
    if setting.on_gpu:
        torch.cuda.init()  # before it there is nothing to reset
        torch.cuda.reset_peak_memory_stats(setting.device)
    start = time.perf_counter()
    try:
        figures = {"ok": True, **step(setting)}
        setting.wait()
    except Exception as error:  # whatever it is, the other steps are still worth running
        reason = f"{type(error).__name__}: {error}"
        figures = {"ok": False, "error": reason[:2_500], "trace": traceback.format_exc()[-1_500:]}
    figures["total_seconds"] = round(time.perf_counter() - start, 2)
    if setting.on_gpu:
        figures["gpu_peak_mb"] = round(torch.cuda.max_memory_allocated(setting.device) / 1e6)
    return figures


def report(setting: Setting, names: Sequence[str], out: Path | None) -> dict[str, Figures]:
    """Run steps, print and return what each measured; the file is written after each."""
    found: dict[str, Figures] = {}
    for name in names:
        found[name] = attempted(STEPS[name], setting)
        print(json.dumps({name: found[name]}), flush=True)
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            written = {"device": setting.device, "tiny": setting.tiny, "steps": found}
            out.write_text(json.dumps(written, indent=1) + "\n", "utf-8")
    return found


def main() -> None:
    """Run the steps and exit with 1 if one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", help="auto, cuda, cuda:0 (or another number), mps or cpu")
    parser.add_argument("--tiny", action="store_true", help="little data, to try the steps themselves")
    parser.add_argument("--only", default="", help="run the steps whose name contains this")
    parser.add_argument("--out", type=Path, help="JSON file of the figures")
    parser.add_argument("--until", type=float, default=440.0, help="no step begins after so many seconds")
    options = parser.parse_args()
    names = [name for name in STEPS if options.only in name]
    if not names:
        parser.error(f"no step contains {options.only!r}; there are {', '.join(STEPS)}")
    try:
        check_device_name(options.device, "--device")
        device = chosen_device(options.device)
    except ConfigError as error:
        parser.error(str(error))
    setting = Setting(device, options.tiny, until=options.until)
    found = report(setting, names, options.out)
    failed = [name for name, figures in found.items() if figures.get("ok") is False]
    skipped = [name for name, figures in found.items() if "skipped" in figures]
    seconds = time.perf_counter() - setting.begin
    print(f"{len(found)} steps in {seconds:.0f} s; failed: {failed or 'none'}; skipped: {skipped or 'none'}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
