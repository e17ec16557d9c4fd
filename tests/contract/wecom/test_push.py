"""Callbacks: the reference's own vectors, and everything that must be turned away."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInput, NotAllowed
from bridge.model.upstream import Create
from bridge.providers.wecom.push import BODY_BYTES_MAX, STALE_S, Callbacks, Notice, decode_key, signature

TOKEN = "bridgeTestToken2026"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
CORP = "wwbridge0000000001"

V1 = {
    "msg_signature": "afeeb5b81e2193b5cea70b896efdfdc68337431e",
    "timestamp": "1767225600",
    "nonce": "nonce0001",
    "echostr": "4j/AuRx71kQlxVlzbpsMWBhPcgrjbCklX5fYn1DOD9RyjwLVxgvS/lR8bNaGmQ1DLqZVl+jExLu5/t/gpQ1c2A==",
}
V1_TIME = 1767225600

V2_ENCRYPT = (
    "wrNmYnsdngNwZHPRm4NnS5fqnPWzP313jWQif1B3JK/Ll/VFMcKhjjaK5IBZDG1WmXRq1eI8Pa1wFvJf3qydAmcx+mYKeyjLFRe9ssiCRxKp"
    "xG4dQnfj9+PQK3K7gPEV6AF5esPeL3elqpOn5nwr8cUkyaAr9u2ozrz2FA42kRJcflxMhXBdI6NKAA7XGw6H9nJGrPH1EDriVpctkPhuTGQU"
    "R+v7lreg99xE8dT+HrQwsftI7o4DGpNB85SeMIbbcwnyXJTi6cxVB8Y44O7W2NZOuNSf5km3lWol22/vmZwyX4VLpGAhs87lJ4h/lm0R1qii"
    "gLwryJC2iDSS2yoiCZT1DDYv4C8hhZdVsavNz+nmlr9GLVneQ6hlNrB1IVxHw1q5V1jt/pPxKzagGc7TjUq85nX+JUWVcRiTwpWKF/bldG9u"
    "FPq5gcI9MvPtJiaM8a3f0J2D99AYOfX/8UY2dbfxglfkPaQsC9CyC8Luba7BTv8tONWnfTpVIbRkhRlUDVG4ZQeafDHEE7V/c6gGhOcQ5bSZ"
    "V3it1lKoP72skxg="
)
V2 = {
    "msg_signature": "01be57d82b9a26d8bd8faaa9c688fb88e2fd0952",
    "timestamp": "1767229201",
    "nonce": "nonce0002",
}
V2_TIME = 1767229201

V3_ENCRYPT = (
    "4j/AuRx71kQlxVlzbpsMWBfw6yxAWHp9EIIUg0N/MmeYvt2NqyywHbbe798y3osmYPfLF8P4l6dr20nrnngh7Ub8mJ1Tsmrm0AxRtufvFEXA"
    "nkG5VpjPdpzoT1GWHycN"
)
V4_ENCRYPT = "4j/AuRx71kQlxVlzbpsMWGzURD1tWUGPWtA6DoEm5544WMDdwJDJTTrS0rydt9zNgPhoXOLHOnGjSFLm8ztLMg=="


def callbacks(**more: Any) -> Callbacks:
    return Callbacks(**{"token": TOKEN, "aes_key": KEY, "receive_id": CORP, **more})


def outer(encrypted: str) -> bytes:
    return (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><AgentID><![CDATA[1000002]]></AgentID>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    ).encode()


def encrypt(message: bytes, *, receive_id: str = CORP, pad: int | None = None) -> str:
    """Encrypt as WeCom does, by the reference's description."""
    key = base64.b64decode(KEY + "=")
    plain = os.urandom(16) + len(message).to_bytes(4, "big") + message + receive_id.encode()
    size = 32 - len(plain) % 32
    plain += bytes([size if pad is None else pad]) * size
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def signed(encrypted: str, *, timestamp: str = str(V2_TIME), nonce: str = "n") -> dict[str, str]:
    joined = "".join(sorted([TOKEN, timestamp, nonce, encrypted]))
    digest = hashlib.sha1(joined.encode()).hexdigest()  # noqa: S324
    return {"msg_signature": digest, "timestamp": timestamp, "nonce": nonce}


def test_the_url_verification_of_the_reference_is_answered_with_the_plain_message() -> None:
    assert callbacks().verify(V1, now_s=V1_TIME + 1) == b"5927782489442352469"


def test_the_event_of_the_reference_is_read() -> None:
    notice = callbacks().receive(V2, outer(V2_ENCRYPT), now_s=V2_TIME)
    assert notice == Notice(
        event="modify_schedule",
        calendar_id="wcTESTcal0000000000000000000AAAA",
        schedule_id="aa11bb22cc33dd44ee55ff6677889900",
        user_id="lisi",
        created_s=1767229200,
    )
    assert notice.is_ours


@pytest.mark.parametrize(
    ("encrypted", "timestamp", "nonce", "digest", "message"),
    [
        (V3_ENCRYPT, "1", "2", "ccccfccce64be2afa3011971e89cea46d42ae3ff", b"A" * 26),
        (V4_ENCRYPT, "1767229300", "n4", "cccd56daa2d0e78a9bc7730a9dc975d10d298b50", "日程变更".encode()),
    ],
    ids=["a whole block of padding", "a length in bytes"],
)
def test_the_other_vectors_of_the_reference_decrypt(
    encrypted: str, timestamp: str, nonce: str, digest: str, message: bytes
) -> None:
    query = {"msg_signature": digest, "timestamp": timestamp, "nonce": nonce, "echostr": encrypted}
    assert callbacks().verify(query, now_s=int(timestamp)) == message


def test_spare_bits_of_the_key_are_ignored() -> None:
    assert decode_key(KEY[:-1] + "9") == decode_key(KEY) == bytes(range(32))
    assert callbacks(aes_key=KEY[:-1] + "9").verify(V1, now_s=V1_TIME) == b"5927782489442352469"


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + "A", KEY[:-1] + "=", KEY[:-1] + "é"])
def test_a_key_that_cannot_be_one_is_refused_when_it_is_configured(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        callbacks(aes_key=key)


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "nonce0002"},
        {"timestamp": "1767225601"},
        {"msg_signature": ""},
        {"msg_signature": "é" * 40},
        {"msg_signature": "AFEEB5B81E2193B5CEA70B896EFDFDC68337431E"},
        {"echostr": ""},
        {"echostr": V1["echostr"].replace("4j", "4k", 1)},
    ],
)
def test_a_signature_that_does_not_fit_is_turned_away(change: dict[str, str]) -> None:
    with pytest.raises(NotAllowed):
        callbacks().verify({**V1, **change}, now_s=V1_TIME)


def test_a_missing_query_is_turned_away() -> None:
    with pytest.raises(NotAllowed):
        callbacks().verify({}, now_s=V1_TIME)


def test_an_event_for_another_company_is_turned_away_after_decryption() -> None:
    with pytest.raises(NotAllowed, match="another company"):
        callbacks(receive_id="wwbridge0000000002").verify(V1, now_s=V1_TIME)


def test_one_changed_character_fails_before_anything_is_decrypted() -> None:
    with pytest.raises(NotAllowed, match="signature"):
        callbacks().receive(V2, outer(V2_ENCRYPT.replace("wrNm", "wrNn", 1)), now_s=V2_TIME)


@pytest.mark.parametrize("now_s", [V2_TIME + STALE_S + 1, V2_TIME - STALE_S - 1, 0])
def test_an_old_or_future_callback_is_turned_away_although_it_is_signed(now_s: int) -> None:
    with pytest.raises(NotAllowed, match="old"):
        callbacks().receive(V2, outer(V2_ENCRYPT), now_s=now_s)


@pytest.mark.parametrize("timestamp", ["", "soon", "-5", "1767229201.5", "²"])
def test_a_timestamp_that_is_no_number_is_turned_away(timestamp: str) -> None:
    encrypted = encrypt(b"<xml/>")
    with pytest.raises(NotAllowed):
        callbacks().receive(signed(encrypted, timestamp=timestamp), outer(encrypted), now_s=V2_TIME)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<xml>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Encrypt>&a;</Encrypt></xml>',
        b"x" * (BODY_BYTES_MAX + 1),
    ],
    ids=["empty", "text", "half", "entity", "external entity", "large"],
)
def test_a_body_that_is_no_plain_xml_is_turned_away(body: bytes) -> None:
    with pytest.raises(BadInput):
        callbacks().receive(V2, body, now_s=V2_TIME)


@pytest.mark.parametrize(
    "encrypted",
    [
        "not base64!",
        base64.b64encode(b"short").decode(),
        base64.b64encode(bytes(32)).decode(),
        encrypt(b"<xml/>", pad=0),
        encrypt(b"<xml/>", pad=33),
        encrypt(b"<xml/>", pad=255),
    ],
    ids=["no base64", "short", "zeros", "pad 0", "pad 33", "pad 255"],
)
def test_a_signed_text_that_does_not_decrypt_is_turned_away(encrypted: str) -> None:
    with pytest.raises((BadInput, NotAllowed)):
        callbacks().receive(signed(encrypted), outer(encrypted), now_s=V2_TIME)


def test_an_event_that_nobody_documented_is_read_as_far_as_it_goes() -> None:
    encrypted = encrypt(b"<xml><Event><![CDATA[dance]]></Event><CreateTime>soon</CreateTime></xml>")
    notice = callbacks().receive(signed(encrypted), outer(encrypted), now_s=V2_TIME)
    assert notice == Notice(event="dance", calendar_id="", schedule_id="", user_id="", created_s=0)
    assert not notice.is_ours


def test_two_deliveries_of_one_event_have_the_same_key() -> None:
    first = callbacks().receive(V2, outer(V2_ENCRYPT), now_s=V2_TIME)
    again = callbacks().receive(V2, outer(V2_ENCRYPT), now_s=V2_TIME + 5)
    assert first.key == again.key


@given(st.binary(max_size=300), st.text(max_size=20))
def test_whatever_is_encrypted_as_described_comes_out_again(message: bytes, receive_id: str) -> None:
    encrypted = encrypt(message, receive_id=receive_id)
    query = {**signed(encrypted), "echostr": encrypted}
    assert callbacks(receive_id=receive_id).verify(query, now_s=V2_TIME) == message


def test_the_signature_sorts_by_bytes() -> None:
    assert signature(TOKEN, V1["timestamp"], V1["nonce"], V1["echostr"]) == V1["msg_signature"]


# ---- a company in a box ----


class Listener:
    """An address that hands every callback to ``Callbacks`` and answers as the bridge would."""

    def __init__(self, reader: Callbacks) -> None:
        self.notices: list[Notice] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                self.answer(reader.verify(self.query(), now_s=NOW_S))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.notices.append(reader.receive(self.query(), body, now_s=NOW_S))
                self.answer(b"")

            def query(self) -> dict[str, str]:
                return dict(parse_qsl(urlsplit(self.path).query))

            def answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/hook/wecom"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


NOW_S = 1767542400
"""The company's clock stands still here."""


def test_what_people_do_in_the_app_arrives(bench: Any, say: Any) -> None:
    reader = callbacks(receive_id="wwsimulatedcorp001")
    listener = Listener(reader)
    try:
        bench.act("set_callback", url=listener.url, token=TOKEN, aes_key=KEY, verify=True)
        payload = bench.payload(say.event(attendees=say.guests("lisi", "wangwu")))
        item = bench.provider.apply(bench.target, Create(payload=payload), "t").item
        bench.act("edit", userid="lisi", schedule_id=item.id, fields={"summary": "New"})
        bench.act("respond", userid="wangwu", schedule_id=item.id, answer="accept")
        bench.act("delete", userid="lisi", schedule_id=item.id)
        bench.server.simulator.sender.flush()
        results = bench.act("callbacks")["results"]
    finally:
        listener.close()
    assert all(result["ok"] for result in results)
    assert next(result["event"] for result in results) == "verify"
    calendar = bench.target.calendar_id
    assert [(n.event, n.user_id, n.calendar_id, n.schedule_id, n.created_s) for n in listener.notices] == [
        ("modify_schedule", "lisi", calendar, item.id, NOW_S),
        ("respond_schedule", "wangwu", calendar, item.id, NOW_S),
        ("delete_schedule", "lisi", calendar, item.id, NOW_S),
    ]
