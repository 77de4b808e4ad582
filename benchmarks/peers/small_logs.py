"""The part of RESULTS.md on small logs, from what `origins` wrote."""

import json
from pathlib import Path
from typing import Any

HEAD = """## Small logs over ten origins

Four of the tasks above have fewer than 500 test users. Here the last ten stretches of these logs, a twentieth
of the events each, are predicted one after the other from all events before them, the earliest from half of
the log: users, targets and measure as above, the best tuned peer of the table above with its parameters, and
Tacit with its defaults. The peer was tuned on the ninth tenth of the log and chosen by the last: both are
among these stretches, which favours it. NDCG@10 is the mean over origins, each of which counts the same. The
gain is that of Tacit over the peer on the same users, with two 95 % intervals: users drawn anew, each with
all origins that they are in, and Student's t over the origins (whose training parts overlap). Made by
`python benchmarks/peers/origins.py DATA`.
"""
COLUMNS = (
    "task",
    "users",
    "a origin",
    "peer",
    "",
    "blend",
    "Tacit",
    "ratio",
    "gain [of users] [of origins]",
    "origins won",
    "commit",
)


def section(results: Path) -> str:
    """Return the table of all tasks in a folder; nothing where there is none."""
    reports = [json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))]
    if not reports:
        return ""
    return "\n".join(
        [HEAD, f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", *map(_line, reports), ""]
    )


def _line(report: dict[str, Any]) -> str:
    peer, origins, gain = report["peer"]["model"], report["origins"], report["gains"].get("tacit")
    means = {name: _mean(origins, name) for name in (peer, "tacit-blend", "tacit")}
    ratio = f"{means['tacit'] / means[peer]:.2f}" if gain else "-"
    asked = [origin["asked"] for origin in origins]
    cells = [
        report["task"],
        str(report["users"]),
        f"{min(asked)} to {max(asked)}",
        peer,
        *(f"{mean:.4f}" if mean is not None else "-" for mean in means.values()),
        ratio,
        _gain(gain) if gain else "-",
        f"{gain['won']} of {len(origins)}" if gain else "-",
        ", ".join(version.split()[-1] for version in report["tacit"]) or "-",
    ]
    return f"| {' | '.join(cells)} |"


def _mean(origins: list[dict[str, Any]], name: str) -> float | None:
    values = [origin[name] for origin in origins if name in origin]
    return sum(values) / len(values) if values else None


def _gain(gain: dict[str, Any]) -> str:
    intervals = (f"[{low:+.4f}, {high:+.4f}]" for low, high in (gain["of_users"], gain["of_origins"]))
    return f"{gain['mean']:+.4f} {' '.join(intervals)}"
