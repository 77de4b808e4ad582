"""Every example runs as it stands, and prints what it promises."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PROMISED = {
    "010_first_ten_minutes.py": ("rejected rows:", "similar in text to", "user_id"),
    "020_compare_models.py": ("popular", "blend", "ndcg@10"),
    "030_your_own_retriever.py": ("shelf", "ndcg@10"),
    "040_serve_and_send_events.py": ("'accepted': 1", "after:", "like the new item:"),
}


def test_every_example_is_run_here() -> None:
    assert sorted(PROMISED) == sorted(file.name for file in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", PROMISED)
def test_an_example_does_what_it_says(
    name: str,
    tmp_path: Path,
    text_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TACIT_CACHE", str(text_cache))
    monkeypatch.setattr(sys, "argv", [name, str(tmp_path)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    printed = capfd.readouterr().out
    for words in PROMISED[name]:
        assert words in printed
