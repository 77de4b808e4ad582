"""What ``tacit evaluate`` says of a data set on disk, with the commit that it was asked at."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.commit import commit


def evaluated(data: Path, folder: str, options: Sequence[str]) -> dict[str, Any]:
    """Return the report on the log in a folder of ``data``, with catalogue and users if there are any."""
    files = [str(data / folder / "events.parquet")]
    for known in ("items", "users"):
        if (file := data / folder / f"{known}.parquet").exists():
            files += [f"--{known}", str(file)]
    made_by = commit()  # the checkout may move on while this runs
    asked = ["tacit", "evaluate", *files, *options, "--json", "-"]
    told = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {**json.loads(told), "commit": made_by}
