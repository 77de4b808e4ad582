"""Everything that a recommendation needs, as one frozen value and as one directory."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.manifest import SnapshotFiles, publish
from tacit.core.places import check_directory_place
from tacit.core.room import writing
from tacit.core.types import Array, Float32, Json
from tacit.core.version import __version__
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.data.ids import IdRule
from tacit.data.interactions import Interactions
from tacit.data.users import TraitColumns
from tacit.data.vocabulary import Vocabulary
from tacit.data.weights import EventWeights
from tacit.encoders.encoder import TextEncoder
from tacit.encoders.learned import LearnedEncoder, restored
from tacit.engine.cleaned_log import CleanedLog, MappedLog
from tacit.pipeline.component_specs import check_origins
from tacit.pipeline.config import Config, config_of_toml
from tacit.pipeline.text_encoder import AUTO, encoder_from
from tacit.pipeline.twostage import TwoStage
from tacit.reading.choices import Reading
from tacit.store import artifacts
from tacit.store.versions import check_no_versions, current_snapshot

_CONFIG, _REPORT = "config.toml", "training.json"
"""The whole configuration, as `tacit fit --config` takes it, and what the fit learned."""
_DOCUMENT, _CATALOGUE, _USERS = "snapshot.json", "catalogue.arrow", "users.arrow"
_PIPELINE, _EVENTS = "pipeline.safetensors", "interactions.safetensors"
_VECTORS, _ENCODER = "vectors.safetensors", "encoder.safetensors"
"""Only where there are any."""
LOG_FILE = "log.arrow"
"""The cleaned events, for the next fit; older snapshots have none."""
_OLDER = {_CATALOGUE: "catalogue.parquet", _USERS: "users.parquet"}
"""Names of tables in older snapshots: read, not mapped."""
_ATTRIBUTE = "attribute:"
"""In front of the names of attributes in tables."""
_LOG = ("user", "item", "weight", "at", "kind", "traits", "moments")


@dataclass(frozen=True)
class Snapshot:
    """A fitted recommender with the catalogue and the histories it was fitted on.

    Attributes
    ----------
    version : str
        Short hash of the content; every answer carries it as its model.
    catalogue : Catalogue
        With language-model vectors.
    interactions : Interactions
        The histories known at fit time.
    pipeline : TwoStage
    weights : EventWeights
        How the event types of new events are weighed.
    encoder : str
        Source of the encoder of the vectors: new items are encoded with it.
    learned_encoder : TfidfEncoder or PairEncoder or None
        The encoder itself where it learned from the catalogue.
    encoder_name : str
        Name of the encoder with the hash of its model; empty in older snapshots.
    remote_encoder : TextEncoder or None
        Encodes in place of the encoder itself: that of another process, see `tacit.engine.remote_encoder`.
    facts : mapping
        What was trained on and how: seed, data fingerprint, versions, training report.
    log : CleanedLog or None
        The cleaned events with all that the same fit needs; None in older snapshots.
    people : polars.DataFrame or None
        Attributes of users as they were given; see `tacit.data.users`.
    """

    version: str
    catalogue: Catalogue
    interactions: Interactions
    pipeline: TwoStage
    weights: EventWeights
    encoder: str
    facts: dict[str, Json]
    learned_encoder: LearnedEncoder | None = None
    encoder_name: str = ""
    remote_encoder: TextEncoder | None = None
    log: CleanedLog | None = None
    people: pl.DataFrame | None = None

    def text_encoder(self) -> TextEncoder:
        """Return the encoder of the vectors of the catalogue."""
        return self.remote_encoder or self.learned_encoder or encoder_from(self.encoder)

    @property
    def reading(self) -> Reading:
        """How the log was read: ids and times of requests are read alike."""
        return self.pipeline.config.reading

    @property
    def id_rules(self) -> tuple[IdRule, ...]:
        """What was done to the ids of the log."""
        return self.reading.ids

    def encode(self, texts: Sequence[str]) -> Float32:
        """Return the vectors of texts by the encoder of the catalogue: float32[n, d]."""
        return self.text_encoder().encode(texts)


def save(snapshot: Snapshot, directory: Path) -> None:
    """Write a snapshot: whole or not at all, never in place of something that is not a snapshot.

    Raises
    ------
    ConfigError
        If a component of the pipeline is not registered or cannot be kept, or nothing can be written there.
    """
    check_directory_place(directory, "the directory")
    check_no_versions(directory)
    log, catalogue = snapshot.interactions, snapshot.catalogue
    config = snapshot.pipeline.config.to_toml()

    def write(target: Path) -> None:
        artifacts.write_arrays(target / _PIPELINE, snapshot.pipeline.arrays())
        artifacts.write_arrays(target / _EVENTS, {name: getattr(log, name) for name in _LOG})
        if catalogue.vectors is not None:
            artifacts.write_arrays(target / _VECTORS, {"vectors": catalogue.vectors})
        if snapshot.learned_encoder is not None:
            artifacts.write_arrays(target / _ENCODER, snapshot.learned_encoder.arrays())
        artifacts.write_table(target / _USERS, _users_frame(snapshot))
        if snapshot.log is not None:
            snapshot.log.write(target / LOG_FILE)
        artifacts.write_table(target / _CATALOGUE, _catalogue_frame(catalogue))
        (target / _CONFIG).write_text(config, "utf-8")
        artifacts.write_json(target / _REPORT, snapshot.pipeline.report_json())
        artifacts.write_json(
            target / _DOCUMENT,
            {
                "version": snapshot.version,
                "encoder": snapshot.encoder,
                "encoder_name": snapshot.encoder_name,
                "centred": catalogue.centred,
                "kinds": list(log.kinds),
                "timing": log.timing,
                "end_at": log.end_at,
                "traits": log.trait_columns.to_json(),
                "moments": log.moment_columns.to_json(),
                "weights": snapshot.weights.to_json(),
                "pipeline": snapshot.pipeline.spec(),
            },
        )

    with writing(directory):
        publish(directory, write, {"tacit": __version__, "model": snapshot.version, "facts": snapshot.facts})


def load(directory: Path) -> Snapshot:
    """Read a snapshot, or the current version of a model directory, after checking every file of it.

    Raises
    ------
    ArtifactError
        If the directory is not a snapshot, is damaged, or is newer than this version of Tacit.
    """
    with current_snapshot(directory) as place:
        return read(SnapshotFiles.checked(place))


def read(files: SnapshotFiles, *, remote_encoder: TextEncoder | None = None) -> Snapshot:
    """Read a snapshot whose files were checked.

    Parameters
    ----------
    files : SnapshotFiles
    remote_encoder : TextEncoder, optional
        Encodes texts in place of the snapshot's encoder, which is not read then.

    Raises
    ------
    ArtifactError
        If another version of Tacit wrote it in another way.
    """
    with _readable(files):
        return _read(files, remote_encoder)


def read_encoder(files: SnapshotFiles) -> TextEncoder | None:
    """Read the text encoder of a snapshot alone; None if its catalogue has no vectors.

    Raises
    ------
    ArtifactError
        If another version of Tacit wrote it in another way.
    ConfigError
        If the encoder is not on this machine.
    """
    if _VECTORS not in files.places:
        return None
    with _readable(files):
        source = _before_choice(artifacts.read_json(files.places[_DOCUMENT])["encoder"])
        learned = _read_encoder(files, source)
    return learned or encoder_from(source)


def encoder_key(files: SnapshotFiles) -> str:
    """Return what tells the text encoder of a snapshot from others: two of one key give the same vectors.

    Raises
    ------
    ArtifactError
        If another version of Tacit wrote it in another way.
    """
    with _readable(files):
        document = artifacts.read_json(files.places[_DOCUMENT])
        learned = files.manifest["files"].get(_ENCODER, {}).get("sha256")
        named = [document["encoder"], document.get("encoder_name", ""), learned, _VECTORS in files.places]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]


@contextmanager
def _readable(files: SnapshotFiles) -> Iterator[None]:
    try:
        yield
    except (ConfigError, KeyError, ValueError, TypeError, AttributeError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(
            f"{files.directory} was written by tacit {files.manifest.get('tacit')} and cannot be read by "
            f"{__version__}: {_reason(error)}; install what is missing, or fit again"
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    return f"{error} is missing in it" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"


def config_of(directory: Path) -> Config:
    """Return the configuration of a snapshot, after checking every file of it.

    Raises
    ------
    ArtifactError
        If the directory is not a snapshot, is damaged, or has another format.
    """
    with current_snapshot(directory) as place:
        return _read_config(SnapshotFiles.checked(place))


def version_of(pipeline: TwoStage, fingerprint: str) -> str:
    """Return a short hash of what was learned and from what."""
    digest = hashlib.sha256(fingerprint.encode())
    spec, arrays = _learned(pipeline)
    digest.update(json.dumps(spec, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def _read(files: SnapshotFiles, remote_encoder: TextEncoder | None) -> Snapshot:
    places = files.places
    document: dict[str, Any] = artifacts.read_json(places[_DOCUMENT])
    check_origins(document["pipeline"])
    catalogue = _read_catalogue(files, centred=document.get("centred", False))
    encoder = _before_choice(document["encoder"])
    known = _read_table(files, _USERS)
    users = Vocabulary(known[col.USER])
    log = artifacts.read_arrays(places[_EVENTS])
    return Snapshot(
        version=document["version"],
        catalogue=catalogue,
        interactions=Interactions(
            users=users,
            items=catalogue.items,
            kinds=tuple(document["kinds"]),
            timing=document["timing"],
            trait_columns=TraitColumns.from_json(document["traits"]),
            moment_columns=TraitColumns.from_json(document["moments"]),
            end_at=document.get("end_at"),
            **{name: log[name] for name in _LOG},
        ),
        pipeline=TwoStage.restore(
            document["pipeline"],
            artifacts.read_arrays(places[_PIPELINE]),
            catalogue,
            config=_read_config(files),
            report=artifacts.read_json(places[_REPORT]),
        ),
        weights=EventWeights.from_json(document["weights"]),
        encoder=encoder,
        encoder_name=document.get("encoder_name", ""),
        facts=files.manifest["facts"],
        learned_encoder=None if remote_encoder else _read_encoder(files, encoder),
        remote_encoder=remote_encoder,
        log=MappedLog(places[LOG_FILE]) if LOG_FILE in places else None,
        people=_people(known),
    )


def _learned(pipeline: TwoStage) -> tuple[Json, dict[str, Array]]:
    try:
        return pipeline.spec(), pipeline.arrays()
    except ConfigError:  # a component of one's own that no file can hold: known by its name and its weight
        return [pipeline.second_.blend.spec(), [type(one).__qualname__ for one in pipeline.retrievers_]], {}


def _read_config(files: SnapshotFiles) -> Config:
    return config_of_toml(artifacts.read_text(files.places[_CONFIG]), where=str(files.directory / _CONFIG))


def _before_choice(source: str) -> str:
    """Return the encoder of a snapshot: "auto" of an older one was MiniLM, and new items go on with it."""
    return "minilm" if source == AUTO else source


def _read_encoder(files: SnapshotFiles, source: str) -> LearnedEncoder | None:
    file = files.places.get(_ENCODER)
    return None if file is None else restored(source, artifacts.read_arrays(file))


def _read_table(files: SnapshotFiles, name: str) -> pl.DataFrame:
    if name in files.places:
        return artifacts.read_table(files.places[name])
    return pl.read_parquet(files.places[_OLDER[name]])


def _users_frame(snapshot: Snapshot) -> pl.DataFrame:
    """Return the ids of all users, and what attributes they came with as text: traits are made of texts."""
    ids = snapshot.interactions.users.ids.alias(col.USER).to_frame()
    people = snapshot.people
    if people is None:
        return ids
    kept = [name for name, kind in people.schema.items() if name != col.USER and not kind.is_nested()]
    texts = people.select(
        col.USER, *(pl.col(name).cast(pl.String, strict=False).name.prefix(_ATTRIBUTE) for name in kept)
    )
    return ids.join(texts, on=col.USER, how="left", maintain_order="left")


def _people(known: pl.DataFrame) -> pl.DataFrame | None:
    """Return the users of a snapshot with the attributes that they came with; None if there are none."""
    names = [name for name in known.columns if name.startswith(_ATTRIBUTE)]
    if not names:
        return None
    return known.select(col.USER, *(pl.col(name).alias(name.removeprefix(_ATTRIBUTE)) for name in names))


def _catalogue_frame(catalogue: Catalogue) -> pl.DataFrame:
    return catalogue.attributes.select(pl.all().name.prefix(_ATTRIBUTE)).with_columns(
        catalogue.items.ids.alias(col.ITEM),
        catalogue.texts.alias(col.TEXT),
        pl.Series("has_text", catalogue.has_text),
        pl.Series(col.AVAILABLE, catalogue.available),
        pl.Series(col.CREATED_AT, catalogue.created_at),
    )


def _read_catalogue(files: SnapshotFiles, *, centred: bool) -> Catalogue:
    frame = _read_table(files, _CATALOGUE)
    names = [n for n in frame.columns if n.startswith(_ATTRIBUTE)]
    vectors = files.places.get(_VECTORS)
    return Catalogue(
        items=Vocabulary(frame[col.ITEM]),
        attributes=frame.select(pl.col(n).alias(n.removeprefix(_ATTRIBUTE)) for n in names),
        texts=frame[col.TEXT],
        has_text=frame["has_text"].to_numpy(),
        available=frame[col.AVAILABLE].to_numpy(),
        created_at=frame[col.CREATED_AT].to_numpy(),
        vectors=artifacts.read_arrays(vectors)["vectors"] if vectors else None,
        centred=centred,
    )
