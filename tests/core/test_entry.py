import pytest

from tacit.core.entry import Entry
from tacit.core.errors import ConfigError
from tacit.models.ease import EASE


def test_an_entry_is_imported_when_it_is_used() -> None:
    assert Entry("retriever", "ease", "tacit.models.ease:EASE", "").load() is EASE


@pytest.mark.parametrize("path", ["tacit.models.nowhere:EASE", "tacit.models.ease:NOTHING"])
def test_what_cannot_be_imported_is_named_with_its_package(path: str) -> None:
    with pytest.raises(ConfigError, match="the retriever 'x' of some-package cannot be loaded from tacit"):
        Entry("retriever", "x", path, "", distribution="some-package").load()
