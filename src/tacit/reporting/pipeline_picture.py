"""A configuration as a picture of its pipeline in text, drawn from the components themselves."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from tacit.core.entry import Kind
from tacit.core.parameters import declared, values_of
from tacit.features.families import FAMILIES
from tacit.pipeline import register
from tacit.pipeline.config import Config, families_of
from tacit.pipeline.text_encoder import NO_ENCODER

_WIDTH = 104
"""Characters of a line, at most."""

_ARROW = "        │\n        ▼"
_COLUMNS_OF = {"text": "the texts", "collaborative": "vectors learned from the log"}


def pipeline_picture(config: Config) -> str:
    """Return the pipeline of a configuration, from the history of a user to the list, in text.

    Parameters
    ----------
    config : Config
        Components that are not registered are drawn by their class.
    """
    return f"\n{_ARROW}\n".join(_stages(config))


def pipeline_markdown(config: Config) -> str:
    """Return the picture as a block of Markdown."""
    return f"```text\n{pipeline_picture(config)}\n```\n"


def _stages(config: Config) -> list[str]:
    stages = [_source(config), _retrievers(config), _union(config)]
    if config.ranker is not None:
        stages += [_features(families_of(config.ranker)), _ranker(config)]
    if config.rerank is not None:
        stages.append(_reranker(config))
    return [*stages, "the best k, each with its reasons"]


def _source(config: Config) -> str:
    lines = ["the history of a user: items, event types, times; what is known of the user and of the moment"]
    if config.encoder != NO_ENCODER:
        lines.append(f"the catalogue: attributes, and texts as vectors of the encoder {config.encoder}")
    return "\n".join(lines)


def _retrievers(config: Config) -> str:
    drawn = [(_written(one), register.summary_of("retriever", one)) for one in config.retrievers]
    count = "1 retriever" if len(drawn) == 1 else f"{len(drawn)} retrievers"
    return "\n".join([f"{count}, each up to {config.candidates} candidates", *_table(drawn)])


def _union(config: Config) -> str:
    text = (
        "the union of the candidates, with the score of each retriever for each; a weighted blend of the "
        f"scores, learned on {config.windows} fold{'s' if config.windows > 1 else ''} at the end of the log"
    )
    return _wrapped(text)


def _features(families: Sequence[str]) -> str:
    drawn = []
    for needs in (None, *_COLUMNS_OF):
        names = [name for name in families if FAMILIES[name].needs == needs]
        if names:
            drawn.append((_COLUMNS_OF.get(needs or "", "the log"), ", ".join(names)))
    return "\n".join(["features of each history and candidate, in families", *_table(drawn)])


def _ranker(config: Config) -> str:
    summary = register.summary_of("ranker", config.ranker)
    weight = "its weight beside the blend is chosen on lists that it has not learned from"
    return _wrapped(f"ranker {_written(config.ranker)}: {summary}; {weight}")


def _reranker(config: Config) -> str:
    summary = register.summary_of("reranker", config.rerank)
    return _wrapped(f"re-ranker {_written(config.rerank)}: {summary}")


def _written(component: Any) -> str:
    """Return the name of a component, with the parameters that are not those of its name in the register."""
    own = declared(type(component))
    entry = register.entry_of(_kind(component), component)
    usual = {name: one.default for name, one in own.items()}
    if entry is not None and component.name in entry.variants:
        usual |= entry.variants[component.name].parameters
    changed = [
        f"{name}={value!r}"
        for name, value in values_of(component).items()
        if name != "name" and value != usual[name]
    ]
    model = "" if entry is None or component.name in (entry.name, *entry.variants) else f"{entry.name}: "
    inside = f"{model}{', '.join(changed)}".removesuffix(": ")
    return f"{component.name} ({inside})" if inside else str(component.name)


def _kind(component: object) -> Kind:
    kinds: tuple[Kind, ...] = ("retriever", "ranker", "reranker")
    return next((kind for kind in kinds if register.entry_of(kind, component) is not None), "retriever")


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return two columns of text behind a line that joins them; the second is wrapped."""
    cells = list(rows)
    width = max(len(left) for left, _ in cells)
    lines = []
    for place, (left, right) in enumerate(cells):
        last = place == len(cells) - 1
        first, *others = textwrap.wrap(right, _WIDTH - width - 8, break_on_hyphens=False)
        lines.append(f"  {'└' if last else '├'}─ {left:<{width}}  {first}")
        lines += [f"  {' ' if last else '│'}  {'':<{width}}  {line}" for line in others]
    return lines


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _WIDTH, break_on_hyphens=False))
