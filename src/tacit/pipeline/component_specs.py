"""Components in a snapshot: by their names in the register, and never by a module that a file names."""

from collections.abc import Mapping
from typing import Any

from tacit.core.entry import Kind
from tacit.core.errors import ConfigError
from tacit.core.types import Json
from tacit.pipeline import register


def named_spec(kind: Kind, component: Any) -> dict[str, Json]:
    """Return what a snapshot says of a component: its entry in the register, where that is from, its spec."""
    entry = register.registered(kind, component)
    return {"entry": entry.name, "distribution": entry.distribution, "spec": component.spec()}


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
