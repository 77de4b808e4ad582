"""Optional dependencies."""

import json

import pytest

from tacit.core.errors import InputError, MissingExtraError
from tacit.core.extras import require


def test_what_is_installed_is_imported() -> None:
    assert require("json", "any") is json


def test_what_is_missing_names_the_line_that_installs_it() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'tacit-recsys\[postgres\]'") as caught:
        require("no_such_module_anywhere", "postgres")
    assert isinstance(caught.value, InputError)
    assert caught.value.exit_code == 2


def test_a_library_of_the_system_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(module: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file")

    with pytest.raises(MissingExtraError, match=r"pip install 'tacit-recsys\[lambdamart\]'.*libgomp1"):
        require("no_such_module_anywhere", "lambdamart", library="libgomp1")
    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(MissingExtraError, match=r"libgomp\.so\.1.*apt-get install libgomp1"):
        require("lightgbm", "lambdamart", library="libgomp1")
