"""The commit that figures were made at."""

import subprocess
from pathlib import Path


def commit() -> str:
    """Return the commit that is checked out here: defaults change between releases."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
