"""Three components for Tacit: a retriever with its base class, a plain ranker, a text encoder."""

from tacit_example.letters import letters
from tacit_example.shelf import Shelf
from tacit_example.slope import Slope

__all__ = ["Shelf", "Slope", "letters"]
