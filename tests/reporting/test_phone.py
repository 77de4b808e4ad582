"""The report of a check on a phone, in a real browser: a funnel of three steps, titles in Chinese."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tacit.cli.app import run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = 390
SMALLEST_TEXT = 8.0
"""Pixels; the axes of a chart are the smallest text."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install the package chromium")

MEASURE = """<!DOCTYPE html><meta charset="utf-8"><body>
<iframe id="phone" style="width:%dpx;height:4000px;border:0"></iframe><p id="found"></p><script>
const phone = document.getElementById("phone");
phone.onload = () => {
  const page = phone.contentDocument, wide = [], small = [], cut = [];
  for (const one of page.querySelectorAll(".card, .figures, ul, table, svg.chart, p")) {
    const box = one.getBoundingClientRect();
    if (box.right > %d + 0.5) wide.push(one.tagName + "." + one.className);
  }
  for (const one of page.querySelectorAll(".scroll")) {
    if (one.scrollWidth > one.clientWidth + 1) wide.push(one.parentNode.querySelector("h3").textContent);
  }
  for (const svg of page.querySelectorAll("svg.chart")) {
    const frame = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      if (Math.min(box.height, box.width) < 5) small.push(text.textContent);
      if (parseFloat(getComputedStyle(text).fontSize) * frame.width / svg.viewBox.baseVal.width < %f)
        small.push(text.textContent);
      if (box.left < frame.left - 1 || box.right > frame.right + 1) cut.push(text.textContent);
    }
  }
  const charts = [...page.querySelectorAll("svg.chart")].map((svg) => svg.getAttribute("aria-label"));
  const lines = [...page.querySelectorAll("td:first-child")].map((cell) => cell.textContent);
  document.getElementById("found").textContent = JSON.stringify({
    scroll: page.documentElement.scrollWidth, wide, small, cut, charts, lines });
};
phone.srcdoc = %s;
</script></body>"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("phone")
    log, goods, report = folder / "log.csv", folder / "items.csv", folder / "report.html"
    steps = [("view", 1), ("cart", 3), ("purchase", 7)]
    rows = [
        f"u{n % 61},i{n * n % 43},{event},{1_700_000_000 + 7_000 * n + place}"
        for n in range(900)
        for place, (event, every) in enumerate(steps)
        if n % every == 0
    ]
    rows += [f",i1,view,{1_700_000_000 + n}" for n in range(5)]
    log.write_text("\n".join(["user_id,item_id,event,timestamp", *rows]) + "\n", "utf-8")
    titles = [f"i{n},超长续航户外露营灯防水可充电帐篷灯第{n}代升级款" for n in range(43)]
    goods.write_text("\n".join(["item_id,title", *titles]) + "\n", "utf-8")
    assert run(["check", str(log), "--items", str(goods), "--html", str(report)]) == 0
    # A window of Chromium is 500 pixels wide at least: the page is shown in a frame of a phone's width.
    script = MEASURE % (
        PHONE,
        PHONE,
        SMALLEST_TEXT,
        json.dumps(report.read_text("utf-8")).replace("</", "<\\/"),
    )
    place = folder / "frame.html"
    place.write_text(script, "utf-8")
    return json.loads(dumped(place))


def dumped(place: Path) -> str:
    """Return what the script of a page has written, read from its document."""
    assert CHROMIUM is not None
    quiet = ["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync", "--virtual-time-budget=5000"]
    if os.geteuid() == 0:
        quiet.append("--no-sandbox")  # the sandbox does not start as root
    profile = f"--user-data-dir={place.parent / 'profile'}"
    command = [CHROMIUM, *quiet, profile, "--window-size=900,1200", "--dump-dom", place.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    match = re.search(r'<p id="found">(.*?)</p>', shown.stdout, re.DOTALL)
    assert match is not None
    return match[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")


def test_nothing_is_wider_than_the_phone(found: dict) -> None:
    assert found["scroll"] <= PHONE
    assert found["wide"] == []


def test_charts_can_be_read(found: dict) -> None:
    assert "Funnel by day" in found["charts"]
    assert found["small"] == []
    assert found["cut"] == []


def test_the_steps_and_the_titles_are_there(found: dict) -> None:
    assert {"view", "cart", "purchase"} <= set(found["lines"])
    assert any("超长续航户外露营灯" in line for line in found["lines"])
