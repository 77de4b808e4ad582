"""The report of the demonstration: data, training, evaluation and lists on one page."""

from collections.abc import Mapping, Sequence
from typing import Any

from tacit.data.quality import QualityReport
from tacit.reporting.evaluation import evaluation_section
from tacit.reporting.lists import Pick, Shown, lists_section
from tacit.reporting.page import page
from tacit.reporting.quality_page import quality_section
from tacit.reporting.training_page import training_section


def demo_page(
    quality: QualityReport,
    evaluation: Mapping[str, Any],
    training: Mapping[str, Any],
    lists: Sequence[Shown],
    popular: Sequence[Pick],
    *,
    strengths: Mapping[str, float] | None = None,
) -> str:
    """Return the demonstration, from the log to the lists, as one self-contained HTML page.

    Parameters
    ----------
    quality : QualityReport
    evaluation : mapping
        The object of ``tacit evaluate --json``.
    training : mapping
        Training of the ranker; see `tacit.reporting.training_page.training_section`.
    lists : sequence of Shown
    popular : sequence of Pick
        The popular list.
    strengths : mapping, optional
        Weight by event type.
    """
    sections = [
        lists_section(lists, popular),
        evaluation_section(evaluation),
        training_section(training),
        quality_section(quality, strengths),
    ]
    subtitle = (
        f"A generated shop: {quality.events:,} events of {quality.users:,} users on {quality.items:,} items"
    )
    return page("From a log to lists", subtitle, sections)
