"""The register: every entry holds, every name is found, other packages join it, and none of it is heavy."""

import importlib
import inspect
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, get_args

import pytest

from tacit.core.entry import OURS, Entry, Kind, Need
from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameterised, declared, space_of, values_of
from tacit.encoders.tfidf import TfidfEncoder
from tacit.models.ease import EASE
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import Persistent, Recommender
from tacit.models.retriever import Retriever
from tacit.models.trending import Trending
from tacit.pipeline import register
from tacit.rankers.mlp import MLP
from tacit.rankers.pair import PairClassifier
from tacit.rankers.ranker import Ranker

KINDS: tuple[Kind, ...] = get_args(Kind)
COMPONENTS = [entry for entry in register.ENTRIES if entry.kind != "encoder"]
VARIANTS = [(entry.kind, name, entry) for entry in register.ENTRIES for name in entry.variants]
BASES: dict[str, type] = {"retriever": Retriever, "ranker": Ranker, "reranker": PairClassifier}


def named(entry: Entry) -> str:
    return f"{entry.kind}-{entry.name}"


def test_names_are_unique_within_their_kind_variants_included() -> None:
    for kind in KINDS:
        own = [entry for entry in register.ENTRIES if entry.kind == kind]
        assert own
        names = [name for entry in own for name in (entry.name, *entry.variants)]
        assert len(set(names)) == len(names)
        assert register.names(kind) == names
        assert register.entries(kind) == own
    paths = [entry.path for entry in register.ENTRIES]
    assert len(set(paths)) == len(paths)


def test_a_ranker_a_reranker_and_none_are_told_apart_by_their_names() -> None:
    names = [*register.names("ranker"), *register.names("reranker"), "none"]
    assert len(set(names)) == len(names)
    assert "none" not in register.names("encoder")


@pytest.mark.parametrize("entry", register.ENTRIES, ids=named)
def test_an_entry_says_what_it_is_in_one_line(entry: Entry) -> None:
    summaries = [entry.summary, *(variant.summary for variant in entry.variants.values())]
    for summary in summaries:
        assert summary
        assert "\n" not in summary
        assert not summary.endswith(".")
    assert re.fullmatch(r"[a-z][a-z0-9-]*", entry.name)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in entry.variants)
    assert set(entry.needs) <= set(get_args(Need))
    assert entry.distribution == OURS


@pytest.mark.parametrize("entry", register.ENTRIES, ids=named)
def test_an_entry_is_found_and_loads(entry: Entry) -> None:
    assert register.find(entry.kind, entry.name) is entry
    loaded = entry.load()
    module, _, name = entry.path.partition(":")
    assert (loaded.__module__, loaded.__qualname__) == (module, name)


@pytest.mark.parametrize("entry", COMPONENTS, ids=named)
def test_a_component_has_the_base_and_the_methods_of_its_kind(entry: Entry) -> None:
    component = register.create(entry.kind, entry.name)
    assert isinstance(component, BASES[entry.kind])
    assert isinstance(component, Parameterised)
    assert component.name == entry.name
    if entry.kind == "retriever":
        assert isinstance(component, Recommender)
        assert isinstance(component, Persistent)


@pytest.mark.parametrize("entry", COMPONENTS, ids=named)
def test_every_parameter_has_a_meaning(entry: Entry) -> None:
    silent = [name for name, one in declared(entry.load()).items() if name != "name" and not one.meaning]
    assert silent == []


@pytest.mark.parametrize("entry", COMPONENTS, ids=named)
def test_where_tuning_looks_is_allowed(entry: Entry) -> None:
    for name, space in space_of(entry.load()).items():
        ends = space.values if hasattr(space, "values") else (space.low, space.high)
        for value in ends:
            made = register.create(entry.kind, entry.name, {name: value})
            assert values_of(made)[name] == value


@pytest.mark.parametrize("entry", [entry for entry in register.ENTRIES if entry.kind == "encoder"], ids=named)
def test_an_encoder_is_made_of_an_argument_texts_and_a_cache(entry: Entry) -> None:
    inspect.signature(entry.load()).bind("", [], None)


@pytest.mark.parametrize(("kind", "name", "entry"), VARIANTS)
def test_a_variant_is_its_component_with_other_parameters(kind: Kind, name: str, entry: Entry) -> None:
    assert register.find(kind, name) is entry
    parameters = entry.variants[name].parameters
    assert register.variant(kind, name) == parameters
    made, plain = register.create(kind, name), register.create(kind, entry.name)
    assert type(made) is type(plain)
    assert made.name == name
    changed = {key for key, value in values_of(made).items() if value != values_of(plain)[key]}
    assert parameters
    assert changed == {"name", *parameters}
    assert register.variant(kind, entry.name) == {}


def test_values_go_before_those_of_a_variant_and_a_title_before_the_name() -> None:
    made = register.create("retriever", "popular", {"half_life": 3.0}, title="lately")
    assert made == Trending(name="lately", half_life=3.0)
    assert register.create("retriever", "itemknn-bm25", {"k": 7}) == ItemKNN(
        name="itemknn-bm25", weighting="bm25", k=7
    )


def test_the_entry_of_a_component_is_that_of_its_class() -> None:
    ease = register.find("retriever", "ease")
    assert register.entry_of("retriever", EASE(name="mine")) is ease
    assert register.registered("retriever", EASE(name="mine")) is ease
    assert register.entry_of("ranker", MLP()) is register.find("ranker", "mlp")
    assert register.entry_of("ranker", EASE()) is None  # of another kind

    class Mine(EASE):
        """A class of somebody's own."""

    assert register.entry_of("retriever", Mine()) is None

    elsewhere = type("EASE", (EASE,), {"__module__": "elsewhere"})
    assert register.entry_of("retriever", elsewhere()) is None  # the same name is not enough


def test_the_summary_of_a_component_is_that_of_its_variant() -> None:
    trending = register.find("retriever", "trending")
    assert register.summary_of("retriever", Trending()) == trending.summary
    assert register.summary_of("retriever", Trending(name="popular")) == trending.variants["popular"].summary
    assert register.summary_of("retriever", Trending(name="mine")) == trending.summary
    assert register.summary_of("retriever", TfidfEncoder()) == (
        "a retriever of your own: tacit.encoders.tfidf.TfidfEncoder"
    )


def test_what_can_be_tuned_is_not_slow_and_has_a_space() -> None:
    names = register.tunable("retriever")
    assert {"ease", "itemknn", "content"} <= set(names)
    assert "transformer" not in names
    assert "rules" not in names
    for name in names:
        entry = register.find("retriever", name)
        assert not entry.slow
        assert space_of(entry.load())
    left = {entry.name for entry in register.ENTRIES if entry.kind == "retriever"} - set(names)
    for name in left:
        entry = register.find("retriever", name)
        assert entry.slow or not space_of(entry.load())


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: register.find("retriever", "eaze"),
            "there is no retriever 'eaze'; known: trending, trending-now, popular, forecast, itemknn, ",
        ),
        (lambda: register.find("ranker", "ease"), "there is no ranker 'ease'; known: linear, mlp, "),
        (lambda: register.create("reranker", "nothing"), "there is no reranker 'nothing'; known: pair"),
        (
            lambda: register.create("retriever", "popular", {"speed": 1}, title="mine"),
            "the retriever 'mine' has no parameter 'speed'; known: half_life",
        ),
        (
            lambda: register.registered("ranker", EASE()),
            "EASE is not a registered ranker and cannot be written to a file; register it by an entry point "
            "of the group 'tacit.rankers'",
        ),
        (
            lambda: register.registered("reranker", EASE()),
            "EASE is not a registered reranker and cannot be written to a file; use one of Tacit: pair",
        ),
    ],
)
def test_what_is_not_there_is_one_sentence(ask: Any, message: str) -> None:
    with pytest.raises(ConfigError, match="^" + re.escape(message)) as error:
        ask()
    assert "\n" not in str(error.value)


# Components of other packages ------------------------------------------------------------------------------

OTHERS = """
from typing import Any

class Shelf:
    def __init__(self, *, bonus: float = 1.0, name: str = "shelf") -> None:
        self.bonus, self.name = bonus, name
    def fit(self, interactions: Any, catalogue: Any, *, rng: Any) -> Any:
        return self
    def score(self, queries: Any, items: Any = None) -> Any:
        return None

class Taken(Shelf):
    pass

class Stubborn(Shelf):
    def __init__(self) -> None:
        super().__init__(name="stubborn")

from PACKAGE_inside import Deep
"""


def install(place: Path, package: str, *points: str, group: str = "tacit.retrievers") -> None:
    """Put a package beside its metadata, as an installer does."""
    info = place / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *points, ""]))
    (place / f"{package}.py").write_text(OTHERS.replace("PACKAGE", package))
    (place / f"{package}_inside.py").write_text("class Deep:\n    name = 'deep'\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages: one with retrievers, good and bad ones, and one with an encoder."""
    install(
        tmp_path,
        "shelves",
        "shelf = shelves : Shelf",
        "stubborn = shelves:Stubborn",
        "other-name = shelves:Stubborn",
        "deep = shelves:Deep",
        "ease = shelves:Taken",
        "popular = shelves:Taken",
        "gone = shelves:Gone",
    )
    install(tmp_path, "letters", "letters = letters:Shelf", group="tacit.encoders")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(("shelves", "letters"))]:
        del sys.modules[name]


def test_a_component_of_another_package_is_found_by_its_entry_point(site: Path) -> None:
    entry = register.find("retriever", "shelf")
    assert (entry.kind, entry.name, entry.path) == ("retriever", "shelf", "shelves:Shelf")
    assert (entry.distribution, entry.summary) == ("shelves", "of the package shelves")
    assert "shelves" not in sys.modules  # not imported before it is used
    made = register.create("retriever", "shelf", {"bonus": 2}, title="mine")
    assert (made.name, made.bonus) == ("mine", 2.0)
    assert register.entry_of("retriever", made) == entry
    assert register.registered("retriever", made) == entry
    assert register.find("encoder", "letters").distribution == "letters"
    assert register.is_known("retriever", "shelf")
    assert not register.is_known("ranker", "shelf")
    with pytest.raises(ConfigError, match="there is no retriever 'letters'"):
        register.find("retriever", "letters")
    with pytest.raises(ConfigError, match="there is no reranker 'shelf'"):
        register.find("reranker", "shelf")


def test_components_of_other_packages_are_listed_after_ours(site: Path) -> None:
    own = [entry.name for entry in register.ENTRIES if entry.kind == "retriever"]
    listed = [entry.name for entry in register.entries("retriever")]
    assert listed == [*own, "deep", "gone", "other-name", "shelf", "stubborn"]
    with pytest.raises(ConfigError, match=r"known: trending.* shelf, stubborn"):
        register.find("retriever", "shelff")
    assert "shelf" not in register.tunable("retriever")


def test_another_package_does_not_replace_ours(site: Path) -> None:
    assert register.find("retriever", "ease").load() is EASE
    assert register.find("retriever", "popular").load() is Trending
    names = register.names("retriever")
    assert names.count("ease") == names.count("popular") == 1
    # Under that name a file would stand for ours.
    taken = importlib.import_module("shelves").Taken()
    assert register.entry_of("retriever", taken) is None


def test_a_class_may_be_handed_out_by_another_module_than_its_own(site: Path) -> None:
    deep = register.find("retriever", "deep").load()
    assert deep.__module__ == "shelves_inside"
    entry = register.entry_of("retriever", deep())
    assert entry is not None
    assert entry.name == "deep"
    assert register.entry_of("retriever", type("Deep", (), {"name": "deep"})()) is None


def test_a_component_that_keeps_a_name_of_its_own_is_refused(site: Path) -> None:
    assert register.create("retriever", "stubborn").name == "stubborn"
    with pytest.raises(
        ConfigError,
        match="the retriever 'other-name' of shelves calls itself 'stubborn'; its class must take",
    ):
        register.create("retriever", "other-name")


def test_what_a_package_promises_and_does_not_hold_is_named(site: Path) -> None:
    with pytest.raises(
        ConfigError, match="the retriever 'gone' of shelves cannot be loaded from shelves:Gone"
    ):
        register.create("retriever", "gone")


def test_two_packages_with_the_same_name_are_refused(site: Path) -> None:
    install(site, "shelves_again", "shelf = shelves_again:Shelf")
    importlib.invalidate_caches()
    with pytest.raises(
        ConfigError, match=r"two packages give the retriever 'shelf': shelves.* and shelves.*; un"
    ):
        register.find("retriever", "shelf")


def test_other_packages_are_looked_up_only_for_a_name_that_is_not_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**_: object) -> None:
        raise AssertionError("entry points were scanned")

    monkeypatch.setattr(metadata, "entry_points", refuse)
    for entry in register.ENTRIES:
        for name in (entry.name, *entry.variants):
            assert register.find(entry.kind, name) is entry
            assert register.is_known(entry.kind, name)
    for entry in COMPONENTS:
        assert register.entry_of(entry.kind, register.create(entry.kind, entry.name)) is entry
    assert register.create("retriever", "popular").name == "popular"
    with pytest.raises(AssertionError, match="were scanned"):
        register.find("retriever", "shelf")


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("register.find('retriever', 'popular')", ()),
        ("register.names('retriever')", ()),
        ("register.entries('ranker')", ()),
        ("register.create('retriever', 'trending')", ("numpy", "scipy", "polars", "pydantic")),
    ],
)
def test_nothing_heavy_is_imported_before_a_component_is_made(code: str, allowed: tuple[str, ...]) -> None:
    heavy = ("torch", "numpy", "scipy", "polars", "sklearn", "transformers", "pydantic")
    ask = (
        f"import sys\nfrom tacit.pipeline import register\n{code}\nprint(*set({heavy!r}) & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= set(allowed)
