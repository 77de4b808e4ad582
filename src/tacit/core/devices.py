"""Devices that networks are trained on, by name: checks of the name, and of the machine."""

import ctypes
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tacit.core.errors import ConfigError

AUTO = "auto"
"""A GPU where there is one, else the processor."""

_NAMES = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


def check_device_name(name: str, what: str) -> None:
    """Refuse a name that is no device; ``what`` names the component. The machine is not looked at.

    Raises
    ------
    ConfigError
    """
    if not _NAMES.fullmatch(name):
        raise ConfigError(
            f"{what}: device is {name!r}; it must be auto, cpu, cuda, cuda with a number (cuda:0) or mps"
        )


def check_device(name: str) -> None:
    """Refuse a device that this machine does not have.

    Raises
    ------
    ConfigError
    """
    if not has_device(name):
        raise ConfigError(f"device is {name!r} and this machine has no such device; use auto or cpu")


def chosen_device(name: str) -> str:
    """Return the device that a name stands for; "auto" takes a GPU if there is one.

    Raises
    ------
    ConfigError
        If this machine does not have it.
    """
    check_device(name)
    if name != AUTO:
        return name
    return "cuda" if has_device("cuda") else "cpu"


def has_device(name: str) -> bool:
    """Return whether this machine has a device; a name unknown here is left to the component of that name."""
    if name in (AUTO, "cpu") or not _NAMES.fullmatch(name):
        return True
    if not (sys.platform == "darwin" if name == "mps" else _may_have_gpu()):
        return False  # without PyTorch, which takes seconds to import
    import torch

    if name == "mps":
        return torch.backends.mps.is_available()
    number = name.partition(":")[2]
    return torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count()


@cache
def _may_have_gpu() -> bool:
    """Return whether there may be a GPU that PyTorch calls "cuda"; surely none without a driver (Linux)."""
    if sys.platform != "linux":
        return sys.platform != "darwin"
    if Path("/dev/kfd").exists():  # AMD
        return True
    try:
        ctypes.CDLL("libcuda.so.1")  # as PyTorch does
    except OSError:
        return False
    return True


@contextmanager
def own_randomness(device: str = "cpu") -> Iterator[None]:
    """Leave the caller's random state of torch as it was: that of the processor and of one device.

    Other GPUs are not touched: asking them for their state would start them.
    """
    import torch

    place = torch.device(device)
    with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        yield


def can_compile(device: str) -> bool:
    """Return whether ``torch.compile`` pays and works: on a GPU, with Triton and a C compiler."""
    compilers = (os.environ.get("CC"), "cc", "gcc", "clang")
    there = any(shutil.which(name) for name in compilers if name)
    return device.startswith("cuda") and find_spec("triton") is not None and there
