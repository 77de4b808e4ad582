"""The register: every retriever, ranker, re-ranker and encoder that a configuration can name.

Tacit's own stand in `ENTRIES`; all lists, checks and tables derive from it. Another package adds its own by
entry points of the groups ``tacit.retrievers``, ``tacit.rankers`` and ``tacit.encoders``; these are looked up
only for a name that is not Tacit's own. What a snapshot holds is found here by its name: nothing that a file
names is ever imported.
"""

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from tacit.core.entry import Entry, Kind, Variant
from tacit.core.errors import ConfigError
from tacit.core.parameters import build, space_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUPS: Mapping[Kind, str] = {
    "retriever": "tacit.retrievers",
    "ranker": "tacit.rankers",
    "encoder": "tacit.encoders",
}
"""Groups of entry points, by the kind of what they add."""

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "retriever",
        "trending",
        "tacit.models.trending:Trending",
        "how many users wanted an item lately; an event counts half after `half_life` days",
        variants={
            "trending-now": Variant("what is wanted just now (news)", {"share": 0.01}, compared=False),
            "popular": Variant("how many users ever wanted an item", {"half_life": inf}),
        },
    ),
    Entry(
        "retriever",
        "forecast",
        "tacit.models.forecast:Forecast",
        "the share of the next choices that each item will have, learned from counts by many half-lives",
    ),
    Entry(
        "retriever",
        "itemknn",
        "tacit.models.itemknn:ItemKNN",
        "items that the same users wanted, by cosine",
        variants={
            "itemknn-bm25": Variant("the same with BM25 weights", {"weighting": "bm25"}),
            "itemknn-tfidf": Variant("the same with TF-IDF weights", {"weighting": "tfidf"}),
        },
    ),
    Entry(
        "retriever",
        "userknn",
        "tacit.models.userknn:UserKNN",
        "what users with a similar history wanted lately",
        variants={"userknn-ever": Variant("the same, whenever they did", {"half_life": inf}, compared=False)},
    ),
    Entry(
        "retriever",
        "ease",
        "tacit.models.ease:EASE",
        "a linear model of every item by all others, in closed form (Steck, 2019)",
    ),
    Entry(
        "retriever",
        "slim",
        "tacit.models.slim:SLIM",
        "sparse linear weights that are never negative (Ning and Karypis, 2011)",
    ),
    Entry(
        "retriever",
        "rp3beta",
        "tacit.models.rp3beta:RP3Beta",
        "random walks of three steps, popular items held back (Paudel et al., 2017)",
    ),
    Entry(
        "retriever",
        "textprior",
        "tacit.models.textprior:TextPrior",
        "EASE pulled towards what the texts of the items say (Moon et al., 2025); without texts it is EASE",
    ),
    Entry(
        "retriever",
        "sequential",
        "tacit.models.sequential:Sequential",
        "linear weights from the last events to the next one, in closed form (Choi et al., 2021)",
    ),
    Entry(
        "retriever",
        "sessionknn",
        "tacit.models.sessionknn:SessionKNN",
        "what the most similar recent sessions hold (Kersbergen et al., 2022)",
    ),
    Entry(
        "retriever",
        "covisitation",
        "tacit.models.covisitation:CoVisitation",
        "items within a few events of the same user, by strength, direction and distance",
    ),
    Entry(
        "retriever",
        "ials",
        "tacit.models.ials:IALS",
        "implicit ALS; any history is folded in exactly (Hu et al., 2008; Rendle et al., 2022)",
    ),
    Entry(
        "retriever",
        "content",
        "tacit.models.content:Content",
        "items whose texts are close to those of the history, by language-model vectors",
        variants={"tuned-content": Variant("the same behind a head learned from the log", {"tuned": True})},
        needs=("text",),
    ),
    Entry(
        "retriever",
        "transformer",
        "tacit.models.transformer.model:Transformer",
        "a causal transformer over the history (SASRec and later work)",
        slow=True,
    ),
    Entry(
        "retriever",
        "repeats",
        "tacit.models.repeats:Repeats",
        "how often somebody chose an item before; only where items may be recommended again",
        needs=("repeats",),
    ),
    Entry(
        "retriever",
        "rules",
        "tacit.models.rulebased:RuleBased",
        "fixed lists and conditions on attributes, written by a person",
        needs=("rules",),
    ),
    Entry("ranker", "linear", "tacit.rankers.linear:Linear", "logistic regression over cross features"),
    Entry("ranker", "mlp", "tacit.rankers.mlp:MLP", "a multilayer perceptron over cross features"),
    Entry("ranker", "dcn", "tacit.rankers.dcn:DCN", "cross layers beside a perceptron (DCN v2)"),
    Entry("ranker", "cnn", "tacit.rankers.cnn:CNN", "convolutions over maps of user and item vectors"),
    Entry(
        "ranker",
        "lambdamart",
        "tacit.rankers.lambdamart:LambdaMART",
        "gradient-boosted trees that order lists (extra `lambdamart`)",
    ),
    Entry(
        "reranker",
        "pair",
        "tacit.rankers.pair:PairClassifier",
        "a fine-tuned language model that reads history and item, for the top of a list",
        needs=("text",),
        slow=True,
    ),
    Entry("encoder", "minilm", "tacit.encoders.choose:minilm", "all-MiniLM-L6-v2, offline (English)"),
    Entry(
        "encoder",
        "use",
        "tacit.encoders.choose:use",
        "USE multilingual v3, offline (16 languages, Chinese, Japanese and English among them)",
    ),
    Entry(
        "encoder",
        "pair",
        "tacit.encoders.choose:pair",
        "minilm for the texts that it reads beside use for all, for catalogues in several languages",
    ),
    Entry("encoder", "tfidf", "tacit.encoders.choose:tfidf", "TF-IDF and SVD, fitted on the catalogue"),
    Entry(
        "encoder",
        "auto",
        "tacit.encoders.choose:auto",
        "the one that reads the texts: minilm, use, pair or tfidf",
    ),
    Entry(
        "encoder",
        "endpoint",
        "tacit.encoders.choose:endpoint",
        "an OpenAI-compatible service: `endpoint:URL#MODEL`",
    ),
    Entry(
        "encoder",
        "huggingface",
        "tacit.encoders.choose:huggingface",
        "the directory or the name of a Hugging Face model, which may stand alone",
    ),
)

_OWN: Mapping[tuple[str, str], Entry] = {(entry.kind, entry.name): entry for entry in ENTRIES}
_VARIANTS: Mapping[tuple[str, str], tuple[Entry, Variant]] = {
    (entry.kind, name): (entry, variant) for entry in ENTRIES for name, variant in entry.variants.items()
}


def entries(kind: Kind) -> list[Entry]:
    """Return all components of a kind: Tacit's own, then those of other packages."""
    own = [entry for entry in ENTRIES if entry.kind == kind]
    return own + [_outside(kind, point) for point in _points(kind)]


def is_known(kind: Kind, name: str) -> bool:
    """Return whether a name is that of a component; other packages are looked at only for unknown names."""
    return _is_own(kind, name) or any(point.name == name for point in _points(kind))


def find(kind: Kind, name: str) -> Entry:
    """Return the entry of a name; of a variant, that of the component it varies.

    Raises
    ------
    ConfigError
        If there is none, or two packages give the same name.
    """
    if (kind, name) in _OWN:
        return _OWN[kind, name]
    if (kind, name) in _VARIANTS:
        return _VARIANTS[kind, name][0]
    points = [point for point in _points(kind) if point.name == name]
    if len(points) > 1:
        origins = " and ".join(_distribution(point) for point in points)
        raise ConfigError(f"two packages give the {kind} {name!r}: {origins}; uninstall one of them")
    if not points:
        raise ConfigError(f"there is no {kind} {name!r}; known: {', '.join(names(kind))}")
    return _outside(kind, points[0])


def names(kind: Kind) -> list[str]:
    """Return the names of all components of a kind and of their variants."""
    return [name for entry in entries(kind) for name in (entry.name, *entry.variants)]


def variant(kind: Kind, name: str) -> Mapping[str, Any]:
    """Return the parameters that a name stands for; none where it is not a variant."""
    return _VARIANTS[kind, name][1].parameters if (kind, name) in _VARIANTS else {}


def create(
    kind: Kind, name: str, values: Mapping[str, Any] | None = None, *, title: str | None = None
) -> Any:
    """Return an unfitted component.

    Parameters
    ----------
    kind : {"retriever", "ranker", "reranker"}
    name : str
        Of a component or of a variant.
    values : mapping of parameter to value
        In place of defaults, and of what a variant sets.
    title : str, optional
        The name that the component itself takes; ``name`` by default.

    Raises
    ------
    ConfigError
        If there is no such component or a value does not suit it.
    """
    entry = find(kind, name)
    title = name if title is None else title
    own = {**variant(kind, name), **(values or {})}
    component = build(entry.load(), own, f"the {kind} {title!r}", name=title)
    if getattr(component, "name", None) != title:
        raise ConfigError(
            f"the {kind} {title!r} of {entry.distribution} calls itself "
            f"{getattr(component, 'name', None)!r}; its class must take the parameter name, or have that name"
        )
    return component


def entry_of(kind: Kind, component: object) -> Entry | None:
    """Return the entry of a component by its class; None where that is not registered."""
    own = type(component)
    path = f"{own.__module__}:{own.__qualname__}"
    for entry in ENTRIES:
        if entry.kind == kind and entry.path == path:
            return entry
    outside = [_outside(kind, point) for point in _points(kind)]
    alike = [entry for entry in outside if entry.path.endswith(f":{own.__qualname__}")]
    # A package may hand out its class from another module than the one that holds it.
    same = (entry for entry in alike if entry.path == path or _is_of(entry, own))
    return next(same, None)


def _is_of(entry: Entry, cls: type) -> bool:
    try:
        return entry.load() is cls
    except ConfigError:  # a broken package says nothing of the others
        return False


def summary_of(kind: Kind, component: object) -> str:
    """Return what a component is, in one line; of a variant, what the variant is."""
    entry = entry_of(kind, component)
    if entry is None:
        own = type(component)
        return f"a {kind} of your own: {own.__module__}.{own.__qualname__}"
    name = getattr(component, "name", "")
    return entry.variants[name].summary if name in entry.variants else entry.summary


def registered(kind: Kind, component: object) -> Entry:
    """Return the entry of a component by its class.

    Raises
    ------
    ConfigError
        If it is not registered: a file cannot say what it is.
    """
    entry = entry_of(kind, component)
    if entry is None:
        how = f"register it by an entry point of the group {GROUPS[kind]!r}" if kind in GROUPS else ""
        raise ConfigError(
            f"{type(component).__name__} is not a registered {kind} and cannot be written to a file; "
            f"{how or 'use one of Tacit: ' + ', '.join(names(kind))}"
        )
    return entry


def tunable(kind: Kind) -> list[str]:
    """Return the names of Tacit's own components of a kind that have something to tune and are not slow."""
    return [e.name for e in ENTRIES if e.kind == kind and not e.slow and space_of(e.load())]


def _is_own(kind: Kind, name: str) -> bool:
    return (kind, name) in _OWN or (kind, name) in _VARIANTS


def _points(kind: Kind) -> "list[EntryPoint]":
    """Return the entry points of a kind; those that have a name of Tacit's own add nothing."""
    from importlib.metadata import entry_points  # not for a command that only shows its help

    found = entry_points(group=GROUPS[kind]) if kind in GROUPS else []
    return sorted((one for one in found if not _is_own(kind, one.name)), key=lambda one: one.name)


def _outside(kind: Kind, point: "EntryPoint") -> Entry:
    summary = f"of the package {_distribution(point)}"
    return Entry(kind, point.name, point.value.replace(" ", ""), summary, distribution=_distribution(point))


def _distribution(point: "EntryPoint") -> str:
    return point.dist.name if point.dist is not None else "an unknown package"
