"""Show random layouts and what becomes of them: ``python -m tests.reading.show 17 42``."""

import argparse
import tempfile
from pathlib import Path

from tests.reading.layout_oracle import verdict_of
from tests.reading.layouts import Layout, random_layout

ROWS = 4


def main() -> None:
    """Print the layouts of some seeds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("seeds", type=int, nargs="+")
    for seed in options.parse_args().seeds:
        layout = random_layout(seed)
        with tempfile.TemporaryDirectory() as folder:
            verdict = verdict_of(layout, Path(folder))
        print(f"\n{seed}: {verdict.kind} {verdict.why}\n  {layout.file}: {', '.join(layout.features)}")
        _print_columns(layout)


def _print_columns(layout: Layout) -> None:
    named = bool(layout.names)
    for place, column in enumerate(layout.columns):
        cells = " | ".join(repr(cell)[:40] for cell in column.cells[:ROWS])
        print(f"  {place + 1:>2} {column.name if named else '-':<24} {column.role:<10} {cells}")


if __name__ == "__main__":
    main()
