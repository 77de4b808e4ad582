"""Files of a snapshot: safetensors for arrays, JSON for the rest. Nothing that can run code."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from tacit.core.errors import ArtifactError
from tacit.core.types import Array


def write_arrays(file: Path, arrays: Mapping[str, Array]) -> None:
    """Write named arrays."""
    save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, file)


def read_arrays(file: Path) -> dict[str, Array]:
    """Read named arrays.

    Raises
    ------
    ArtifactError
        If the file is missing or not whole.
    """
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{file} cannot be read as arrays ({error}); fit again") from error


def read_text(file: Path) -> str:
    """Read a text.

    Raises
    ------
    ArtifactError
        If the file is missing or is not UTF-8.
    """
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{file} cannot be read as text ({error}); fit again") from error


def write_json(file: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document."""
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON document.

    Raises
    ------
    ArtifactError
        If the file is missing or is not JSON.
    """
    try:
        return json.loads(file.read_text("utf-8"))  # type: ignore[no-any-return]
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{file} cannot be read as JSON ({error}); fit again") from error
