import pytest
import torch

from tacit.core.devices import check_device, check_device_name, chosen_device, has_device
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
