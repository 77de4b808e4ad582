"""An encoder with a head, and the directory that it is saved in.

The directory holds the head and the centre as safetensors, and the name of the base encoder in its manifest;
of a base that was fitted on texts (TF-IDF) also the learned arrays. Vectors of the base are cached, so
another head needs no encoding.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from tacit.core.errors import ArtifactError
from tacit.core.manifest import ENCODER, publish, verify
from tacit.core.progress import SILENT, Progress
from tacit.core.room import writing
from tacit.core.types import Bool, Float32, Json
from tacit.core.version import __version__
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.encoders.encoder import TextEncoder
from tacit.encoders.head import Fit, Head, fit_head
from tacit.encoders.learned import LEARNED, is_centred, restored
from tacit.encoders.projection import Projection

_HEAD, _BASE = "head.safetensors", "base.safetensors"
_PRECISION = re.compile(r":(float32|bfloat16)\b")


class TunedEncoder:
    """The vectors of a base encoder, centred and multiplied by a head.

    Parameters
    ----------
    base : TextEncoder
    source : str
        Source of the base; see `tacit.pipeline.text_encoder.encoder_from`.
    centre : Projection
    head : Head
    """

    def __init__(self, base: TextEncoder, source: str, centre: Projection, head: Head) -> None:
        self.base = base
        self.source = source
        self.centre = centre
        self.head = head
        digest = hashlib.sha256(centre.mean_.tobytes() + head.matrix.tobytes())
        self.name = f"{base.name}+head:{digest.hexdigest()[:12]}"
        self.dimension = int(head.matrix.shape[1])

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension], each of length 1 (zero without a token)."""
        return self.head.transform(self.centre.transform(self.base.encode(texts, progress=progress)))


def tune(
    base: TextEncoder,
    source: str,
    interactions: Interactions,
    catalogue: Catalogue,
    *,
    rng: np.random.Generator,
    progress: Progress = SILENT,
) -> tuple[TunedEncoder, Fit]:
    """Return an encoder whose head was learned from a log, and how the head was chosen.

    Parameters
    ----------
    base : TextEncoder
    source : str
        Source of the base.
    interactions : Interactions
    catalogue : Catalogue
        Its texts are encoded; its vectors are not used.
    rng : numpy.random.Generator
    progress : Progress
    """
    raw = base.encode(catalogue.texts.to_list(), progress=progress)
    known: Bool = np.zeros(len(catalogue), dtype=bool)
    known[interactions.item] = True
    there = known & catalogue.has_text & np.any(raw, axis=1)
    centre = Projection().fit(raw[there], centred=is_centred(base))
    vectors = np.where(catalogue.has_text[:, None], centre.transform(raw), np.float32(0))
    fit = fit_head(interactions, vectors, rng=rng)
    return TunedEncoder(base, source, centre, fit.head), fit


def save(encoder: TunedEncoder, directory: Path, facts: dict[str, Json]) -> None:
    """Write an encoder, completely or not at all; only a snapshot is ever replaced.

    Parameters
    ----------
    encoder : TunedEncoder
    directory : Path
    facts : mapping
        Facts on the log for the manifest.
    """

    def write(target: Path) -> None:
        save_file({**encoder.centre.arrays(), **encoder.head.arrays()}, target / _HEAD)
        if isinstance(encoder.base, LEARNED):
            save_file(encoder.base.arrays(), target / _BASE)

    base: dict[str, Json] = {"source": encoder.source, "name": encoder.base.name}
    about: dict[str, Json] = {
        "tacit": __version__,
        "base": base,
        "strength": encoder.head.strength,
        "facts": facts,
    }
    with writing(directory):
        publish(directory, write, about, kind=ENCODER)


def is_tuned(directory: Path) -> bool:
    """Return whether a directory holds a tuned encoder."""
    return (directory / _HEAD).is_file()


def base_of(directory: Path) -> str | None:
    """Return the source of the encoder behind that of a directory; None if it does not say it.

    Raises
    ------
    ArtifactError
        If the directory is damaged or newer than this version.
    """
    base = verify(directory).get("base")
    source = base.get("source") if isinstance(base, dict) else None
    return source if isinstance(source, str) else None


def load(directory: Path, base_from: Callable[[str], TextEncoder]) -> TunedEncoder:
    """Read an encoder after checking every file against its checksum.

    Parameters
    ----------
    directory : Path
    base_from : callable
        Builds the base from its source.

    Raises
    ------
    ArtifactError
        If the directory is damaged or newer than this version, or it belongs to another base.
    """
    manifest: dict[str, Any] = verify(directory)
    try:
        arrays = load_file(directory / _HEAD)
        source, name = manifest["base"]["source"], manifest["base"]["name"]
        centre = Projection.restore(arrays)
        head = Head.restore(arrays)
        learned = (directory / _BASE).is_file()
        base: TextEncoder
        base = restored(source, load_file(directory / _BASE)) if learned else base_from(source)
    except (KeyError, TypeError, SafetensorError) as error:
        raise ArtifactError(
            f"{directory} holds no encoder of this version ({error}); tune it again"
        ) from error
    if not same_model(base.name, name):
        raise ArtifactError(
            f"the head in {directory} belongs to another base encoder than {source!r} is now; tune it again"
        )
    return TunedEncoder(base, source, centre, head)


def same_model(name: str, other: str) -> bool:
    """Return whether two names are of one model, whatever precision a machine computes with.

    An empty name, of an older snapshot, is that of any model.
    """
    return not name or not other or _PRECISION.sub("", name) == _PRECISION.sub("", other)
