"""Snapshots: everything comes back, and nothing damaged is loaded."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.served import acquainted_snapshot, small_snapshot

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.manifest import MANIFEST, SnapshotFiles, publish, verify
from tacit.core.version import __version__
from tacit.data.shop import generate
from tacit.engine.batch import recommend_all
from tacit.engine.engine import Engine
from tacit.engine.snapshot import Snapshot, load, read, save, version_of
from tacit.engine.state import State
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.store import artifacts
from tacit.store.events import EventStore


@cache
def ranked_snapshot() -> Snapshot:
    """All retrievers and a ranker that is trusted half, whatever the small log says of it."""
    shop = generate(seed=3, users=60, items=80, events=1_500, days=40)
    ranker = {"name": "mlp", "hidden": [8], "epochs": 2}
    snapshot = train(shop.events, shop.items, Config(encoder="tfidf", ranker=ranker, windows=1))
    assert snapshot.pipeline.second_.ranker is not None
    second = replace(snapshot.pipeline.second_, ranker_weight=0.5)
    snapshot.pipeline.second_ = second
    return snapshot


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("saved") / "snapshot"
    save(ranked_snapshot(), directory)
    return directory


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    files = {str(file.relative_to(saved)): file.read_bytes() for file in saved.rglob("*") if file.is_file()}
    target = tmp_path / "copy"
    target.mkdir()
    for name, content in files.items():
        (target / name).write_bytes(content)
    return target


def lists(snapshot: Snapshot, **options: object) -> pl.DataFrame:
    return pl.concat(recommend_all(snapshot, **options))  # type: ignore[arg-type]


def test_what_is_known_of_users_comes_back(tmp_path: Path) -> None:
    snapshot = acquainted_snapshot()
    save(snapshot, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.interactions.trait_columns == snapshot.interactions.trait_columns
    assert np.array_equal(again.interactions.traits, snapshot.interactions.traits)
    assert lists(again).equals(lists(snapshot))
    assert "quiet" in lists(again)["user_id"]


def test_a_snapshot_comes_back_with_the_same_lists(saved: Path) -> None:
    snapshot, again = ranked_snapshot(), load(saved)
    assert lists(again).equals(lists(snapshot))
    assert lists(again, users=["nobody knows me"]).equals(lists(snapshot, users=["nobody knows me"]))
    assert again.pipeline.second_.ranker is not None
    assert again.pipeline.second_.ranker_weight == 0.5


def test_everything_else_comes_back_too(saved: Path) -> None:
    snapshot, again = ranked_snapshot(), load(saved)
    assert (again.version, again.encoder, again.facts) == (snapshot.version, snapshot.encoder, snapshot.facts)
    assert again.weights.to_json() == snapshot.weights.to_json()
    for name in ("users", "items", "kinds", "timing"):
        assert getattr(again.interactions, name) == getattr(snapshot.interactions, name)
    for name in ("user", "item", "weight", "at", "kind"):
        before, after = getattr(snapshot.interactions, name), getattr(again.interactions, name)
        np.testing.assert_array_equal(after, before)
        assert after.dtype == before.dtype
    assert again.catalogue.attributes.equals(snapshot.catalogue.attributes)
    assert again.catalogue.attributes.schema == snapshot.catalogue.attributes.schema
    assert again.catalogue.texts.equals(snapshot.catalogue.texts)
    for name in ("has_text", "available", "created_at", "vectors"):
        np.testing.assert_array_equal(getattr(again.catalogue, name), getattr(snapshot.catalogue, name))
    np.testing.assert_array_equal(again.encode(["red tea"]), snapshot.encode(["red tea"]))
    assert version_of(again.pipeline, str(again.facts["data_sha256"])) == version_of(
        snapshot.pipeline, str(snapshot.facts["data_sha256"])
    )


def test_a_loaded_snapshot_can_be_saved_again_byte_for_byte(saved: Path, tmp_path: Path) -> None:
    save(load(saved), tmp_path / "again")
    first, second = verify(saved), verify(tmp_path / "again")
    assert second["files"] == first["files"]


def test_the_manifest_tells_what_was_trained_on(saved: Path) -> None:
    manifest = verify(saved)
    assert manifest["tacit"] == __version__
    assert manifest["model"] == ranked_snapshot().version
    facts = manifest["facts"]
    assert facts["seed"] == 7
    assert facts["events"] == len(ranked_snapshot().interactions)
    assert set(facts["versions"]) == {"tacit", "python", "numpy", "scipy", "polars", "torch"}
    json.loads(
        (saved / MANIFEST).read_text("utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is no JSON")
    )


@pytest.mark.fault(42)
def test_it_holds_plain_arrays_tables_and_json_only(saved: Path) -> None:
    kinds = {file.suffix for file in saved.rglob("*")}
    assert kinds == {".arrow", ".json", ".safetensors", ".toml"}


def test_a_snapshot_without_text_comes_back(tmp_path: Path) -> None:
    shop = generate(seed=3, users=30, items=64, events=400, days=20)
    bare = train(
        shop.events, None, Config(retrievers={"trending": {}, "itemknn": {}}, ranker=None, windows=1)
    )
    assert bare.catalogue.vectors is None
    assert bare.encoder == "none"
    save(bare, tmp_path / "bare")
    assert lists(load(tmp_path / "bare")).equals(lists(bare))


NAMES = [
    "catalogue.arrow",
    "config.toml",
    "encoder.safetensors",
    "interactions.safetensors",
    "log.arrow",
    "manifest.json",
    "pipeline.safetensors",
    "snapshot.json",
    "training.json",
    "users.arrow",
    "vectors.safetensors",
]


def test_these_are_all_files(saved: Path) -> None:
    assert sorted(file.name for file in saved.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.fault(6)
def test_a_flipped_bit_anywhere_in_any_file_is_refused(copy: Path, name: str) -> None:
    whole = (copy / name).read_bytes()
    for place in np.linspace(0, len(whole) - 1, 12).astype(int).tolist():
        changed = bytearray(whole)
        changed[place] ^= 1
        if _says_the_same(bytes(changed), whole):
            continue
        (copy / name).write_bytes(changed)
        with pytest.raises(ArtifactError, match=name.replace(".", r"\.")):
            load(copy)


def _says_the_same(one: bytes, other: bytes) -> bool:
    """Whether both are JSON of the same content: the 17th digit of a number may not change the number."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def _gone(file: Path) -> None:
    file.unlink()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", [_gone, _cut, _emptied])
@pytest.mark.fault(6)
def test_a_file_that_is_not_whole_is_refused(copy: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(copy / name)
    if name == MANIFEST and damage is _cut:  # the line break at the end
        assert lists(load(copy)).equals(lists(ranked_snapshot()))
        return
    with pytest.raises(ArtifactError):
        load(copy)


@pytest.mark.fault(6)
def test_a_file_of_another_snapshot_is_refused(copy: Path, tmp_path: Path) -> None:
    save(small_snapshot(), tmp_path / "other")
    (copy / "users.arrow").write_bytes((tmp_path / "other" / "users.arrow").read_bytes())
    with pytest.raises(ArtifactError, match=r"users\.arrow is damaged"):
        load(copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("pipeline"),
        lambda document: document["pipeline"].pop("second"),
        lambda document: document["pipeline"]["retrievers"][0].update(entry="magic"),
        lambda document: document["pipeline"]["retrievers"][1]["spec"].update(surprise=1),
        lambda document: document.update(weights=None),
    ],
)
def test_a_whole_snapshot_of_other_content_is_refused_and_names_its_version(
    copy: Path, tmp_path: Path, change: Callable[[dict], object]
) -> None:
    """As another version of Tacit would write it: every checksum is right, the content is not."""
    document = json.loads((copy / "snapshot.json").read_text("utf-8"))
    change(document)

    def write(target: Path) -> None:
        for name in set(NAMES) - {MANIFEST, "snapshot.json"}:
            (target / name).write_bytes((copy / name).read_bytes())
        (target / "snapshot.json").write_text(json.dumps(document), "utf-8")

    publish(tmp_path / "other", write, {"tacit": "9.9.9", "facts": {}})
    with pytest.raises(ArtifactError, match=rf"written by tacit 9\.9\.9 and cannot be read by {__version__}"):
        load(tmp_path / "other")


def test_a_table_without_its_column_is_refused_too(copy: Path, tmp_path: Path) -> None:
    def write(target: Path) -> None:
        for name in set(NAMES) - {MANIFEST, "users.arrow"}:
            (target / name).write_bytes((copy / name).read_bytes())
        pl.DataFrame({"person": ["a"]}).write_ipc(target / "users.arrow")

    publish(tmp_path / "other", write, {"tacit": "9.9.9", "facts": {}})
    with pytest.raises(ArtifactError, match=r"written by tacit 9\.9\.9"):
        load(tmp_path / "other")


def test_a_package_that_is_missing_is_named(copy: Path, tmp_path: Path) -> None:
    document = json.loads((copy / "snapshot.json").read_text("utf-8"))
    document["pipeline"]["retrievers"][0].update(entry="magic", distribution="tacit-magic")

    def write(target: Path) -> None:
        for name in set(NAMES) - {MANIFEST, "snapshot.json"}:
            (target / name).write_bytes((copy / name).read_bytes())
        (target / "snapshot.json").write_text(json.dumps(document), "utf-8")

    publish(tmp_path / "other", write, {"tacit": __version__, "facts": {}})
    with pytest.raises(
        ArtifactError, match=r"retriever 'magic' .* the package tacit-magic, which is not inst"
    ):
        load(tmp_path / "other")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_directory_that_no_file_system_takes_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="the directory"):
        save(small_snapshot(), tmp_path / name)


def test_saving_over_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ArtifactError, match="exists and is not a snapshot"):
        save(small_snapshot(), tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_another_process_gives_the_same_lists_without_what_only_a_fit_needs(saved: Path) -> None:
    """These take more than a second to import: no command that only asks a snapshot should wait for them."""
    code = (
        "import sys\n"
        "import polars as pl\n"
        "import tacit\n"
        "from tacit.engine.batch import recommend_all\n"
        "pl.concat(recommend_all(tacit.load(sys.argv[1]).snapshot)).write_parquet(sys.argv[2])\n"
        "assert not {'torch', 'sklearn', 'scipy.stats', 'scipy.optimize'} & set(sys.modules)\n"
    )
    out = saved.parent / "lists.parquet"
    subprocess.run([sys.executable, "-c", code, str(saved), str(out)], check=True)
    assert pl.read_parquet(out).equals(lists(ranked_snapshot()))


BILINGUAL = {
    "item_id": [f"{n}" for n in range(8)],
    "title": [
        *("red running shoes", "a bottle of fresh milk", "cast iron pan", "light trail shoes"),
        *("红色跑步鞋 男士", "纯牛奶 250ml", "铸铁平底锅", "轻便越野跑鞋"),
    ],
}


def bilingual(encoder: str) -> Snapshot:
    shop = generate(seed=3, users=60, items=80, events=1_500, days=40)
    of = {id_: f"{place % 8}" for place, id_ in enumerate(shop.events["item_id"].unique().sort())}
    frame = shop.events.with_columns(pl.col("item_id").replace_strict(of))
    config = Config(retrievers={"content": {}}, encoder=encoder, ranker=None, windows=1)
    return train(frame, pl.DataFrame(BILINGUAL), config)


def test_the_pair_of_encoders_comes_back_with_its_means(tmp_path: Path) -> None:
    snapshot = bilingual("auto")
    save(snapshot, tmp_path / "model")
    again = load(tmp_path / "model")
    assert (again.encoder, again.encoder_name) == ("pair", snapshot.encoder_name)
    assert again.catalogue.centred
    texts = ["blue shirt", "蓝色衬衫"]
    np.testing.assert_array_equal(again.encode(texts), snapshot.encode(texts))
    assert snapshot.facts["texts"]["encoder"] == "pair"
    assert lists(again).equals(lists(snapshot))


def test_an_old_snapshot_of_auto_goes_on_with_the_english_model(tmp_path: Path) -> None:
    # Before there was a choice, "auto" was MiniLM, whatever the language of the texts.
    save(bilingual("minilm"), tmp_path / "model")
    _edit(tmp_path / "model", lambda document: document.pop("centred") and None)
    old = load(tmp_path / "model")
    assert (old.encoder, old.encoder_name, old.catalogue.centred) == ("minilm", "", False)
    state = State.of(old).grown({"new": {"title": "light red trail shoes"}, "neu": {"title": "轻便红色跑鞋"}})
    assert state.catalogue.vectors.shape == (10, 384)
    codes = state.catalogue.items.encode(["new", "neu"])
    assert state.catalogue.has_text[codes].tolist() == [True, False]
    nearest = state.catalogue.vectors[:8] @ state.catalogue.vectors[codes[0]]
    assert nearest.argmax() in (0, 3)
    assert state.warnings_of("new") == []
    assert "the text encoder of this model, minilm, cannot read" in state.warnings_of("neu")[0]


def test_stored_items_that_the_encoder_cannot_read_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    store.put_items({"new": {"title": "light red trail shoes"}, "neu": {"title": "轻便红色跑鞋"}}, 1.0)
    Engine(bilingual("minilm"), store).close()
    assert caplog.messages[-1].startswith("1 of 2 stored items: the text of the item 'neu' is in a language")


def test_the_vectors_of_another_model_are_refused(tmp_path: Path) -> None:
    snapshot = replace(bilingual("use"), encoder_name="use3:another:256:float32")
    with pytest.raises(ArtifactError, match="gives other vectors than the snapshot holds"):
        State.of(snapshot).grown({"new": {"title": "a green lamp"}})


def _edit(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Make a snapshot one of the time before encoders were chosen."""
    file = directory / "snapshot.json"
    document = json.loads(file.read_text("utf-8"))
    change(document)
    document["encoder"] = "auto"
    del document["encoder_name"]
    manifest = verify(directory)
    parts = {part.name: part.read_bytes() for part in directory.iterdir() if part.name != MANIFEST}
    parts["snapshot.json"] = json.dumps(document).encode()

    def write(target: Path) -> None:
        for name, content in parts.items():
            (target / name).write_bytes(content)

    publish(directory, write, {name: manifest[name] for name in ("tacit", "model", "facts")})


@pytest.mark.fault(14)
def test_tables_and_arrays_of_an_older_snapshot_are_read(saved: Path) -> None:
    """Parquet in place of Arrow, and nothing of what only saves a start its work."""
    files = SnapshotFiles.checked(saved)
    older = saved.parent / "older"
    older.mkdir()
    places = {}
    for name, place in files.places.items():
        if name.endswith(".arrow"):
            name = name.replace(".arrow", ".parquet")
            artifacts.read_table(place).write_parquet(older / name)
        else:
            (older / name).write_bytes(place.read_bytes())
        places[name] = older / name
    arrays = artifacts.read_arrays(places["pipeline.safetensors"])
    newer = ("/held_", "/holders_", "/digest", "content/known", "state.attributes.")
    kept = {n: array.copy() for n, array in arrays.items() if not any(one in n for one in newer)}
    assert len(kept) < len(arrays)
    artifacts.write_arrays(places["pipeline.safetensors"], kept)
    document = artifacts.read_json(places["snapshot.json"])
    del document["pipeline"]["second"]["maker"]["labels"]
    artifacts.write_json(places["snapshot.json"], document)
    again = read(SnapshotFiles(older, files.manifest, places))
    assert lists(again).equals(lists(load(saved)))


@pytest.mark.promise("P31")
@pytest.mark.fault(8)
def test_a_full_disk_is_said_and_the_older_snapshot_stays(tmp_path: Path) -> None:
    place = tmp_path / "shop.tacit"
    save(small_snapshot(), place)
    before = verify(place)
    sizes = sorted({file.stat().st_size for file in place.iterdir()})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in sizes:  # each file is one byte too large for its turn: written by Python, NumPy and Polars
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, hard))
            with pytest.raises(ConfigError) as refused:
                save(replace(small_snapshot(), version="new"), place)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        said = str(refused.value)
        assert said.startswith(f"the directory {place} cannot be written: File too large; make room")
        assert said.endswith("what it held before is as it was")
        assert verify(place) == before
        assert [path.name for path in tmp_path.iterdir()] == ["shop.tacit"]
    assert load(place).version == small_snapshot().version
