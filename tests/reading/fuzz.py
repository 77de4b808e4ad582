"""Read many random layouts and count what became of them: ``python -m tests.reading.fuzz --count 10000``.

It prints a table by feature, with seeds to try again, and ends with 1 where a layout was read wrongly or more
than a tenth were refused.
"""

import argparse
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from tests.reading.layout_oracle import Verdict, verdict_of
from tests.reading.layouts import random_layout

MOST_REFUSED = 0.10
"""Share of the layouts that may be refused."""

SHOWN = 6
"""Seeds shown of one kind."""

Found = tuple[int, tuple[str, ...], Verdict]


def main() -> int:
    """Run the fuzzer and return its exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1000, help="layouts to read")
    options.add_argument("--start", type=int, default=0, help="first seed")
    options.add_argument("--processes", type=int, default=1)
    options.add_argument("--all", action="store_true", help="print every layout that was not read right")
    options.add_argument(
        "--mapped", action="store_true", help="say which columns are user, item, event, time"
    )
    chosen = options.parse_args()
    seeds = range(chosen.start, chosen.start + chosen.count)
    found = list(read_all(seeds, chosen.processes, mapped=chosen.mapped))
    _print_table(found, every=chosen.all)
    refused, wrong = ([one for one in found if one[2].kind == kind] for kind in ("refused", "wrong"))
    return int(bool(wrong) or len(refused) > MOST_REFUSED * len(found))


def read_all(seeds: range, processes: int = 1, *, mapped: bool = False) -> Iterator[Found]:
    """Yield what became of the layouts of some seeds."""
    with tempfile.TemporaryDirectory() as folder:
        if processes == 1:
            yield from (_read(seed, folder, mapped) for seed in seeds)
            return
        with ProcessPoolExecutor(processes) as pool:
            folders = [str(folder)] * len(seeds)
            yield from pool.map(_read_apart, seeds, folders, repeat(mapped), chunksize=20)


def _read_apart(seed: int, folder: str, mapped: bool) -> Found:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        return _read(seed, own, mapped)


def _read(seed: int, folder: str, mapped: bool) -> Found:
    layout = random_layout(seed)
    return seed, layout.features, verdict_of(layout, Path(folder), mapped=mapped)


def _kind_of(why: str) -> str:
    """Return the start of a reason without the numbers and names of one file."""
    plain = re.sub(r"\S*/\S+", "FILE", why.split(";")[0])
    return re.sub(r"\d+", "N", re.sub(r"[\[(].*", "", plain))[:90]


def _print_table(found: list[Found], *, every: bool) -> None:
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    reasons: dict[str, list[int]] = defaultdict(list)
    for seed, features, verdict in found:
        for feature in ("all layouts", *features):
            counts[feature][verdict.kind].append(seed)
        if verdict.kind != "right":
            reasons[f"{verdict.kind}: {_kind_of(verdict.why)}"].append(seed)
        if every and verdict.kind != "right":
            print(f"{seed:>7} {verdict.kind}: {verdict.why}")
    print(f"{'feature':<28}{'all':>7}{'right':>7}{'refused':>9}{'wrong':>7}   seeds of wrong, refused ones")
    for feature, kinds in sorted(
        counts.items(), key=lambda one: (one[0] != "all layouts", -len(one[1]["wrong"]))
    ):
        sizes = {kind: len(kinds[kind]) for kind in ("right", "refused", "wrong")}
        seeds = (kinds["wrong"] + kinds["refused"])[:SHOWN]
        print(
            f"{feature:<28}{sum(sizes.values()):>7}{sizes['right']:>7}{sizes['refused']:>9}{sizes['wrong']:>7}"
            f"   {' '.join(map(str, seeds))}"
        )
    print("\nwhat was refused or wrong")
    for reason, seeds in sorted(reasons.items(), key=lambda one: -len(one[1])):
        print(f"{len(seeds):>6}  {reason}   {' '.join(map(str, seeds[:SHOWN]))}")


if __name__ == "__main__":
    sys.exit(main())
