"""Every component works at the ends of what its parameters may be, and the ends are finite."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from tests.core.test_devices import ABSENT
from tests.examples import share_of
from tests.rankers.toys import COLUMNS, labelled, needs_lightgbm

from tacit.core.errors import ConfigError, UnsupportedError
from tacit.core.parameters import Parameter, declared
from tacit.core.spaces import Choice
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.features.feature_columns import Column
from tacit.models.protocol import ComesNext, Explains, SimilarItems
from tacit.pipeline import register
from tacit.pipeline.config import Config, parse_config
from tacit.pipeline.register import create
from tacit.pipeline.twostage import TwoStage
from tacit.testing.generated import small_log

MARKS = {"lambdamart": needs_lightgbm}

ENDLESS = {"half_life", "gap", "minutes", "seconds", "milliseconds"}
"""Times, for which infinity means: it never ends."""

NETWORK = {"epochs": 1, "members": 1, "hidden": (8,), "device": "cpu"}
QUICK: dict[str, dict[str, Any]] = {
    "transformer": {"epochs": 1, "embedding_size": 8, "heads": 1, "blocks": 1, "device": "cpu"},
    "linear": {"epochs": 1, "device": "cpu"},
    "mlp": NETWORK,
    "dcn": NETWORK,
    "cnn": NETWORK,
    "lambdamart": {"epochs": 2, "threads": 1},
}
"""What keeps a fit short."""

COSTLY = {
    ("ials", "embedding_size"),
    ("ials", "epochs"),
    *(("transformer", name) for name in ("embedding_size", "heads", "blocks", "epochs", "max_length")),
    *(
        (name, one)
        for name in ("linear", "mlp", "dcn", "cnn")
        for one in ("members", "epochs", "table", "embedding")
    ),
    *((name, one) for name in ("mlp", "dcn", "cnn") for one in ("hidden", "channels", "filters", "rank")),
    ("lambdamart", "epochs"),
}
"""Parameters whose largest value takes long or much memory, and nothing else."""

KINDS: tuple[register.Kind, ...] = ("retriever", "ranker", "reranker")
COMPONENTS = [(entry.kind, entry.name) for kind in KINDS for entry in register.entries(kind)]


def numeric(one: Parameter) -> type | None:
    """The type of the numbers that a parameter holds; None where it holds none."""
    found = set(_types(one.kind))
    return float if float in found else int if int in found else None


def _types(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Literal:
        return
    yield kind
    for part in get_args(kind):
        yield from _types(part)


def ends(one: Parameter, *, high: bool) -> list[int | float]:
    """The smallest and the largest value of a parameter, and the ends of its search."""
    form, bounds = numeric(one), one.bounds
    assert form is not None
    found: list[Any] = [] if bounds.low is None else [bounds.low]
    if bounds.above is not None:
        found.append(math.nextafter(bounds.above, math.inf))
    if high and bounds.high is not None:
        found.append(bounds.high)
    if bounds.below is not None:
        found.append(math.nextafter(bounds.below, -math.inf))
    if one.search is not None:
        tried = one.search.values if isinstance(one.search, Choice) else (one.search.low, one.search.high)
        found += [value for value in tried if isinstance(value, int | float)]
    return sorted({form(value) for value in found})


def cases(kind: register.Kind) -> list[Any]:
    """Return the name of a component, a parameter and a value: every end of each."""
    return [
        pytest.param(
            entry.name,
            one.name,
            value,
            id=f"{entry.name}-{one.name}={value:g}",
            marks=MARKS.get(entry.name, ()),
        )
        for entry in register.entries(kind)
        for one in declared(entry.load()).values()
        if numeric(one) is not None
        for value in ends(one, high=(entry.name, one.name) not in COSTLY)
    ]


CASES = cases("retriever")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "parameter", "value"), share_of(CASES, 2))
def test_a_retriever_fits_and_scores_at_the_ends_of_its_parameters(
    name: str, parameter: str, value: float, capfd: pytest.CaptureFixture[str]
) -> None:
    log, catalogue = small_log()
    check_works(create("retriever", name, {**QUICK.get(name, {}), parameter: value}), log, catalogue)
    assert capfd.readouterr() == ("", "")  # no words of a library


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "parameter", "value"), share_of(CASES, 2, first=1))
def test_a_retriever_of_a_log_of_one_event_works_at_the_ends_of_its_parameters(
    name: str, parameter: str, value: float, capfd: pytest.CaptureFixture[str]
) -> None:
    log, catalogue = small_log()
    single = log.select(np.arange(len(log)) == 0)
    check_works(create("retriever", name, {**QUICK.get(name, {}), parameter: value}), single, catalogue)
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "parameter", "value"), cases("ranker"))
@pytest.mark.parametrize("size", [200, 1])
def test_a_ranker_works_at_the_ends_of_its_parameters(
    name: str, parameter: str, value: float, size: int, capfd: pytest.CaptureFixture[str]
) -> None:
    kind = declared(register.find("ranker", name).load())[parameter].kind
    given: Any = {"view": value, "purchase": 1.0} if get_origin(kind) is Mapping else value
    given = (value,) if get_origin(kind) is Sequence else given
    ranker = create("ranker", name, {**QUICK[name], parameter: given})
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(size, len(COLUMNS))).astype(np.float32)
    features = np.column_stack([numbers, rng.integers(0, 99, size).astype(np.float32)])
    label = np.column_stack([numbers[:, -1] > 0] * (len(ranker.tasks) or 1))
    pairs = labelled(features, label)
    columns = [*COLUMNS, Column("a cross", "crosses", "bucket")]
    ranker.fit(pairs, pairs.select(pairs.group == 0), columns, rng=rng)
    assert np.isfinite(ranker.score(features, pairs.base)).all()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", register.names("ranker"))
def test_weights_of_tasks_that_are_all_zero_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}.*: every weight of tasks is 0"):
        create("ranker", name, {"tasks": {"view": 0.0, "purchase": 0}})


def check_works(model: Any, log: Interactions, catalogue: Catalogue) -> None:
    """Fit, score, explain and list similar items, for histories with and without events."""
    try:
        model.fit(log, catalogue, rng=np.random.default_rng(0))
    except UnsupportedError as error:
        assert "raise l2" in str(error)
        return
    histories = Queries.joined([Queries.of([[], [0, 1], [89]]), log.queries(np.arange(1, dtype=np.int32))])
    scores = model.score(histories)
    assert scores.shape == (4, len(catalogue))
    assert not np.isnan(scores).any()
    assert not (scores == np.inf).any()
    items = np.array([0, 1, 89, 2], dtype=np.int32)
    if isinstance(model, Explains):
        assert np.isfinite(model.explain(histories, items)).all()
    if isinstance(model, SimilarItems):
        assert model.similar(items, 5).items.shape == (4, 5)
    if isinstance(model, ComesNext):
        assert model.following(items, 5).items.shape == (4, 5)


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_every_number_of_a_component_has_a_largest_value(kind: register.Kind, name: str) -> None:
    check_finite(register.find(kind, name).load())


def test_every_number_of_a_configuration_has_a_largest_value() -> None:
    check_finite(Config)


def check_finite(cls: type) -> None:
    for one in declared(cls).values():
        if numeric(one) is None or one.name in ENDLESS:
            continue
        limits = [limit for limit in (one.bounds.high, one.bounds.below) if limit is not None]
        assert limits, one.name
        assert all(map(math.isfinite, limits)), one.name


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_a_device_is_checked_when_a_component_is_made(kind: register.Kind, name: str) -> None:
    if "device" not in declared(register.find(kind, name).load()):
        return
    for device in ("", "nope", "meta"):
        with pytest.raises(ConfigError, match=f"{name}: device is {device!r}"):
            create(kind, name, {"device": device})


@pytest.mark.parametrize(
    "part",
    [
        {"retrievers": {"trending": {}, "transformer": {"device": ABSENT}}},
        {"ranker": {"name": "mlp", "device": ABSENT}},
        {"rerank": {"name": "pair", "device": ABSENT}},
    ],
)
def test_a_device_that_is_not_there_is_refused_before_the_first_fit(part: dict[str, Any]) -> None:
    log, catalogue = small_log()
    model = TwoStage(parse_config(part))
    with pytest.raises(ConfigError, match=f"device is '{ABSENT}' and this machine has no such device"):
        model.fit(log, catalogue, rng=Untouched())  # type: ignore[arg-type]


class Untouched:
    """Randomness that a fit which ends at once never asks for."""
