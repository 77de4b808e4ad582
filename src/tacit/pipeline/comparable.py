"""What an evaluation may compare: each retriever of the register alone, the blend, the whole pipeline."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tacit.core.entry import Need
from tacit.core.errors import ConfigError
from tacit.core.parameters import build, values_of
from tacit.data.splits import Protocol
from tacit.models.protocol import Recommender
from tacit.pipeline import register
from tacit.pipeline.config import Config, families_of, with_ranker
from tacit.pipeline.firststage import FirstStage
from tacit.pipeline.twostage import TwoStage
from tacit.rankers.ranker import Ranker

Maker = Callable[[], Recommender | TwoStage]

WHOLE = ("blend", "tacit")
"""The two-stage models; all others are one idea each, with its defaults: what these two have to beat."""


def models(
    config: Config | None = None, names: Sequence[str] | None = None, *, protocol: Protocol | None = None
) -> Mapping[str, Maker]:
    """Return what makes each model, by name.

    Parameters
    ----------
    config : Config, optional
        Of the two-stage models: ``tacit`` is the whole of it, ``blend`` the same without its ranker. Where
        it lets items repeat, there is the model of that too.
    names : sequence of str, optional
        Which models, those of other packages, variants, and names that only the configuration has included;
        all of Tacit's by default.
    protocol : {"time", "leave-one-out", "random"}, optional
        The kind of cut that two-stage models learn from; by default the most honest one of the log.
    """
    whole = config or Config()
    two_stage: dict[str, Maker] = {
        "blend": lambda: TwoStage(replace(whole, ranker=None), protocol=protocol, name="blend"),
        "tacit": lambda: TwoStage(whole, protocol=protocol),
    }
    chosen = [*single_models(whole.repeats), *two_stage] if names is None else names
    own = {one.name: one for one in whole.retrievers}
    makers: dict[str, Maker] = {}
    for name in chosen:
        if name in own and not register.is_known("retriever", name):
            makers[name] = partial(copy.copy, own[name])  # a name that only the configuration knows
        else:
            makers[name] = two_stage.get(name) or partial(register.create, "retriever", name)
    return makers


def single_models(repeats: bool = False) -> list[str]:
    """Return the names of Tacit's models that are one idea each.

    A model that needs rules is not among them, and one that needs repeats only where items may repeat.
    """
    names = []
    for entry in register.ENTRIES:
        if entry.kind != "retriever" or "rules" in entry.needs or ("repeats" in entry.needs and not repeats):
            continue
        names += [entry.name, *(name for name, variant in entry.variants.items() if variant.compared)]
    return names


def slow_models() -> list[str]:
    """Return the names of the models that are fitted only where they are named."""
    return [name for name in single_models() if register.find("retriever", name).slow]


def models_that_need(need: Need) -> list[str]:
    """Return the names of the models that say nothing without something."""
    return [name for name in single_models() if need in register.find("retriever", name).needs]


def ranked(
    config: Config, first: FirstStage, names: Sequence[str], *, protocol: Protocol | None = None
) -> Mapping[str, Maker]:
    """Return what makes ``tacit-NAME``: the same first stage under each of some rankers, "none" included.

    A ranker that the configuration has parameters for keeps them. ``pair`` is the re-ranker on the blend.
    """

    def whole(name: str) -> TwoStage:
        return TwoStage(with_ranker(config, name), protocol=protocol, first=first, name=f"tacit-{name}")

    return {f"tacit-{name}": partial(whole, name) for name in names}


def ablated(config: Config, first: FirstStage, *, protocol: Protocol | None = None) -> Mapping[str, Maker]:
    """Return what makes ``tacit-without-FAMILY``: the configured ranker without each family of features."""
    if config.ranker is None:
        raise ConfigError("the configuration has no ranker whose features could be left out")
    ranker, families = config.ranker, families_of(config.ranker)

    def without(family: str) -> TwoStage:
        left = replace(config, ranker=_with_families(ranker, [name for name in families if name != family]))
        return TwoStage(left, protocol=protocol, first=first, name=f"tacit-without-{family}")

    return {f"tacit-without-{family}": partial(without, family) for family in families}


def _with_families(ranker: Ranker, families: Sequence[str]) -> Ranker:
    """Return the same unfitted ranker with other families of features."""
    values = {name: value for name, value in values_of(ranker).items() if name != "name"}
    if "families" not in values:
        raise ConfigError(f"the ranker {ranker.name!r} takes no parameter families: nothing can be left out")
    return build(type(ranker), {**values, "families": families}, "the ranker", name=ranker.name)
