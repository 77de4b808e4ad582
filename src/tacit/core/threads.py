"""How threads of numerical libraries wait for each other."""

import os


def wait_briefly() -> None:
    """Let OpenMP's threads (GCC's, which PyTorch brings on Linux) spin for a moment only, then sleep.

    They are told so when the library is loaded, so this comes before `torch` is imported. By default they
    spin for some milliseconds: where other processes have the cores, a training takes twice as long and twice
    the processor time; on an idle machine a shorter wait costs nothing that can be measured (CHANGELOG.md).
    What the caller's environment says is kept.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
