"""The demo's report in a real browser: its policy lets its own style in, and nothing is refused or runs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from matplotlib.image import imread

from tacit.data.assess import assess
from tacit.data.clean import clean
from tacit.reading.read import read_events
from tacit.reporting.demo import demo_page
from tacit.reporting.lists import Pick, Shown

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTH, HEIGHT = 900, 700
EVIL = "<img src=x onerror=\"document.title='broken into'\"><script>document.title='broken into'</script>"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install the package chromium")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    log = folder / "log.csv"
    rows = [f"u{n % 7},i{n % 11},{'view' if n % 3 else 'buy'},{1_700_000_000 + 5_000 * n}" for n in range(90)]
    log.write_text("\n".join(["user_id,item_id,event,timestamp", *rows]) + "\n")
    quality = assess(clean(read_events(log), now=1.8e9))
    lists = [Shown("露营灯", [Pick(EVIL, 9.5, EVIL, [EVIL])], note=EVIL)]
    place = folder / "report.html"
    place.write_text(demo_page(quality, {"models": []}, {"epochs": []}, lists, [Pick("Tent")]), "utf-8")
    return place


def chromium(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page in a browser with a profile of its own, without a window and without the network."""
    assert CHROMIUM is not None
    quiet = ["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr"]
    if os.geteuid() == 0:
        quiet.append("--no-sandbox")  # the sandbox does not start as root
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [CHROMIUM, *quiet, profile, f"--window-size={WIDTH},{HEIGHT}", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_nothing_of_the_page_is_refused_and_nothing_runs(page: Path) -> None:
    shown = chromium(page, "--dump-dom")
    assert "<title>From a log to lists · Tacit</title>" in shown.stdout
    assert "Content Security Policy" not in shown.stderr
    assert "Refused" not in shown.stderr


def test_the_page_looks_as_it_should(page: Path) -> None:
    picture = page.parent / "shot.png"
    chromium(page, f"--screenshot={picture}")
    pixels = imread(picture)[..., :3]
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert pixels[2].mean() < 0.5  # the dark band at the top: the style sheet was let in
    assert pixels[-2].mean() > 0.85
