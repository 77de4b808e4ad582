"""Each task's best tuned peer once more: ``python benchmarks/peers/best.py DATA [TASK ...]``.

The peer is fitted with the parameters that its row has, not searched again. Its lists serve the differences
of Tacit's rows, and the metrics that its row lacks are added to it; else the row stays as it is (`judge`).
"""

import json
import sys
from pathlib import Path

from environments import BUILD, RESULTS, run_script
from judge import best_peer, judge
from prepare import TASKS, Cuts, write


def main(data: Path, names: list[str]) -> None:
    for name in names or TASKS:
        task, runs, results = BUILD / "tasks" / name, BUILD / "runs" / name, RESULTS / f"{name}.json"
        peer = best_peer(json.loads(results.read_text("utf-8"))["rows"])
        if peer is not None:
            write(Cuts(TASKS[name], data), task)
            run_script(f"{peer['library']}_models", task, runs, results, [peer["model"]])
            judge(task, runs, results)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
