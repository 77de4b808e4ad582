"""Tacit: from an event log and a catalogue to recommendations, with reasons.

>>> import tacit
>>> model = tacit.fit("events.csv", "items.csv")          # doctest: +SKIP
>>> model.recommend("user-7", k=5)                        # doctest: +SKIP
>>> tacit.evaluate("events.csv", "items.csv").conclusion  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from tacit.core.version import __version__ as __version__

__all__ = [
    "Config",
    "Evaluation",
    "Model",
    "Reading",
    "Recommendations",
    "Rules",
    "check",
    "evaluate",
    "finetune",
    "fit",
    "load",
    "read",
    "read_config",
    "refit",
    "tune",
]

if TYPE_CHECKING:
    from tacit.api import (
        Config,
        Evaluation,
        Model,
        Reading,
        Recommendations,
        Rules,
        check,
        evaluate,
        finetune,
        fit,
        load,
        read,
        read_config,
        refit,
        tune,
    )
else:

    def __getattr__(name: str) -> Any:
        # Only what is used is imported: `import tacit` takes milliseconds and no torch.
        if name in __all__:
            from tacit import api

            return getattr(api, name)
        raise AttributeError(f"module 'tacit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
