"""What `tacit.evaluate` returns: models beside each other, as a frame, a sentence or a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from tacit.core.errors import DataError
from tacit.evaluation.leaderboard import MAIN
from tacit.reporting.notebook import html_table


@dataclass(frozen=True)
class Evaluation:
    """Comparison of models.

    Attributes
    ----------
    report : dict
        The JSON of the command; see `tacit.evaluation.leaderboard.leaderboard`.
    """

    report: dict[str, Any]

    @property
    def conclusion(self) -> str:
        """One sentence: which model is best, and whether it beats the best simple one beyond noise."""
        return str(self.report["conclusion"])

    @property
    def choice(self) -> str:
        """Name of the cheapest model that no more expensive one beats beyond noise."""
        return str(self.report["choice"]["name"])

    def table(self, users: str = "all") -> pl.DataFrame:
        """Return a row a model, the best first.

        Columns are the metrics, the 95 % interval of NDCG@10 (``low``, ``high``), the difference to the
        baseline with its own (``difference``, ``difference_low``, ``difference_high``; null for the baseline
        itself), and the costs of the model. Over several cuts in time, values are means of the stretches, and
        the prediction interval of the next one is ``next_low`` to ``next_high``.

        Parameters
        ----------
        users : str
            Which: "all", or another slice of the report ("new-user", "cold-item", ...).

        Raises
        ------
        DataError
            If the report has no such slice.
        """
        rows = [row for row in self.report["models"] if row["slice"] == users]
        if not rows:
            raise DataError(f"there is no slice {users!r}; there are {', '.join(self.slices)}")
        return pl.DataFrame([_flat(row) for row in rows]).sort(MAIN, descending=True)

    @property
    def slices(self) -> list[str]:
        """Names of the parts of the users and targets that there are tables of."""
        return list(dict.fromkeys(row["slice"] for row in self.report["models"]))

    def html(self) -> str:
        """Return the report as one self-contained page with charts."""
        from tacit.reporting.evaluation import evaluation_page  # brings Matplotlib

        return evaluation_page(self.report)

    def _repr_html_(self) -> str:
        table = self.table()
        return html_table(table.columns, table.rows(), caption=self.conclusion)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    main = row["metrics"][MAIN]
    against = main.get("difference", {})
    after = main.get("prediction") or {}
    ahead = {f"next_{end}": after.get(end) for end in ("low", "high")} if "prediction" in main else {}
    return {
        "model": row["name"],
        **{name: figure["value"] for name, figure in row["metrics"].items()},
        "low": main["low"],
        "high": main["high"],
        **ahead,
        "difference": against.get("value"),
        "difference_low": against.get("low"),
        "difference_high": against.get("high"),
        **{name: row[name] for name in ("fit_seconds", "ms_per_list", "peak_mb")},
    }
