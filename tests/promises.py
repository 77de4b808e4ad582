"""What the service promises, the faults that it survives, and the tests of both.

A test says what it holds up: ``@pytest.mark.promise("P3")``, ``@pytest.mark.fault(22)``. The page
docs/reliability.md is made from here: ``python -m tests.promises`` writes its tables, a test keeps them true.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

PROMISES = {
    "P1": "`GET /v1/users/{id}` exports everything that is known of a user, as JSON.",
    "P2": "`PATCH /v1/users/{id}` sets some attributes and keeps the others.",
    "P3": "A deleted user is gone from the answers of every process at once.",
    "P4": "On SQLite no byte of a deleted id stays in the store, its log, free pages, the live and the kept "
    "snapshots, caches and logs; the answer names the backups.",
    "P5": "On PostgreSQL a deleted id stands nowhere in a dump.",
    "P6": "A snapshot forgets by a list that is applied when it is loaded, and then by being written again.",
    "P7": "Models in closed form forget exactly (1e-6 of the largest weight); what others keep until the "
    "next refit is said in the answer.",
    "P8": "A thousand users are deleted under load, and no request fails.",
    "P9": "A session is joined to a user at log-in.",
    "P10": "Items are deleted, and expire at the time that they are given.",
    "P11": "Events and exposures are kept for as long as is said, and no longer.",
    "P12": "A backup of a running service can be restored; a restore repeats the deletions since.",
    "P13": "A changed bit in a store or a snapshot is found when it is verified.",
    "P14": "An event joins what was shown, by the recommendation and the position.",
    "P15": "An event with a time and without an id counts once however often it is sent; without a time two "
    "clicks are two.",
    "P16": "A batch is answered event by event: 207 where some are refused.",
    "P17": "Events are in the order of min(told time, time of receipt), then of their numbers; the time of "
    "receipt never goes back, nor stays ahead of a clock that was wrong.",
    "P18": "Everything that a user ever acted on is left out of lists; models take the last acts.",
    "P19": "Ratings, dwell times and event names mean in the service what they mean in a fit.",
    "P20": "A repeated act weighs the same in the service and after a refit.",
    "P21": "A new version serves without a failed request, one version an answer, in all processes within "
    "two seconds.",
    "P22": "A damaged version is refused and the last good one serves; versions can be rolled back, the last "
    "ones are kept.",
    "P23": "A refit takes the events of the store and of the snapshot, in a process of its own.",
    "P24": "A refit is published only if it is not worse on the last stretch; decision.json says why.",
    "P25": "Between refits popularity, co-visits and neighbours follow the events.",
    "P26": "One account of a thousand events leaves the lists of the others as they were.",
    "P27": "Bursts raise an alarm; a source or a stretch of time can be left out of a refit.",
    "P28": "Readiness is true: 503 while loading, ending, or failing to write; `/livez` beside it; HEAD "
    "works.",
    "P29": "A list waits 50 ms for the store, then it goes out without the latest events and says so.",
    "P30": "A frozen PostgreSQL delays no list beyond that, nor the end of the service.",
    "P31": "A disk that is full while a snapshot is published is said, and the old version serves.",
    "P32": "Ten times the load: refusals at once, the rest in time, normal five seconds after.",
    "P33": "Metrics for Prometheus, of requests, the store, the model and the health of lists.",
    "P34": "Traces by OpenTelemetry with the stages of an answer.",
    "P35": "The access log has a line a request, without ids or secrets.",
    "P36": "Keys have roles, expire, are stored as hashes, and two live at a time.",
    "P37": "Each key has a rate; guesses of keys are slowed down.",
    "P38": "Only allowed hosts and origins are answered, and odd ones are no fault.",
    "P39": "Every route refuses everybody but those with its role.",
    "P40": "Every good answer and every refusal is as the OpenAPI document says.",
    "P41": "`GET /` leads to the documentation with examples.",
    "P42": "An acknowledged event survives the end of any process at any point, and a power cut.",
    "P43": "A full disk refuses writes, lists go on, and writing resumes by itself.",
}

FAULTS = {
    1: "kill -9 during ingest",
    2: "kill at every system call on a file",
    3: "power cut",
    4: "truncated last record of the log",
    5: "bit flip in the log",
    6: "bit flip, truncation, missing, extra or swapped file of a snapshot",
    7: "disk full while events are written",
    8: "disk full while a snapshot is written",
    9: "fsync returns an error",
    10: "slow disk",
    11: "read-only directory, no permission, no file descriptor left",
    12: "two services open one store",
    13: "a record that crashes its reader",
    14: "backup, restore and upgrade",
    15: "a client sends again after a time-out",
    16: "the same id with another body",
    17: "a batch that fails in part",
    18: "events out of order and late",
    19: "times in the future, in other units, negative, NaN",
    20: "the clock jumps",
    21: "many writers and readers in many processes",
    22: "a user is deleted while events come in",
    23: "the model is changed under load",
    24: "SIGTERM under load",
    25: "probes during start-up",
    26: "ten times the load",
    27: "slow clients",
    28: "giant bodies, many events, no announced length",
    29: "decompression bombs",
    30: "k of a billion, negative, a million excluded ids, huge texts",
    31: "a dependency is slow or down",
    32: "more memory needed than there is",
    33: "NaN, infinite and zero vectors",
    34: "no items, no users, one item, everything seen, unknown ids",
    35: "a worker hangs",
    36: "damaged CSV",
    37: "garbage as Parquet, JSON lines or arrays",
    38: "odd JSON",
    39: "formulas in exports",
    40: "scripts in titles, ids and errors",
    41: "path traversal",
    42: "malicious snapshots",
    43: "a missing or wrong key on any route",
    44: "forged origins and hosts",
    45: "a flood of events by one key, user or item",
    46: "shilling",
    47: "inference about another user",
    48: "secrets in logs, errors and snapshots",
    49: "the same seed and data twice, one and two workers, resumed training",
    50: "soak",
}

WHY_NOT: dict[int, str] = {
    46: "What one account can do is bounded, and bursts raise an alarm (45). Accounts that agree with each "
    "other and keep still look like customers: no test tells them apart. A refit without their source or "
    "time undoes them.",
}
"""Why a fault has no test, by its number."""

_ROOT = Path(__file__).parents[1]
PAGE = _ROOT / "docs" / "reliability.md"
COMMAND = ".venv/bin/python -m tests.promises"
_BEGIN, _END = "<!-- {} -->", "<!-- end of {} -->"


def marked() -> dict[str, list[str]]:
    """Return the tests of each promise ("P3") and fault ("22"), as ``file::test``."""
    found: dict[str, list[str]] = {}
    for file in sorted((_ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        for test, names in _marks(tree):
            for name in names:
                found.setdefault(name, []).append(f"{file.relative_to(_ROOT)}::{test}")
    return found


def _marks(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, [name for one in node.decorator_list for name in _named(one)]


def _named(decorator: ast.expr) -> list[str]:
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
        return []
    if decorator.func.attr not in ("promise", "fault"):
        return []
    return [str(one.value) for one in decorator.args if isinstance(one, ast.Constant)]


def tables() -> dict[str, str]:
    """Return the tables of the page, by name."""
    tests = marked()
    promises = [f"| {name} | {text} | {_cell(tests.get(name, []))} |" for name, text in PROMISES.items()]
    faults = [
        f"| {number} | {text} | {_cell(tests.get(str(number), []), WHY_NOT.get(number, ''))} |"
        for number, text in FAULTS.items()
    ]
    head = "| | {} | tests |\n| --- | --- | --- |\n"
    return {
        "promises": head.format("promise") + "\n".join(promises),
        "faults": head.format("fault") + "\n".join(faults),
    }


def _cell(tests: list[str], otherwise: str = "") -> str:
    named = dict.fromkeys(tests)  # two marks of one test may name the same
    shown = [f"`{one.removeprefix('tests/')}`" for one in named]
    return "<br>".join([*shown, otherwise] if otherwise else shown) or "none yet"


def rendered(page: str) -> str:
    """Return the page with its tables made anew."""
    for name, table in tables().items():
        begin, end = _BEGIN.format(name), _END.format(name)
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text("utf-8")), "utf-8")
