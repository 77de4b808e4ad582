"""Event logs of random layouts are read right or refused with a sentence; none is read wrongly.

Of 10,000 others (`make fuzz-reading`) a few still are: see `tests.reading.fuzz`.
"""

import re
from pathlib import Path

import pytest
from tests.reading.fuzz import MOST_REFUSED
from tests.reading.layout_oracle import Verdict, verdict_of
from tests.reading.layouts import Layout, random_layout

COUNT, PART = 40, 20
SOURCE = Path(__file__).parents[2] / "src" / "tacit"


@pytest.fixture(scope="module")
def verdicts() -> dict[int, Verdict]:
    """What became of each layout, filled part by part."""
    return {}


@pytest.mark.parametrize("first", range(0, COUNT, PART))
def test_no_layout_is_read_wrongly(first: int, verdicts: dict[int, Verdict], tmp_path: Path) -> None:
    part = {seed: verdict_of(random_layout(seed), tmp_path) for seed in range(first, first + PART)}
    verdicts.update(part)
    wrong = [f"{seed}: {verdict.why}" for seed, verdict in part.items() if verdict.kind == "wrong"]
    assert not wrong, "\n".join(wrong)


def test_at_most_a_tenth_is_refused(verdicts: dict[int, Verdict]) -> None:
    refused = {seed: verdict.why for seed, verdict in verdicts.items() if verdict.kind == "refused"}
    assert len(refused) <= MOST_REFUSED * len(verdicts), refused


def test_half_of_the_names_stand_in_no_file_of_the_source() -> None:
    text = "\n".join(file.read_text("utf-8") for file in SOURCE.rglob("*") if file.suffix in {".py", ".toml"})
    known = set(re.findall(r"[\w.-]+", text.casefold())) | set(re.findall(r"\w+", text.casefold()))
    names = {name.casefold() for seed in range(COUNT) for name in random_layout(seed).names if name}
    new = {name for name in names if name not in known and not _stands_in(name, text)}
    assert len(new) >= len(names) / 2


def _stands_in(name: str, text: str) -> bool:
    """Return whether a name of several words stands in a text as it is."""
    return " " in name and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def test_a_layout_is_a_function_of_its_seed() -> None:
    assert random_layout(7) == random_layout(7)
    assert random_layout(7).data != random_layout(8).data


def test_layouts_are_of_many_kinds() -> None:
    layouts = [random_layout(seed) for seed in range(250)]
    features = {feature for layout in layouts for feature in layout.features}
    assert {
        "no header",
        "meaningless names",
        "pandas index",
        "json",
        "parquet",
        "unsorted",
        "refunds",
    } <= features
    assert len({feature for feature in features if feature.startswith("time ")}) >= 25
    assert len({feature for feature in features if feature.startswith("names ")}) == 18
    assert sum(map(_has_a_title, layouts)) > 0


def _has_a_title(layout: Layout) -> bool:
    return any(column.role == "title" for column in layout.columns)
