"""Components in a snapshot: by their names in the register, and never by a module that a file names."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tacit.core.entry import OURS, Entry, Kind
from tacit.core.errors import ArtifactError, ConfigError, TacitError
from tacit.core.parameters import shown
from tacit.core.types import Array, Json
from tacit.pipeline import register


def named_spec(kind: Kind, component: Any) -> dict[str, Json]:
    """Return what a snapshot says of a component: its entry in the register, where that is from, its spec."""
    entry = register.registered(kind, component)
    spec = component.spec()
    fault = "" if isinstance(spec, Mapping) else f"it is a {type(spec).__name__}"
    try:
        json.dumps(spec, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        fault = fault or str(error)
    if fault:
        raise ConfigError(
            f"{_whose(entry)} has a spec that is no JSON object ({fault}); return numbers, texts, lists and "
            "mappings of them"
        )
    return {"entry": entry.name, "distribution": entry.distribution, "spec": spec}


def named_arrays(kind: Kind, component: Any) -> Mapping[str, Array]:
    """Return what a component has learned, as a snapshot can hold it.

    Raises
    ------
    ConfigError
        If it is no mapping of names to arrays of numbers.
    """
    arrays = component.arrays()
    if not isinstance(arrays, Mapping):
        fault = f"it is a {type(arrays).__name__}"
    else:
        fault = next((f for name, array in arrays.items() if (f := _array_fault(name, array))), "")
    if fault:
        raise ConfigError(
            f"{_whose(register.registered(kind, component))} has arrays that a snapshot cannot hold "
            f"({fault}); return NumPy arrays of numbers by name"
        )
    return arrays  # type: ignore[no-any-return]


def restored(kind: Kind, kept: Mapping[str, Any], *learned: Any) -> Any:
    """Return the fitted component of what a snapshot says of it, its arrays and what else it needs.

    Raises
    ------
    ConfigError
        If there is no such component, or it comes from another package than that of the snapshot.
    ArtifactError
        If a component of another package cannot be restored.
    """
    own = registered_class(kind, kept)
    entry = register.find(kind, kept["entry"])
    if entry.distribution == OURS:
        return own.restore(kept["spec"], *learned)
    try:
        found = own.restore(kept["spec"], *learned)
    except TacitError:
        raise
    except Exception as error:
        raise ArtifactError(
            f"{_whose(entry)} cannot be restored from the snapshot ({type(error).__name__}: {error}); "
            "install the version of the package that wrote it, or fit again"
        ) from error
    if not hasattr(found, "score"):
        raise ArtifactError(
            f"{_whose(entry)} was restored as a {type(found).__name__}; its restore must return a "
            f"fitted {kind}"
        )
    return found


def _whose(entry: Entry) -> str:
    return f"the {entry.kind} {entry.name!r} of {entry.distribution}"


def _array_fault(name: object, array: object) -> str:
    if not isinstance(name, str):
        return f"the name {shown(name)} is no text"
    if not isinstance(array, np.ndarray):
        return f"{shown(name)} is a {type(array).__name__}"
    return "" if array.dtype.kind in "biuf" else f"{shown(name)} has the type {array.dtype}"


def registered_class(kind: Kind, kept: Mapping[str, Any]) -> Any:
    """Return the class of a component that a snapshot names; only what is registered is ever imported.

    Raises
    ------
    ConfigError
        If there is no such component, or it comes from another package than that of the snapshot.
    """
    check_origin(kind, kept)
    return register.find(kind, kept["entry"]).load()


def check_origins(pipeline: Mapping[str, Any]) -> None:
    """Refuse the spec of a pipeline that holds a component of another package than the installed one.

    Nothing is imported meanwhile.

    Raises
    ------
    ConfigError
    """
    for kept in pipeline["retrievers"]:
        check_origin("retriever", kept)
    if pipeline["second"]["ranker"] is not None:
        check_origin("ranker", pipeline["second"]["ranker"])


def check_origin(kind: Kind, kept: Mapping[str, Any]) -> None:
    """Refuse a component that is not registered, or by another package than that of the snapshot.

    Raises
    ------
    ConfigError
    """
    if not register.is_known(kind, kept["entry"]):
        raise ConfigError(
            f"the {kind} {kept['entry']!r} of the snapshot is of the package {kept['distribution']}, which "
            "is not installed or has no such component any more"
        )
    entry = register.find(kind, kept["entry"])
    if entry.distribution != kept["distribution"]:
        raise ConfigError(
            f"the {kind} {kept['entry']!r} of the snapshot is of the package {kept['distribution']}, but the "
            f"installed one is of {entry.distribution}; install the first"
        )
