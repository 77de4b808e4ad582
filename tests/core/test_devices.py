from contextlib import nullcontext

import pytest
import torch

from tacit.core import devices
from tacit.core.devices import (
    can_compile,
    check_device,
    check_device_name,
    chosen_device,
    has_device,
    own_randomness,
)
from tacit.core.errors import ConfigError

ABSENT = f"cuda:{torch.cuda.device_count()}"
"""A GPU that this machine does not have."""


@pytest.mark.parametrize("name", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:15"])
def test_names_of_devices(name: str) -> None:
    check_device_name(name, "mlp")


@pytest.mark.parametrize(
    "name", ["", "nope", "meta", "CPU", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "cuda:0\n"]
)
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"mlp: device is .*; it must be auto, cpu, cuda"):
        check_device_name(name, "mlp")


def test_the_processor_is_always_there() -> None:
    assert chosen_device("cpu") == "cpu"
    assert torch.zeros(1, device=chosen_device("auto")).device.type in ("cpu", "cuda")


def test_a_device_that_is_not_there_is_refused() -> None:
    assert not has_device(ABSENT)
    for checks in (check_device, chosen_device):
        with pytest.raises(ConfigError, match=f"device is '{ABSENT}' and this machine has no such device"):
            checks(ABSENT)


def test_the_random_state_of_the_caller_stays() -> None:
    before = torch.get_rng_state()
    with own_randomness():
        torch.manual_seed(3)
        torch.rand(5)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("device", "touched"), [("cpu", []), ("cuda:1", [torch.device("cuda:1")])])
def test_no_other_gpu_is_touched(
    device: str, touched: list[torch.device], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: asked.append(devices) or nullcontext())
    with own_randomness(device):
        pass
    assert asked == [touched]


def test_networks_are_compiled_where_that_can_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda name: object())
    monkeypatch.setattr(devices.shutil, "which", lambda name: "/bin/cc" if name == "cc" else None)
    assert can_compile("cuda")
    assert not can_compile("cpu")
    monkeypatch.setattr(devices.shutil, "which", lambda name: None)
    assert not can_compile("cuda")


@pytest.mark.parametrize(
    ("platform", "driver", "amd", "may"),
    [
        ("linux", False, False, False),
        ("linux", True, False, True),
        ("linux", False, True, True),
        ("darwin", True, True, False),
        ("win32", False, False, True),
    ],
)
def test_without_a_driver_there_is_no_gpu_and_pytorch_is_not_asked(
    platform: str, driver: bool, amd: bool, may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> None:
        if not driver:
            raise OSError(name)

    monkeypatch.setattr(devices.sys, "platform", platform)
    monkeypatch.setattr(devices.ctypes, "CDLL", load)
    monkeypatch.setattr(devices.Path, "exists", lambda path: amd)
    assert devices._may_have_gpu.__wrapped__() == may
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: may)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert has_device("cuda:1") == may
