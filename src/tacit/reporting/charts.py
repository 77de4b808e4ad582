"""Charts as inline SVG: drawn by matplotlib, coloured by the page.

Text stays text, so the reader's fonts (and Chinese) are used and the chart can be searched. Inline styles
become presentation attributes: a strict content security policy allows them, and the page's style sheet can
change ink and grid in dark mode.
"""

import hashlib
import html
import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tacit.reporting.formats import shortened

PALETTE = ("#3b6fe0", "#12a594", "#e8a317", "#d9486e", "#7c5cd6", "#64748b")
INK, GRID, ACCENT = "#1f2733", "#d9dee6", PALETTE[0]
"""Colours that the style sheet changes (ink, grid) or that suit light and dark pages."""

SIZE = (4.6, 2.8)
"""Inches: about the width of a phone's screen, where text of ten points can be read; pages scale it up."""

_LABEL = 24
"""Characters of a label that fit beside a chart."""

_LABEL_INSIDE = 6
"""Characters of a label of the horizontal axis that may stand below the vertical one."""

_LABELS_BESIDE = 30
"""Characters of labels that fit beside each other below a chart."""

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tacit",  # the same chart is the same text
    "text.parse_math": False,  # a dollar in an event's name is a dollar
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Line:
    """One line of a line chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    colour: int | None = None


def lines(
    title: str,
    series: Sequence[Line],
    x_label: str,
    y_label: str,
    *,
    ticks: Sequence[tuple[float, str]] | None = None,
    fill: bool = False,
    from_zero: bool = True,
    log: bool = False,
    size: tuple[float, float] = SIZE,
) -> Markup:
    """Return a line chart.

    Parameters
    ----------
    title, x_label, y_label : str
    series : sequence of Line
    ticks : sequence of (place, label), optional
        Places on the horizontal axis to label; chosen by value where absent.
    fill : bool
        Tint the area below the first line.
    from_zero : bool
        Start the vertical axis at zero.
    log : bool
        Scale the vertical axis by the logarithm of 1 + value: rare and frequent things in one chart.
    size : inches
    """
    with mpl.rc_context(_SETTINGS):
        figure, axes = _axes(title, x_label, y_label, size)
        for place, line in enumerate(series):
            colour = PALETTE[(place if line.colour is None else line.colour) % len(PALETTE)]
            style = "--" if line.dashed else "-"
            axes.plot(line.x, line.y, style, color=colour, linewidth=2, label=shortened(line.name, _LABEL))
        if fill and series:
            axes.fill_between(series[0].x, series[0].y, color=ACCENT, alpha=0.14, linewidth=0)
        if log:
            axes.set_yscale("symlog", linthresh=1)
        if from_zero:
            axes.set_ylim(bottom=0)
        if ticks is not None:
            axes.set_xticks([place for place, _ in ticks], [label for _, label in ticks])
            if max(len(label) for _, label in ticks) > _LABEL_INSIDE:
                for label in axes.get_xticklabels():
                    label.set_horizontalalignment("left")  # the first one is clear of the vertical axis
        axes.yaxis.set_major_formatter(FuncFormatter(_short))
        if len(series) > 1:
            axes.legend(loc="best")
        return _inline(figure, title)


def columns(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    x_label: str,
    y_label: str,
    size: tuple[float, float] = SIZE,
) -> Markup:
    """Return vertical bars in the given order, one for each label."""
    with mpl.rc_context(_SETTINGS):
        figure, axes = _axes(title, x_label, y_label, size)
        axes.bar(range(len(values)), values, color=ACCENT, width=0.72)
        axes.set_xticks(range(len(labels)), labels)
        if sum(map(len, labels)) > _LABELS_BESIDE:
            axes.tick_params("x", rotation=35)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor", fontsize=9)
        axes.grid(axis="x", visible=False)
        axes.yaxis.set_major_formatter(FuncFormatter(_short))
        return _inline(figure, title)


def bars(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    x_label: str,
    *,
    intervals: Sequence[tuple[float, float] | None] | None = None,
    written: Sequence[str] | None = None,
    highlight: int | None = None,
    width: float = SIZE[0],
) -> Markup:
    """Return horizontal bars, first label on top.

    Parameters
    ----------
    title, x_label : str
    labels : sequence of str
    values : sequence of float
    intervals : sequence of (low, high) or None, optional
        Drawn as whiskers.
    written : sequence of str, optional
        Text after each bar.
    highlight : int, optional
        The bar in the second colour.
    width : inches
    """
    with mpl.rc_context(_SETTINGS):
        figure, axes = _axes(title, x_label, "", (width, 0.95 + 0.36 * len(labels)))
        colours = [PALETTE[1] if place == highlight else ACCENT for place in range(len(labels))]
        axes.barh(range(len(labels)), values, color=colours, height=0.66)
        ends = list(values)
        for place, interval in enumerate(intervals or []):
            if interval is not None:
                axes.plot(interval, (place, place), color=INK, linewidth=1.4, solid_capstyle="butt")
                ends[place] = max(values[place], interval[1])
        for place, text in enumerate(written or []):
            axes.annotate(text, (ends[place], place), (5, 0), textcoords="offset points", va="center")
        axes.set_yticks(range(len(labels)), [shortened(label, _LABEL) for label in labels])
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlim(min(0.0, *values), max(*ends, 0.0) * 1.18 or 1.0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(_short))
        return _inline(figure, title)


def _axes(title: str, x_label: str, y_label: str, size: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return figure, axes


def _short(value: float, _: object = None) -> str:
    for size, mark in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{mark}"
    return f"{value:.4g}"


def _inline(figure: Figure, title: str) -> Markup:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The reader's browser has the glyphs that matplotlib's own font lacks: text is not drawn here.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue().decode("utf-8")
    return Markup(_clean(svg, title))  # noqa: S704 - matplotlib escapes texts, the title is escaped here


def _clean(svg: str, title: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' style="([^"]*)"', _as_attributes, svg)
    svg = re.sub(r' id="(?:[a-zA-Z]\w*_\d+|matplotlib\.axis_\d+)"', "", svg)
    # Marks within a chart are reused by id: make the ids unique, because a page has several charts.
    own = hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(id="|#)([mpCh][0-9a-f_]{8,})', rf"\g<1>{own}-\g<2>", svg)
    svg = re.sub(r"\n\s*", "\n", svg)
    name = html.escape(title, quote=True)
    head = f'<svg class="chart" role="img" aria-label="{name}" '
    return re.sub(
        r'<svg (xmlns:xlink="[^"]*" )width="[^"]*" height="[^"]*" ', lambda m: head + m[1], svg, count=1
    )


def _as_attributes(match: re.Match[str]) -> str:
    pairs = [pair.partition(":") for pair in match[1].split(";") if ":" in pair]
    kept = [(name.strip(), value.strip()) for name, _, value in pairs if name.strip() != "font-family"]
    return "".join(f' {name}="{value}"' for name, value in kept)
