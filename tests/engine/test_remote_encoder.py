"""An encoder of another process: what it gives, and what happens where nobody answers."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tacit.core.types import Float32
from tacit.engine.remote_encoder import EncoderUnavailableError, RemoteEncoder, receive_frame, send_frame
from tacit.server.encoding import Encoders, Encoding


class Lengths:
    """Encodes a text by its length."""

    name = "lengths:1"
    dimension = 2

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str], **_: object) -> Float32:
        if "bad" in texts:
            raise ValueError("no such word")
        self.encoded += texts
        time.sleep(0.05)
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)


@pytest.fixture
def address(tmp_path: Path) -> Path:
    return tmp_path / "encoder"


@contextmanager
def listening(address: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        yield listener


def serve(listener: socket.socket, encoding: Encoding) -> None:
    encoders = Encoders({"": encoding})
    threading.Thread(target=encoders.serve, args=(listener.dup(),), daemon=True).start()


def test_the_vectors_and_the_name_are_those_of_the_process(address: Path) -> None:
    with listening(address) as listener:
        serve(listener, Encoding(Lengths()))
        remote = RemoteEncoder(address, "before", 2)
        texts = ["a", "", "e\u0301\ud800", "line\nbreak", "a"]
        assert remote.encode(texts).tolist() == [[len(text), 1] for text in texts]
        assert remote.name == "lengths:1"
        assert remote.encode([]).shape == (0, 2)


def test_a_text_that_many_send_is_encoded_once(address: Path) -> None:
    encoder = Lengths()
    with listening(address) as listener:
        serve(listener, Encoding(encoder))
        remote = RemoteEncoder(address, "", 2)
        threads = [threading.Thread(target=remote.encode, args=(["new", "old"],)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert encoder.encoded == ["new", "old"]


def test_an_encoder_that_fails_says_why(address: Path) -> None:
    with listening(address) as listener:
        serve(listener, Encoding(Lengths()))
        remote = RemoteEncoder(address, "", 2)
        with pytest.raises(
            EncoderUnavailableError, match="new texts cannot be encoded: ValueError: no such word"
        ):
            remote.encode(["bad"])
        assert remote.encode(["good"]).tolist() == [[4, 1]]  # one bad text breaks nothing


def test_a_process_that_starts_late_is_waited_for(address: Path) -> None:
    with listening(address) as listener:  # as the parent does: the request waits in its queue
        threading.Timer(0.4, serve, (listener, Encoding(Lengths()))).start()
        assert RemoteEncoder(address, "", 2, patience=10).encode(["abc"]).tolist() == [[3, 1]]


def test_a_process_that_ends_meanwhile_is_asked_again(address: Path) -> None:
    with listening(address) as listener:

        def end_once() -> None:
            connection, _ = listener.accept()
            receive_frame(connection)
            send_frame(connection, {"accepted": True})
            connection.close()
            serve(listener, Encoding(Lengths()))

        threading.Thread(target=end_once).start()
        assert RemoteEncoder(address, "", 2).encode(["abc"]).tolist() == [[3, 1]]


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.fault(31)
def test_nobody_answers_is_said_in_time_and_the_next_caller_does_not_wait(address: Path, bound: bool) -> None:
    remote = RemoteEncoder(address, "", 2, patience=0.5)
    listener = socket.socket(socket.AF_UNIX)
    if bound:
        listener.bind(str(address))
        listener.listen()
    with listener:
        begun = time.monotonic()
        with pytest.raises(EncoderUnavailableError, match="does not answer"):
            remote.encode(["abc"])
        assert 0.4 < time.monotonic() - begun < 3
        begun = time.monotonic()
        with pytest.raises(EncoderUnavailableError, match="does not answer"):
            remote.encode(["abc"])
        assert time.monotonic() - begun < 0.4


@pytest.mark.parametrize("answer", [b"\xff\xff\xff\xff", b"\0\0\0\1{", b"\0\0\0\2[]", b"\0\0"])
def test_what_is_no_frame_is_no_answer(answer: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionError):
            receive_frame(ours)


def test_an_encoder_that_could_not_be_loaded_says_so_to_everybody(address: Path) -> None:
    with listening(address) as listener:
        serve(listener, Encoding(None, "the model is not on this machine"))
        remote = RemoteEncoder(address, "", 2)
        for _ in range(2):
            with pytest.raises(EncoderUnavailableError, match="is not on this machine"):
                remote.encode(["abc"])
