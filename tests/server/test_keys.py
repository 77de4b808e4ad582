"""Keys: made once, kept as hashes, read again when their file changes; their rates, and guesses of them."""

import asyncio
import json
import os
import stat
from pathlib import Path

import pytest

from tacit.cli.app import run
from tacit.core.clock import FixedClock
from tacit.core.errors import ConfigError
from tacit.server.admission import Admission, caller
from tacit.server.guesses import _ADDRESSES, Guesses
from tacit.server.keyring import Keyring
from tacit.server.keys import MOST_KEYS, Key, changing_keys, digest_of, new_key, read_keys
from tacit.server.problems import RefusedError
from tacit.server.rates import Rates, open_page

DAY = 86_400.0


def key(capsys: pytest.CaptureFixture[str], file: Path, *options: str) -> str:
    """Make a key by the command and return what it printed: the key and nothing else."""
    assert run(["key", "new", "--file", str(file), *options]) == 0
    (printed,) = capsys.readouterr().out.split()
    return printed


# The file


@pytest.mark.promise("P36")
@pytest.mark.fault(48)
def test_a_key_is_printed_once_and_its_hash_is_kept_for_this_user_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.json"
    mask = os.umask(0)
    try:
        secret = key(capsys, file, "--role", "ingest", "--name", "shop", "--expires", "90d", "--rate", "30/m")
    finally:
        os.umask(mask)
    assert len(secret.removeprefix("tacit_")) == 43  # 256 bits in base64
    assert secret not in file.read_text() and digest_of(secret.encode()) in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (one,) = read_keys(file)
    assert (one.name, one.roles, one.rate) == ("shop", ("ingest",), 0.5)
    assert one.expires == pytest.approx(one.created + 90 * DAY)
    assert [other.name for other in tmp_path.iterdir()] == ["keys.json"]  # nothing half written, no lock


@pytest.mark.promise("P36")
def test_two_keys_of_a_name_live_until_the_old_one_is_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.json"
    secrets = [key(capsys, file, "--role", "read", "--name", "shop") for _ in range(2)]
    ring = Keyring(file=file)
    assert all(ring.find(secret.encode()) for secret in secrets)
    assert run(["key", "new", "--role", "read", "--name", "shop", "--file", str(file)]) == 2
    assert "2 keys named shop are live" in capsys.readouterr().err
    assert run(["key", "revoke", "shop", "--old", "--file", str(file)]) == 0
    ring.refresh()
    assert [bool(ring.find(secret.encode())) for secret in secrets] == [False, True]
    assert run(["key", "list", "--file", str(file)]) == 0
    listed = capsys.readouterr().out
    assert listed.count("\n") == 1 and listed.startswith("shop  read  since 20") and "tacit_" not in listed
    assert run(["key", "revoke", "shop", "--file", str(file)]) == 0
    assert run(["key", "revoke", "shop", "--file", str(file)]) == 2
    assert read_keys(file) == ()


def test_keys_that_expired_are_not_counted_as_live() -> None:
    keys: list[Key] = []
    for day in range(5):
        keys.append(new_key(keys, "shop", ["read"], day * DAY, lives=DAY)[0])
    assert [one.number for one in keys] == list(range(5))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--role", "all"], "there is no role 'all'; choose from read, ingest, admin"),
        (["--role", "read", "--name", "a b"], "the name 'a b' of a key is not"),
        (["--role", "read", "--name", "x" * 65], "of a key is not up to 64 letters"),
        (["--role", "read", "--expires", "soon"], "--expires is 'soon' and no length of time"),
        (["--role", "read", "--expires", "0d"], "--expires is '0d' and no length of time"),
        (["--role", "read", "--rate", "0/s"], "the rate '0/s' is no number a second"),
        (["--role", "read", "--file", "nowhere/keys.json"], "nowhere cannot be opened"),
    ],
)
def test_what_cannot_be_a_key_is_refused(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["key", "new", "--file", str(tmp_path / "keys.json"), *options]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


GOOD = {
    "name": "shop",
    "roles": ["read"],
    "sha256": "0" * 64,
    "created": "2026-03-01T00:00:00+00:00",
    "expires": None,
    "rate": None,
    "number": 0,
}


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"format": 2, "keys": []},
        {"format": 1},
        {"format": 1, "keys": [{}]},
        {"format": 1, "keys": [GOOD, GOOD]},
        {"format": 1, "keys": [GOOD | {"more": 1}]},
        {"format": 1, "keys": [GOOD | {"name": "a\nb"}]},
        {"format": 1, "keys": [GOOD | {"roles": []}]},
        {"format": 1, "keys": [GOOD | {"roles": ["root"]}]},
        {"format": 1, "keys": [GOOD | {"roles": [["read"]]}]},
        {"format": 1, "keys": [GOOD | {"sha256": "0"}]},
        {"format": 1, "keys": [GOOD | {"expires": "2026-03-01"}]},
        {"format": 1, "keys": [GOOD | {"expires": 5}]},
        {"format": 1, "keys": [GOOD | {"rate": 0}]},
        {"format": 1, "keys": [GOOD | {"number": True}]},
        {"format": 1, "keys": [GOOD | {"number": MOST_KEYS}]},
        {"format": 1, "keys": [GOOD | {"number": -1}]},
    ],
)
def test_a_damaged_file_is_refused_and_a_running_service_keeps_its_keys(
    document: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"format": 1, "keys": [GOOD | {"sha256": digest_of(b"x")}]}))
    ring = Keyring(file=file)
    file.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match=r"is not a file of keys|is of the format 2"):
        read_keys(file)
    for _ in range(3):
        ring.refresh()
    assert ring.find(b"x")
    assert len(caplog.records) == 1  # said once, not every second
    file.unlink()
    ring.refresh()
    assert ring.find(b"x")


def test_a_file_that_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"format": 1, "keys": [GOOD]}))
    file.chmod(0o646)
    with pytest.raises(ConfigError, match="can be written to by everybody"):
        read_keys(file)


def test_a_change_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    with changing_keys(file) as keys:
        keys.append(new_key(keys, "shop", ["read"], 0.0)[0])
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="cannot be written: No space"), changing_keys(file) as keys:
        keys.clear()
    assert file.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["keys.json"]


# Who may pass


def statuses(door: Admission, given: bytes, address: str = "192.0.2.1", times: int = 1) -> list[int]:
    """Return what a route of the role read answers."""

    def one() -> int:
        try:
            door.check("read", {b"x-api-key": given} if given else {}, address)
        except RefusedError as refusal:
            return refusal.status
        return 200

    return [one() for _ in range(times)]


@pytest.mark.promise("P36")
def test_a_key_opens_until_it_expires() -> None:
    clock = FixedClock(0.0)
    ring = Keyring([Key("shop", ("read",), digest_of(b"k"), expires=10.0)], clock=clock)
    door = Admission(ring)
    assert statuses(door, b"k") == [200]
    assert caller().name == "shop"
    clock.at = 10.0
    assert statuses(door, b"k") == [401]
    assert caller().name is None


@pytest.mark.promise("P36")
@pytest.mark.fault(43)
def test_every_hash_is_compared_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: str, other: str) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr("tacit.server.keyring.hmac.compare_digest", compare)
    keys = [Key(f"k{n}", ("read",), digest_of(b"%d" % n), number=n) for n in range(5)]
    for given in (b"0", b"4", b"wrong"):
        compared.clear()
        Keyring(keys).find(given)
        assert compared == [one.digest for one in keys]


# Guesses


@pytest.mark.promise("P37")
@pytest.mark.fault(43)
def test_guesses_of_an_address_are_slowed_down_and_known_keys_are_not() -> None:
    door = Admission(Keyring([Key("shop", ("read",), digest_of(b"k"))]))
    assert statuses(door, b"wrong", times=12) == [401] * 10 + [429] * 2
    assert statuses(door, b"k", times=20) == [200] * 20  # from the same address, such as a proxy's
    assert statuses(door, b"wrong", "192.0.2.2") == [401]
    assert statuses(door, b"", times=20) == [401] * 20  # no key is no guess
    with pytest.raises(RefusedError) as caught:
        door.check("read", {b"x-api-key": b"wrong"}, "192.0.2.1")
    assert 0 < (caught.value.retry_after or 0) <= 6


def test_who_waits_as_long_as_is_said_may_try_again() -> None:
    now = [0.0]
    guesses = Guesses(lambda: now[0])
    assert [guesses.add("a") for _ in range(10)] == [0.0] * 10
    wait = guesses.add("a")
    assert guesses.add("a") == wait > 0  # trying meanwhile makes it no longer
    now[0] = wait
    assert guesses.add("a") == 0.0
    now[0] = 1e6
    assert [guesses.add("a") for _ in range(10)] == [0.0] * 10


def test_addresses_are_counted_by_what_one_sender_has_of_them() -> None:
    guesses = Guesses(lambda: 0.0)
    for number in range(10):
        guesses.add(f"2001:db8:0:1::{number}")
    assert guesses.add("2001:db8:0:1:ffff::1") > 0
    assert guesses.add("2001:db8:0:2::1") == 0.0
    for _ in range(10):
        guesses.add("::ffff:192.0.2.1")
    assert guesses.add("192.0.2.1") > 0
    assert guesses.add("192.0.2.2") == 0.0
    assert guesses.add("fe80::1%eth0") == guesses.add("") == guesses.add("a socket") == 0.0


def test_memory_of_guesses_is_bounded_and_the_log_is_not_flooded(caplog: pytest.LogCaptureFixture) -> None:
    guesses = Guesses(lambda: 0.0)
    for number in range(2 * _ADDRESSES):
        guesses.add(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(guesses) == _ADDRESSES
    for number in range(1_000):
        guesses.add(f"192.0.2.{number % 3}")
    assert len(caplog.records) == 1
    assert "192.0" not in caplog.text  # an address is personal


# Rates


@pytest.mark.promise("P37")
@pytest.mark.fault(45)
def test_a_key_has_its_rate_and_other_keys_have_theirs() -> None:
    now = [100.0]
    rates = Rates(open_page(), 2.0, clock=lambda: now[0])
    assert [rates.admit(0, 5.0) for _ in range(5)] == [0.0] * 5
    assert rates.admit(0, 5.0) == pytest.approx(0.2)
    assert [rates.admit(1, None) > 0 for _ in range(3)] == [False, False, True]  # the rate of the service
    now[0] += 0.2
    assert rates.admit(0, 5.0) == 0.0
    assert rates.admit(0, 5.0) > 0
    now[0] += 3600
    assert sum(rates.admit(0, 5.0) == 0.0 for _ in range(100)) == 5  # no more than a second's worth at once
    assert [rates.admit(2, 1 / 60) > 0 for _ in range(2)] == [False, True]


@pytest.mark.promise("P37")
def test_a_batch_counts_by_its_events() -> None:
    now = [0.0]
    rates = Rates(open_page(), clock=lambda: now[0])
    door = Admission(Keyring([Key("shop", ("read",), digest_of(b"k"), rate=10.0)]), rates)
    assert statuses(door, b"k") == [200]
    caller().charge(99)
    assert statuses(door, b"k") == [429]
    now[0] = 9.0
    assert statuses(door, b"k") == [429]
    now[0] = 10.0
    assert statuses(door, b"k") == [200]


def test_processes_share_the_buckets() -> None:
    page = open_page()
    one, other = Rates(page, 4.0, clock=lambda: 5.0), Rates(page, 4.0, clock=lambda: 5.0)
    taken = [(one if turn % 2 else other).admit(7, None) for turn in range(5)]
    assert taken[:4] == [0.0] * 4 and taken[4] > 0


def test_a_caller_is_that_of_its_own_request() -> None:
    keys = [Key(name, ("read",), digest_of(name.encode()), number=at) for at, name in enumerate(["a", "b"])]
    door = Admission(Keyring(keys))

    async def request(name: str) -> str | None:
        door.check("read", {b"x-api-key": name.encode()}, "")
        await asyncio.sleep(0)
        return caller().name

    async def both() -> list[str | None]:
        return await asyncio.gather(request("a"), request("b"))

    assert asyncio.run(both()) == ["a", "b"]
