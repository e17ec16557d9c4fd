"""Bodies from servers that treat chunks differently."""

import io

import pytest

from bridge.web.body import TooLarge, Unreadable, settle


def settled(body=b"", **environ):
    made = {"wsgi.input": io.BytesIO(body), **environ}
    settle(made, 100)
    return made["wsgi.input"].read(int(made["CONTENT_LENGTH"])), made


def test_a_body_with_a_length_is_left_to_its_reader():
    assert settled(b"abc", CONTENT_LENGTH="3")[0] == b"abc"


def test_no_length_and_no_chunks_is_no_body():
    assert settled(b"left over")[0] == b""
    assert settled(b"left over", CONTENT_LENGTH="")[0] == b""


def test_chunks_are_read_to_their_end():
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    body, environ = settled(b"abc" * 20, **chunked)
    assert (body, environ["CONTENT_LENGTH"]) == (b"abc" * 20, "60")
    assert "HTTP_TRANSFER_ENCODING" not in environ
    with pytest.raises(TooLarge):
        settled(b"x" * 101, **chunked)


def test_chunks_whose_end_nobody_knows_are_not_read():
    with pytest.raises(Unreadable):
        settled(b"abc", HTTP_TRANSFER_ENCODING="chunked")


@pytest.mark.parametrize("length", ["101", "9" * 400])
def test_a_length_over_the_bound_is_too_much(length):
    with pytest.raises(TooLarge):
        settled(CONTENT_LENGTH=length)


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "１２", "0x10"])
def test_a_length_that_is_no_number_is_unreadable(length):
    with pytest.raises(Unreadable):
        settled(CONTENT_LENGTH=length)


def test_a_connection_that_breaks_is_unreadable():
    class Broken(io.BytesIO):
        def read(self, *_):
            raise ConnectionResetError

    with pytest.raises(Unreadable):
        settle(
            {"wsgi.input": Broken(), "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}, 100
        )
