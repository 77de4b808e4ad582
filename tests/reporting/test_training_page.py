"""What the page of a training tells: every epoch, what probabilities are worth, what scores rest on."""

import re
from dataclasses import asdict

import pytest

from tacit.rankers.calibration import Bin
from tacit.rankers.importance import Importance
from tacit.rankers.ranker import Epoch
from tacit.reporting.training_page import epoch_line, gain_line, training_page

NONE = float("nan")


def epoch(number: int, valid_loss: float, test_loss: float = NONE) -> Epoch:
    rest = NONE if test_loss != test_loss else 0.6
    return Epoch(number, 0.5, valid_loss, 0.8, 0.7, 0.9, 0.8, test_loss, rest, rest)


BINS = [asdict(Bin(0.1, 0.12, 400)), asdict(Bin(0.5, 0.45, 20))]
ROWS = [
    asdict(Importance("family", "text", 0.02, 0.11)),
    asdict(Importance("column", "<cosine>", 0.0123, 0.0987)),
    *(asdict(Importance("column", f"column{n}", 0.001, 0.0)) for n in range(40)),
]


def reported(*losses: float, test: float = NONE, **more: object) -> str:
    epochs = [asdict(epoch(number, loss, test)) for number, loss in enumerate(losses)]
    return training_page({"epochs": epochs, **more})


def cells(page: str) -> list[list[str]]:
    table = page.split("All epochs")[1].split("</table>")[0]
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in table.split("<tr>")[1:]]


def test_every_epoch_stands_in_a_table() -> None:
    head, first, second = cells(reported(0.4, 0.3, test=0.35))
    assert head[:4] == ["epoch", "training loss", "validation loss", "test loss"]
    assert first == [
        "0",
        "0.5000",
        "0.4000",
        "0.3500",
        "0.8000",
        "0.7000",
        "0.6000",
        "0.9000",
        "0.8000",
        "0.6000",
    ]
    assert second[2] == "0.3000"


def test_what_was_not_measured_has_no_column() -> None:
    assert not any("test" in name for name in cells(reported(0.4, 0.3))[0])
    unwatched = cells(reported(NONE, NONE))[0]
    assert unwatched[:2] == ["epoch", "training loss"]
    assert not any("validation loss" in name for name in unwatched)


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ((0.4, 0.3, 0.35), "2 epochs; the lowest validation loss was in epoch 1"),
        ((0.4, 0.5), "none had a lower validation loss than the blend alone"),
        ((), "No ranker was trained"),
    ],
)
def test_the_page_says_what_was_kept(losses: tuple[float, ...], words: str) -> None:
    assert words in reported(*losses)


def test_probabilities_and_importance_are_shown() -> None:
    page = reported(0.4, 0.3, reliability=BINS, importance=ROWS)
    assert page.count('class="chart"') == 4
    assert 'aria-label="Reliability"' in page
    assert '<td>text</td><td class="number">0.02000</td><td class="number">0.1100</td>' in page
    assert "&lt;cosine&gt;" in page
    assert "column20" in page
    assert "column39" not in page  # the greatest thirty
    assert "Reliability" not in reported(0.4, 0.3)
    assert "Families" not in reported(0.4, 0.3)


def test_an_epoch_is_one_line() -> None:
    assert epoch_line(epoch(3, 0.6)) == (
        "epoch   3  train / validation: loss 0.5000 / 0.6000  accuracy 0.8000 / 0.7000  auc 0.9000 / 0.8000"
    )
    assert "train / validation / test: loss 0.5000 / 0.6000 / 0.7000" in epoch_line(epoch(3, 0.6, 0.7))


def test_the_gain_of_the_ranker_is_reported() -> None:
    gain = {"before": 0.2, "after": 0.25, "low": 0.01, "high": 0.09}
    assert "0.2000 before it, 0.2500 after it" in reported(0.4, 0.3, gain=gain)
    assert gain_line(gain).endswith(
        "0.2000 before, 0.2500 after (95 % interval of the difference +0.0100 to +0.0900)"
    )
