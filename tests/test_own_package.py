"""A package of somebody else's, installed for real: its components fit, tune, load and serve like ours."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tacit.data.shop import generate

ROOT = Path(__file__).parents[1]
CONFIG = """
windows = 1
encoder = "letters"

[retrievers.trending]
[retrievers.shelf]
bonus = 0.5

[ranker]
name = "slope"
strength = 2.0
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package was installed into."""
    pytest.importorskip("hatchling")
    place = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    source = ROOT / "examples" / "own_package"
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", place, source], check=True, timeout=120
    )
    return place


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    generate(users=120, items=112, events=2_500, days=30).write(folder)
    (folder / "shop.toml").write_text(CONFIG)
    return folder


def environment(*places: Path) -> dict[str, str]:
    paths = [*map(str, places), str(ROOT / "src")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def python(code: str, *places: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**environment(*places), "TACIT_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=240,
    )


def tacit(line: str, *places: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return python(
        f"import sys; from tacit.cli.app import run; sys.exit(run({line.split()!r}))", *places, folder=folder
    )


@pytest.fixture(scope="module")
def model(installed: Path, shop: Path) -> Path:
    done = tacit("fit events.csv --items items.jsonl --config shop.toml --out model", installed, folder=shop)
    assert done.returncode == 0, done.stderr
    return shop / "model"


def test_its_components_work_in_the_commands(installed: Path, shop: Path, model: Path) -> None:
    lines = ("recommend model --history i00001 -k 3 --json", "similar model --item i00001 -k 3 --json")
    commands = [line.split() for line in lines]
    code = f"from tacit.cli.app import run\nfor one in {commands}: assert run(one) == 0; print('end of one')"
    done = python(code, installed, folder=shop)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.split("end of one\n")[:-1]
    assert [len(json.loads(answer)["items"]) for answer in answers] == [3, 3]


def test_its_retriever_can_be_tuned(installed: Path, shop: Path) -> None:
    line = "tune events.csv --items items.jsonl --config shop.toml --models shelf --trials 3 --out tuned.toml"
    done = tacit(line, installed, folder=shop)
    assert done.returncode == 0, done.stderr
    assert "shelf: " in done.stdout
    assert "[retrievers.shelf]" in (shop / "tuned.toml").read_text()


def test_it_stands_in_an_evaluation_beside_ours(installed: Path, shop: Path) -> None:
    line = "evaluate events.csv --items items.jsonl --config shop.toml --models popular,shelf,tacit --json -"
    done = tacit(line, installed, folder=shop)
    assert done.returncode == 0, done.stderr
    assert {row["name"] for row in json.loads(done.stdout)["models"]} == {"popular", "shelf", "tacit"}


def test_objects_of_it_in_python_survive_save_and_load(installed: Path, shop: Path) -> None:
    code = """
import tacit
from tacit.models.trending import Trending
from tacit_example import Shelf, Slope
retrievers = [Trending(), Shelf(bonus=0.5)]
config = tacit.Config(retrievers=retrievers, ranker=Slope(strength=2.0), encoder="letters")
model = tacit.fit("events.csv", "items.jsonl", config=config)
model.save("own")
again = tacit.load("own")
assert again.batch(k=5).equals(model.batch(k=5))
assert [x.item_id for x in again.similar("i00001")] == [x.item_id for x in model.similar("i00001")]
assert again.snapshot.pipeline.config == config
"""
    done = python(code, installed, folder=shop)
    assert done.returncode == 0, done.stderr


def test_without_the_package_a_snapshot_says_what_is_missing(shop: Path, model: Path) -> None:
    done = tacit("recommend model --history i00001", folder=shop)
    assert done.returncode == 2
    assert "'shelf' of the snapshot is of the package tacit-example, which is not installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_component_of_another_package_with_the_same_name_is_not_taken(
    installed: Path, shop: Path, model: Path, tmp_path: Path
) -> None:
    imposter = tmp_path / "imposter-1.0.dist-info"
    imposter.mkdir()
    (imposter / "METADATA").write_text("Metadata-Version: 2.1\nName: imposter\nVersion: 1.0\n")
    (imposter / "entry_points.txt").write_text("[tacit.retrievers]\nshelf = imposter:Shelf\n")
    (tmp_path / "imposter.py").write_text("raise RuntimeError('imported')\n")
    done = tacit("recommend model --history i00001", tmp_path, folder=shop)
    assert done.returncode == 2
    assert "of the package tacit-example" in done.stderr
    both = tacit("recommend model --history i00001", installed, tmp_path, folder=shop)
    assert both.returncode == 2
    assert "two packages give the retriever 'shelf'" in both.stderr


@contextmanager
def served(place: Path, shop: Path) -> Iterator[str]:
    code = "import sys; from tacit.cli.app import run; sys.exit(run(['serve', 'model', '--port', '0']))"
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=shop,
        env={**environment(place), "TACIT_CACHE": str(shop / "cache")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_it_is_served(installed: Path, shop: Path, model: Path) -> None:
    with served(installed, shop) as address:
        body = json.dumps({"items": ["i00001"], "k": 3}).encode()
        request = urllib.request.Request(
            f"{address}/v1/sessions/recommendations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert len(json.load(answer)["items"]) == 3
        new = urllib.request.Request(
            f"{address}/v1/items/new",
            b'{"title": "Clay mask"}',
            {"Content-Type": "application/json"},
            method="PUT",
        )
        with urllib.request.urlopen(new, timeout=60) as answer:
            assert answer.status < 300
        # The retriever of the package cannot take in new items: it is not asked about this one.
        for path in ("items/new/similar?k=3", "items/i00001/similar?k=3"):
            with urllib.request.urlopen(f"{address}/v1/{path}", timeout=60) as answer:
                assert answer.status == 200
        late = json.dumps({"items": ["i00001", "new"], "k": 3}).encode()
        after = urllib.request.Request(
            f"{address}/v1/sessions/recommendations", late, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(after, timeout=60) as answer:
            assert len(json.load(answer)["items"]) == 3


KIT = """
from tacit.testing.conformance import Conformance
from tacit_example import Shelf


class TestShelf(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> Shelf:
        return Shelf(attribute="group")  # the catalogue of the kit has title, group and price
"""


def test_it_passes_the_kit_as_the_page_shows(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_shelf.py").write_text(KIT)
    ask = "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'test_shelf.py']))"
    done = python(ask, installed, folder=tmp_path)
    assert done.returncode == 0, done.stdout
