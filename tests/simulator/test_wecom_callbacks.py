"""Events: encryption (reference section 20), delivery over HTTP, retries, who causes them."""

from __future__ import annotations

import base64
import struct
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml import ElementTree

from bridge.simulator.wecom import CORP_ID
from bridge.simulator.wecom.callbacks import encrypt, event_xml, key_bytes, outer_xml, sign

TOKEN = "bridgeTestToken2026"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
RECEIVER = "wwbridge0000000001"
V1 = "4j/AuRx71kQlxVlzbpsMWBhPcgrjbCklX5fYn1DOD9RyjwLVxgvS/lR8bNaGmQ1DLqZVl+jExLu5/t/gpQ1c2A=="
V2 = (
    "wrNmYnsdngNwZHPRm4NnS5fqnPWzP313jWQif1B3JK/Ll/VFMcKhjjaK5IBZDG1WmXRq1eI8Pa1wFvJf3qydAmcx+mYKeyjLFRe9ssiC"
    "RxKpxG4dQnfj9+PQK3K7gPEV6AF5esPeL3elqpOn5nwr8cUkyaAr9u2ozrz2FA42kRJcflxMhXBdI6NKAA7XGw6H9nJGrPH1EDriVpct"
    "kPhuTGQUR+v7lreg99xE8dT+HrQwsftI7o4DGpNB85SeMIbbcwnyXJTi6cxVB8Y44O7W2NZOuNSf5km3lWol22/vmZwyX4VLpGAhs87l"
    "J4h/lm0R1qiigLwryJC2iDSS2yoiCZT1DDYv4C8hhZdVsavNz+nmlr9GLVneQ6hlNrB1IVxHw1q5V1jt/pPxKzagGc7TjUq85nX+JUWV"
    "cRiTwpWKF/bldG9uFPq5gcI9MvPtJiaM8a3f0J2D99AYOfX/8UY2dbfxglfkPaQsC9CyC8Luba7BTv8tONWnfTpVIbRkhRlUDVG4ZQea"
    "fDHEE7V/c6gGhOcQ5bSZV3it1lKoP72skxg="
)
V3 = (
    "4j/AuRx71kQlxVlzbpsMWBfw6yxAWHp9EIIUg0N/MmeYvt2NqyywHbbe798y3osmYPfLF8P4l6dr20nrnngh7Ub8mJ1Tsmrm0AxRtufv"
    "FEXAnkG5VpjPdpzoT1GWHycN"
)
V4 = "4j/AuRx71kQlxVlzbpsMWGzURD1tWUGPWtA6DoEm5544WMDdwJDJTTrS0rydt9zNgPhoXOLHOnGjSFLm8ztLMg=="


@pytest.mark.parametrize(
    ("salt", "message", "timestamp", "nonce", "encrypted", "signature"),
    [
        ("0123456789abcdef", "5927782489442352469", "1767225600", "nonce0001", V1,
         "afeeb5b81e2193b5cea70b896efdfdc68337431e"),
        ("fedcba9876543210", event_xml(RECEIVER, "lisi", 1767229200, "modify_schedule",
         {"CalId": "wcTESTcal0000000000000000000AAAA", "ScheduleId": "aa11bb22cc33dd44ee55ff6677889900"}),
         "1767229201", "nonce0002", V2, "01be57d82b9a26d8bd8faaa9c688fb88e2fd0952"),
        ("0123456789abcdef", "A" * 26, "1", "2", V3, "ccccfccce64be2afa3011971e89cea46d42ae3ff"),
        ("0123456789abcdef", "日程变更", "1767229300", "n4", V4, "cccd56daa2d0e78a9bc7730a9dc975d10d298b50"),
    ],
    ids=["verification", "event", "full padding", "utf-8"],
)  # fmt: skip
def test_the_vectors_of_the_reference_come_out(salt, message, timestamp, nonce, encrypted, signature) -> None:
    assert encrypt(KEY, message, RECEIVER, salt=salt.encode()) == encrypted
    assert sign(TOKEN, timestamp, nonce, encrypted) == signature


def test_spare_bits_of_the_key_do_not_matter() -> None:
    assert key_bytes(KEY) == key_bytes(KEY[:-1] + "9") == bytes(range(32))
    assert sign(TOKEN, "1767225600", "nonce0002", V1) != "afeeb5b81e2193b5cea70b896efdfdc68337431e"


def test_the_outer_body_is_the_documented_one() -> None:
    assert outer_xml(RECEIVER, 1000002, "x") == (
        "<xml><ToUserName><![CDATA[wwbridge0000000001]]></ToUserName><AgentID><![CDATA[1000002]]></AgentID>"
        "<Encrypt><![CDATA[x]]></Encrypt></xml>"
    )


def decrypt(encrypted: str) -> tuple[str, str]:
    """Return message and receiver; written here on its own, not with the sender's code."""
    key = base64.b64decode(KEY + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    block = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
    block = block[: -block[-1]]
    (size,) = struct.unpack(">I", block[16:20])
    return block[20 : 20 + size].decode(), block[20 + size :].decode()


class Receiver(ThreadingHTTPServer):
    """The app's callback address: keeps what it got; answers what the test wants."""

    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.echo = True
        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/wecom?source=1"

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass

    def query(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))

    def do_GET(self) -> None:
        query = self.query()
        assert sign(TOKEN, query["timestamp"], query["nonce"], query["echostr"]) == query["msg_signature"]
        message, receiver = decrypt(query["echostr"])
        assert receiver == CORP_ID
        self.answer(200, message if self.server.echo else f'"{message}"')

    def do_POST(self) -> None:
        query = self.query()
        outer = ElementTree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
        encrypted = outer.findtext("Encrypt")
        assert sign(TOKEN, query["timestamp"], query["nonce"], encrypted) == query["msg_signature"]
        message, receiver = decrypt(encrypted)
        event = {child.tag: child.text for child in ElementTree.fromstring(message)}
        self.server.got.append({"receiver": receiver, "agent": outer.findtext("AgentID"), **event})
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status:
            self.answer(status, "")

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def receiver(box):
    server = Receiver()
    box.act("set_callback", url=server.url, token=TOKEN, aes_key=KEY)
    yield server
    box.act("set_callback")
    server.stop()


def settled(box) -> list[dict]:
    assert box.sim.sender.flush()
    return box.act("callbacks", clear=True)["results"]


def test_the_address_is_verified_by_an_echo(box, receiver) -> None:
    box.act("verify_callback")
    assert [(item["event"], item["ok"]) for item in settled(box)] == [("verify", True)]
    receiver.echo = False
    box.act("verify_callback")
    assert [(item["event"], item["ok"]) for item in settled(box)] == [("verify", False)]


def test_what_people_do_is_told_to_the_app(box, receiver) -> None:
    cal = box.calendar(admins=["lisi"])
    schedule_id = box.add(cal, attendees=[{"userid": "wangwu"}])
    assert settled(box) == []
    box.act("respond", userid="wangwu", schedule_id=schedule_id, answer="accept")
    box.act("edit", userid="lisi", schedule_id=schedule_id, fields={"summary": "New"})
    box.act("edit_calendar", userid="lisi", cal_id=cal, fields={"summary": "New"})
    box.act("delete", userid="lisi", schedule_id=schedule_id)
    box.act("delete_calendar", userid="lisi", cal_id=cal)
    assert all(item["ok"] and item["attempts"] == 1 for item in settled(box))
    common = {
        "receiver": CORP_ID,
        "agent": "1000002",
        "ToUserName": CORP_ID,
        "CreateTime": "1767542400",
        "MsgType": "event",
        "CalId": cal,
    }
    assert receiver.got == [
        {**common, "FromUserName": "wangwu", "Event": "respond_schedule", "ScheduleId": schedule_id},
        {**common, "FromUserName": "lisi", "Event": "modify_schedule", "ScheduleId": schedule_id},
        {**common, "FromUserName": "lisi", "Event": "modify_calendar"},
        {**common, "FromUserName": "lisi", "Event": "delete_schedule", "ScheduleId": schedule_id},
        {**common, "FromUserName": "lisi", "Event": "delete_calendar"},
    ]


def test_an_event_is_sent_again_three_times_at_most(box, receiver, cal) -> None:
    schedule_id = box.add(cal, attendees=[{"userid": "lisi"}])
    receiver.statuses = [500, 403]
    box.act("respond", userid="lisi", schedule_id=schedule_id, answer="accept")
    assert [(item["ok"], item["attempts"]) for item in settled(box)] == [(True, 3)]
    receiver.statuses = [500, 0, 302, 500, 500]
    box.act("respond", userid="lisi", schedule_id=schedule_id, answer="decline")
    assert [(item["ok"], item["attempts"]) for item in settled(box)] == [(False, 4)]
    assert len(receiver.got) == 7
    assert receiver.got[0] == receiver.got[1]


def test_retries_may_wait_and_events_may_come_twice(box, receiver, cal) -> None:
    schedule_id = box.add(cal, attendees=[{"userid": "lisi"}])
    receiver.statuses = [500]
    box.switch(callback_retry_delay_s=0.2, callback_copies=2)
    began = time.monotonic()
    box.act("respond", userid="lisi", schedule_id=schedule_id, answer="accept")
    assert time.monotonic() - began < 0.2
    assert [item["attempts"] for item in settled(box)] == [2, 1]
    assert time.monotonic() - began >= 0.2
    assert len(receiver.got) == 3


def test_own_writes_are_told_only_where_the_switch_says_so(box, receiver, cal) -> None:
    box.switch(own_writes_fire_callbacks=True)
    schedule_id = box.add(cal)
    box.ok("oa/schedule/update", {"schedule": {**box.schedule(cal), "schedule_id": schedule_id}})
    box.ok("oa/schedule/add_attendees", {"schedule_id": schedule_id, "attendees": [{"userid": "lisi"}]})
    box.ok("oa/schedule/del", {"schedule_id": schedule_id})
    box.ok("oa/calendar/update", {"calendar": {"cal_id": cal, "summary": "x", "color": "#000000"}})
    box.ok("oa/calendar/del", {"cal_id": cal})
    settled(box)
    assert [item["Event"] for item in receiver.got] == [
        "add_schedule",
        "modify_schedule",
        "modify_schedule",
        "delete_schedule",
        "modify_calendar",
        "delete_calendar",
    ]


def test_a_receiver_that_is_down_stops_nobody(box, cal) -> None:
    box.act("set_callback", url="http://127.0.0.1:9/hook", token=TOKEN, aes_key=KEY)
    schedule_id = box.add(cal, attendees=[{"userid": "lisi"}])
    box.act("respond", userid="lisi", schedule_id=schedule_id, answer="accept")
    assert [(item["ok"], item["status"]) for item in settled(box)] == [(False, 0)]
    box.act("set_callback")
