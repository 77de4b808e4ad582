"""Base of Tacit's own retrievers: parameters as fields, and saving in a snapshot.

A custom model needs no base class (see `tacit.models.protocol`); with this one, its parameters are checked,
tuned and saved, and only the learned values need code.
"""

from collections.abc import Mapping
from typing import Any, Self

from tacit.core.parameters import Parameterised, build
from tacit.core.types import Array
from tacit.data.catalogue import Catalogue


class Retriever(Parameterised):
    """A recommender whose annotated fields are its parameters.

    A subclass has `fit` and `score` (`tacit.models.protocol.Recommender`), ``arrays``, which returns what was
    learned, and ``_take``, which takes it back.

    Parameters
    ----------
    name : str
        Its name in a configuration and in reports.
    """

    name: str

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue) -> Self:
        """Return the fitted model of what ``spec`` and ``arrays`` returned."""
        parameters = {key: value for key, value in spec.items() if key != "name"}
        model = build(cls, parameters, f"the retriever {spec['name']!r}", name=spec["name"])
        model._take(arrays, catalogue)
        return model

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        """Take what ``arrays`` returned as learned; called once, on an unfitted model."""
        raise NotImplementedError
