"""A training run on disk: one safetensors file with the numbers in its header, written aside and renamed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from tacit.core.errors import ConfigError

_RUN, _NUMBERS = "checkpoint", "numbers"


@dataclass(frozen=True)
class Saved:
    """Everything that an epoch changes.

    Attributes
    ----------
    network, best : mapping of str to Tensor
        The trained tensors, as they are now and as they were after the best epoch.
    slots : mapping of int to mapping of str to Tensor
        State of the optimiser, by number of the parameter.
    numbers : mapping of str to JSON
        Epochs, seconds, ...
    """

    network: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    slots: Mapping[int, Mapping[str, Tensor]]
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is kept.

    Attributes
    ----------
    file : Path or None
        None: nothing is kept.
    run : str
        Hash of what the run depends on; a file of another run is refused.
    """

    file: Path | None
    run: str

    def save(self, saved: Saved) -> None:
        """Write the file; it is complete at any moment."""
        if self.file is None:
            return
        slots = {f"{n}.{name}": tensor for n, one in saved.slots.items() for name, tensor in one.items()}
        parts = {"network": saved.network, "best": saved.best, "slots": slots}
        tensors = {f"{part}.{name}": t.contiguous() for part, of in parts.items() for name, t in of.items()}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        aside = self.file.with_name(self.file.name + ".part")
        save_file(tensors, aside, {_RUN: self.run, _NUMBERS: json.dumps(saved.numbers)})
        aside.replace(self.file)

    def load(self) -> Saved | None:
        """Return what was saved, None where nothing was.

        All is on the processor: networks and optimisers copy it to where theirs is, and the number of an
        optimiser's steps belongs on the processor.

        Raises
        ------
        ConfigError
            If the file is of another run.
        """
        if self.file is None or not self.file.exists():
            return None
        with safe_open(self.file, "pt", device="cpu") as file:
            header = file.metadata() or {}
            if header.get(_RUN) != self.run:
                raise ConfigError(
                    f"the checkpoint {self.file} is of another run (other parameters, data or seed); "
                    "name another file or delete it"
                )
            parts: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}, "slots": {}}
            for key in file.keys():  # noqa: SIM118
                part, _, name = key.partition(".")
                parts[part][name] = file.get_tensor(key)
        slots: dict[int, dict[str, Tensor]] = {}
        for key, tensor in parts["slots"].items():
            place, _, name = key.partition(".")
            slots.setdefault(int(place), {})[name] = tensor
        return Saved(parts["network"], parts["best"], slots, json.loads(header[_NUMBERS]))
