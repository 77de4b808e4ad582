"""Tacit beside other open libraries: ``python benchmarks/peers DATA [TASK ...]`` (or ``make compare``).

For every task: cuts as Parquet (`prepare`), every library's models tuned with one budget in its own
environment (`search`), Tacit's models by the same steps (`tacit_models`), one measure for all lists
(`judge`), and the tables (`table`). What is there is not made again: to redo a model, delete its JSON in
``build/peers/runs/TASK``. Where only its rows in ``benchmarks/results/TASK.json`` are left, a peer is fitted
again with the parameters that they tell of; without them it is tuned again.
"""

import sys
from pathlib import Path

from environments import BUILD, ENVIRONMENTS, HERE, RESULTS, python_of, run_script
from judge import judge
from prepare import TASKS, Cuts, write
from table import tables


def main(data: Path, names: list[str]) -> None:
    for script in ENVIRONMENTS:
        python_of(script)
    for name in names or TASKS:
        task, runs = BUILD / "tasks" / name, BUILD / "runs" / name
        write(Cuts(TASKS[name], data), task)
        results = RESULTS / f"{name}.json"
        for script in ENVIRONMENTS:
            run_script(script, task, runs, results)
        run_script("tacit_models", task, runs, data)
        judge(task, runs, results)
    tables(RESULTS, HERE.parent / "RESULTS.md")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
