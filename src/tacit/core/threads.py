"""How threads of numerical libraries wait for each other."""

import os


def wait_briefly() -> None:
    """Let OpenMP's threads (GCC's, which PyTorch brings on Linux) spin for a moment only, then sleep.

    They are told so when the library is loaded, so this comes before `torch` is imported. By default they
    spin for some milliseconds: where other processes have the cores, `tacit demo` took twice as long and
    twice the processor time, and on an idle machine the same (CHANGELOG.md has the figures). What the
    caller's environment says is kept.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
