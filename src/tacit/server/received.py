"""A version of a model as the processes of a service receive it from their parent: by its open files."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tacit.core.manifest import SnapshotFiles
from tacit.server.lifeline import Message


@dataclass(frozen=True)
class Received:
    """A version whose open files a message brought.

    Attributes
    ----------
    number : int
    version : str or None
        Its name in a model directory.
    files : SnapshotFiles
    """

    number: int
    version: str | None
    files: SnapshotFiles

    @classmethod
    def of(cls, message: Message) -> "Received":
        """Return the version of a message."""
        document, *descriptors = message.descriptors
        about: dict[str, Any] = _document(document)
        named = dict(zip(about["files"], descriptors, strict=True))
        files = SnapshotFiles.inherited(Path(about["directory"]), about["manifest"], named)
        return cls(message.document["load"], about["version"], files)


@contextmanager
def received_of(message: Message) -> Iterator[Received]:
    """Give the version that a message brought, and close its files: what was read of them stays mapped."""
    try:
        yield Received.of(message)
    finally:
        for descriptor in message.descriptors:
            os.close(descriptor)


def _document(descriptor: int) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(f"/proc/self/fd/{descriptor}").read_text("utf-8"))
    return document
