"""Pages: self-contained, escaped, valid, and saying what the report says."""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import polars as pl
import pytest

from tacit.data.assess import assess
from tacit.data.clean import Cleaned
from tacit.data.quality import QualityReport
from tacit.data.source import ColumnUse
from tacit.reporting.demo import demo_page
from tacit.reporting.evaluation import evaluation_page
from tacit.reporting.lists import Pick, Shown, lists_page
from tacit.reporting.quality_page import quality_page
from tacit.reporting.training_page import training_page

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)> $x$ 中文"
VOID = {"meta", "br", "img", "link", "input", "hr", "wbr"}


class Page(HTMLParser):
    """Collects tags and attributes, and checks that tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@pytest.fixture(scope="module")
def quality() -> QualityReport:
    n = 400
    events = pl.DataFrame(
        {
            "user_id": [f"u{row % 37}" for row in range(n)],
            "item_id": [f"i{row * row % 53}" for row in range(n)],
            "event": ["view" if row % 3 else EVIL for row in range(n)],
            "timestamp": [1.7e9 + row * 9000.0 for row in range(n)],
            "value": pl.Series([None] * n, dtype=pl.Float64),
            "seq": pl.Series([None] * n, dtype=pl.Int64),
            "line": pl.int_range(2, n + 2, eager=True),
        }
    )
    quarantine = pl.DataFrame({"line": [1], "reason": [EVIL], "raw": [EVIL]})
    return assess(
        Cleaned(
            events=events,
            quarantine=quarantine,
            rows_in=n + 1,
            reasons={EVIL: 1},
            mapping={"user": EVIL, "item": "item"},
            dialect="table",
            columns=(
                ColumnUse(EVIL, "user", "content", (EVIL, "u1"), EVIL),
                ColumnUse("item", "item", "name"),
            ),
            notes=(EVIL,),
        ),
        items=pl.DataFrame({"item_id": ["i0", "i1"], "title": ["露营灯", EVIL]}),
    )


def evaluation() -> dict:
    def row(name: str, slice_: str, value: float | None) -> dict:
        metrics = {"ndcg@10": {"value": value, "low": value and value - 0.01, "high": value and value + 0.01}}
        return {
            "name": name,
            "slice": slice_,
            "metrics": metrics | {"coverage": {"value": 0.5, "low": None, "high": None}},
            "fit_seconds": 1.25,
            "ms_per_list": 0.5,
            "peak_mb": 100,
        }

    models = [row("trending", "all", 0.1), row(EVIL, "all", 0.3), row("trending", "cold item", None)]
    return {"protocol": "time", "cut": 1.7e9, "models": models}


EPOCHS = [
    {
        "epoch": epoch,
        "train_loss": 0.5 / epoch,
        "valid_loss": [0.4, 0.3, 0.35][epoch - 1],
        "train_accuracy": 0.8,
        "valid_accuracy": 0.7,
        "train_auc": 0.9,
        "valid_auc": 0.8,
    }
    for epoch in (1, 2, 3)
]
LISTS = [
    Shown(EVIL, [Pick(EVIL, 9.5, EVIL, [EVIL]), Pick("露营灯")], history=[EVIL], note=EVIL),
    Shown("nobody", [Pick("Tent")]),
]


@pytest.fixture(scope="module")
def pages(quality: QualityReport) -> dict[str, str]:
    return {
        "quality": quality_page(quality, {"view": 0.25, EVIL: 1.0}),
        "evaluation": evaluation_page(evaluation()),
        "training": training_page({"epochs": EPOCHS, "test": {"loss": 0.3}}),
        "lists": lists_page(LISTS, [Pick(EVIL)]),
        "demo": demo_page(quality, evaluation(), {"epochs": EPOCHS}, LISTS, [Pick(EVIL)]),
    }


NAMES = ["quality", "evaluation", "training", "lists", "demo"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.fault(40)
def test_nothing_runs_and_nothing_is_loaded(pages: dict[str, str], name: str) -> None:
    page = Page(pages[name])
    assert not {"script", "img", "link", "iframe", "object", "image", "form"} & set(page.tags)
    names = {attribute for attribute, _ in page.attributes}
    assert not any(attribute.startswith("on") for attribute in names)
    assert "style" not in names  # would need 'unsafe-inline'
    assert "src" not in names
    hrefs = [value for attribute, value in page.attributes if attribute in ("href", "xlink:href")]
    assert all(value is not None and value.startswith("#") for value in hrefs)
    assert "@import" not in pages[name]
    assert "url(http" not in pages[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_policy_allows_the_style_sheet_and_nothing_else(pages: dict[str, str], name: str) -> None:
    styles = re.findall(r"<style>(.*?)</style>", pages[name], flags=re.DOTALL)
    assert len(styles) == 1
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in pages[name]


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_and_links_lead_somewhere(pages: dict[str, str], name: str) -> None:
    page = Page(pages[name])
    assert len(page.ids) == len(set(page.ids))
    wanted = {
        value[1:] for attribute, value in page.attributes if attribute in ("href", "xlink:href") and value
    }
    wanted |= set(re.findall(r"url\(#([^)]+)\)", pages[name]))
    assert wanted <= set(page.ids)


@pytest.mark.parametrize("name", NAMES)
def test_charts_are_well_formed_and_named(pages: dict[str, str], name: str) -> None:
    drawn = re.findall(r"<svg[^>]*class=\"chart\".*?</svg>", pages[name], flags=re.DOTALL)
    assert len(drawn) == {"quality": 4, "evaluation": 1, "training": 3, "lists": 0, "demo": 8}[name]
    for svg in drawn:
        root = ET.fromstring(svg)
        assert root.get("aria-label")
        assert root.get("viewBox")


def test_the_quality_page_says_what_the_report_says(pages: dict[str, str], quality: QualityReport) -> None:
    page = pages["quality"]
    assert ">400</b>" in page
    assert "of 401 rows" in page
    assert quality.advice
    assert "Events by day" in page
    assert "alert(&#39;x&#39;)" in page
    assert "$x$ 中文" in page


def test_the_best_model_stands_first_and_is_marked(pages: dict[str, str]) -> None:
    table = pages["evaluation"].split("<tbody>")[1]
    assert table.index("alert") < table.index("trending")
    assert re.search(r'class="number best">0\.300<br><small>0\.290 to 0\.310', table)
    assert "NDCG@10: cold item" not in pages["evaluation"]  # nothing was measured there
    assert "cut at 2023-11-14" in pages["evaluation"]


def test_the_training_page_names_the_best_epoch(pages: dict[str, str]) -> None:
    assert "lowest validation loss was in epoch 2" in pages["training"]
    assert "0.3000" in pages["training"]


def test_no_training_is_said() -> None:
    assert "No ranker was trained" in training_page({"epochs": []})


def test_lists_stand_beside_the_popular_one(pages: dict[str, str]) -> None:
    assert pages["lists"].count("What everybody gets") == 2
    assert "9.50" in pages["lists"]
    assert "露营灯" in pages["lists"]


def test_a_page_is_the_same_twice(quality: QualityReport) -> None:
    assert quality_page(quality) == quality_page(quality)


def test_an_empty_log_has_a_page(quality: QualityReport) -> None:
    nothing = Cleaned(
        events=pl.DataFrame(
            schema={
                "user_id": pl.String,
                "item_id": pl.String,
                "event": pl.String,
                "timestamp": pl.Float64,
                "value": pl.Float64,
                "seq": pl.Int64,
                "line": pl.Int64,
            }
        ),
        quarantine=pl.DataFrame(schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String}),
        rows_in=0,
        reasons={},
        mapping={},
        dialect="table",
    )
    assert "No event was kept" in quality_page(assess(nothing))
