"""One self-contained HTML page: no script, nothing from elsewhere, light and dark, narrow and wide.

The page carries a content security policy that allows its own style sheet, by hash, and nothing else. Every
value from data is escaped by the template engine.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tacit.reporting.formats import count, day, figure, percent


@dataclass(frozen=True)
class Section:
    """One part of a page.

    Attributes
    ----------
    anchor : str
        Name of the part in links.
    title : str
    body : Markup
        Trusted HTML, made by a template.
    """

    anchor: str
    title: str
    body: Markup


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """Return a whole HTML page.

    Parameters
    ----------
    title, subtitle : str
    sections : sequence of Section
        More than one makes a table of contents.
    """
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    values = {"title": title, "subtitle": subtitle, "sections": sections, "style_hash": digest}
    weighted_scores = Markup(style)  # noqa: S704 - our own file
    return _environment().get_template("page.html").render(**values, style=weighted_scores)


def options(text: str) -> Markup:
    """Return a text as HTML in which options of the command line are code: no line breaks within them."""
    return Markup(_OPTION.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped here


_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")


def fragment(template: str, values: Mapping[str, object]) -> Markup:
    """Return a template filled with values, as trusted HTML."""
    return Markup(_environment().get_template(template).render(**values))  # noqa: S704 - escaped by the template


@cache
def _style() -> str:
    return (files("tacit.reporting") / "templates" / "style.css").read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tacit.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": count,
        "percent": percent,
        "figure": figure,
        "day": day,
        "options": options,
    }
    return environment
