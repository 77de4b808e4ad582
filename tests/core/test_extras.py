"""Optional dependencies."""

import json

import pytest

from tacit.core.errors import InputError, MissingExtraError
from tacit.core.extras import require


def test_what_is_installed_is_imported() -> None:
    assert require("json", "any") is json


def test_what_is_missing_names_the_line_that_installs_it() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'tacit\[postgres\]'") as caught:
        require("no_such_module_anywhere", "postgres")
    assert isinstance(caught.value, InputError)
    assert caught.value.exit_code == 2
