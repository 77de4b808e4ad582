"""How the threads of numerical libraries wait for each other."""

import os


def wait_briefly() -> None:
    """Let OpenMP's threads (GCC's, which PyTorch brings on Linux) spin for a moment only, then sleep.

    The library reads the setting when it is loaded, so call this before `torch` is imported. By default the
    threads spin for some milliseconds: on a busy machine `tacit demo` took twice as long and twice the
    processor time, on an idle one the same (CHANGELOG.md has the figures). Settings in the caller's
    environment are kept.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
