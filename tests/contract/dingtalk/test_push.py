"""Callbacks and Stream frames: the published vectors, and everything that must not be believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.errors import BadInput, NotAllowed
from bridge.providers.dingtalk.push import (
    Callbacks,
    acknowledge,
    decode_key,
    open_body,
    read_frame,
    read_payload,
    signature,
)

OWN = {
    "token": "caldavbridge01",
    "aes_key": "Zq3W8xTn5RkLp0VbYc7HsJd2GfMe9UaKi4ouNrt1BQw",
    "owner": "dingq7x2m4bridge0key",
}

B_MESSAGE = (
    '{"EventType":"calendar_event_change","EventTime":1893456001000,"CorpId":"ding0f1e2d3c4b5a6978","BizId":"1893456001000",'
    '"CalendarEventId":"b2xkLWV2ZW50LWlk","CalendarEventUpdateTime":1893456000500,"CalendarId":"primary",'
    '"UnionIdList":["unionAlice001","unionBob002"],"ChangeType":"updated","operator":{"type":"user"},'
    '"LegacyCalendarEventId":"0A1B2C3D4E5F60718293A4B5C6D7E8F9"}'
)

VECTORS: list[dict[str, Any]] = [
    {
        "name": "P1",
        "token": "mryue",
        "aes_key": "Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7",
        "owner": "ding6ccabc44d2c8d38b",
        "timestamp": "1608001896814",
        "nonce": "WL4PK6yA",
        "encrypt": (
            "0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYx"
            "xOK+HZeKju4yhELOFchzNukR+t8SB/qk4ROMu3"
        ),
        "signature": "03044561471240d4a14bb09372dfcfd4fd0e40cb",
        "message": '{"EventType":"check_url"}',
    },
    {
        "name": "P2",
        "token": "123456",
        "aes_key": "1234567890123456789012345678901234567890123",
        "owner": "dingsnotzck6pm5veliw",
        "timestamp": "1614767836",
        "nonce": "A7Co0cJLMzIDtMMI",
        "encrypt": "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA==",
        "signature": "9a95a004dd16f5c307e849b994173f76aa26e5eb",
        "message": "success",
    },
    {
        **OWN,
        "name": "A",
        "random": "0123456789abcdef",
        "timestamp": "1893456000000",
        "nonce": "n0nceAAAA",
        "encrypt": (
            "ds6Ags4Uk7hlv0K4Swgsy3KnEPTkbpFbps7EzQuQ2DhRxNyokh7Z7DdWUxB53gV9vJ2iRNq1DmiXyCV0C82GCNsWuU"
            "az9hDYuCD13lD7Yrdy9zGA8jmhxlD3y7ET1m3Y"
        ),
        "signature": "0dc6e491799e4c981c27d81459b48e2806fc4427",
        "message": '{"EventType":"check_url"}',
    },
    {
        **OWN,
        "name": "B",
        "random": "fedcba9876543210",
        "timestamp": "1893456001234",
        "nonce": "n0nceBBBB",
        "encrypt": (
            "1nIlEwJEZUliW1He3lqwkWec9g50vEST1aSHOR8rE4AcQuloUVoSPyWQ0H//2nHmcGqAx6Qo8m8hBc7rImllQ9z4L+"
            "nDJFA6vBC0kCTxHNhSd5uVmlKtUc6VMyNL8OxOHjYv9tV3TRGx4i98DRhsDhXbDOI1jYUGrSXLdauwMN97ZVkkHIjg"
            "SXIZzGt7Y+afnO0t8NY6VioeXIKaPaSC63hWwfHHxuCXgCKVMV6ioZl7EL2SYbT/0+vEFU2Tno9o2OELySGPNzc1ga"
            "Q/xVL0/9QoBdOYDa5x/m6iz6JzOP4wRYS8UNjRr07nMWxSJ1E3A/J53HVF5lI1DUQL8uvkrbNBKyGPxxWnkEtIiGyl"
            "5lNI6KmCX24OQIzvPPMlZbYaDK7VWt8m1I2/PrXmr93DtnKkStP+vxwl/1GIEEnDaReom2xGFzc3Wqiml70ykwHf5i"
            "TfYGNwfUPW5j0gihgZ2LVJLhDmRlQEKBXdFkf4JCpTE4n/JhP+gtONjhkZLhDO+1O0jjvZGODdNFTytay7xDFGRXzH"
            "xiHScHbfQWL4ros="
        ),
        "signature": "8cfdef7d16bdbc1b9cae297f6e019baf5d9c1c8c",
        "message": B_MESSAGE,
    },
    {
        **OWN,
        "name": "C",
        "random": "ABCDEFGHIJKLMNOP",
        "timestamp": "1893456001300",
        "nonce": "n0nceCCCC",
        "encrypt": "SaW7GOsEChIcW6f4Au1vm9bkWm9nVAY+qLOXsfeclWBkKVf8peczSCStlMRAzAOzaiVAhY568gUbSUiiV8rOlw==",
        "signature": "1461695f713be2c5c1d97e3295b227462dfca0b7",
        "message": "success",
    },
    {
        **OWN,
        "name": "D",
        "random": "qrstuvwxyzQRSTUV",
        "timestamp": "1893456002000",
        "nonce": "n0nceDDDD",
        "encrypt": (
            "S3c4s5LEOAGIvn/eh3TplCb8kavwcJjZrDnxFnh8QR6die0qvsBrfhxdniAdF3MftAh4EcGWwds03QDvYoWC2ojUpd"
            "2zwvIsYACJLi/Wv+b6GkcMhoAp7EzWT/GiU/H9"
        ),
        "signature": "9f9390f6220687e3181ac0a6d7acb1c8ea809a2d",
        "message": '{"EventType":"user_modify_org","UserId":["张三01"]}',
    },
    {
        **OWN,
        "name": "E",
        "random": "aaaaaaaaaaaaaaaa",
        "timestamp": "1893456003000",
        "nonce": "n0nceEEEE",
        "encrypt": (
            "ucyJ4SHvydt3hxot8pDbMkjqNB31Q56qNun5gG6eDKSBNWu+Q2QKH95Kxn83DzttD0Of4e3eM+o9qLeKQqtNhdBQD3"
            "Vd6kjkI9/HFtofqWqBlBZjmyy3sy2rTq4HvC1d"
        ),
        "signature": "92122e06db880072a698f13a1a777edeec86a7ee",
        "message": "x" * 24,
    },
]


def callbacks(vector: dict[str, Any]) -> Callbacks:
    return Callbacks(token=vector["token"], aes_key=vector["aes_key"], owner_keys=(vector["owner"],))


def by_name(name: str) -> dict[str, Any]:
    return next(v for v in VECTORS if v["name"] == name)


def posted(vector: dict[str, Any], name: str = "msg_signature") -> tuple[dict[str, str], bytes, float]:
    query = {name: vector["signature"], "timestamp": vector["timestamp"], "nonce": vector["nonce"]}
    seconds = int(vector["timestamp"])
    return (
        query,
        json.dumps({"encrypt": vector["encrypt"]}).encode(),
        seconds / 1000 if seconds > 10**11 else seconds,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_published_vectors_are_read(vector: dict[str, Any]) -> None:
    assert callbacks(vector).decrypt(vector["encrypt"]).decode() == vector["message"]
    assert (
        signature(vector["token"], vector["timestamp"], vector["nonce"], vector["encrypt"])
        == vector["signature"]
    )


@pytest.mark.parametrize("vector", [v for v in VECTORS if "random" in v], ids=lambda v: v["name"])
def test_published_vectors_are_written(vector: dict[str, Any]) -> None:
    answer = callbacks(vector).encrypted(
        vector["message"], vector["timestamp"], vector["nonce"], vector["random"].encode()
    )
    assert answer == {
        "msg_signature": vector["signature"],
        "timeStamp": vector["timestamp"],
        "nonce": vector["nonce"],
        "encrypt": vector["encrypt"],
    }


@pytest.mark.parametrize("name", ["msg_signature", "signature"])
def test_a_change_is_read_whichever_name_its_signature_has(name: str) -> None:
    vector = by_name("B")
    query, body, now_s = posted(vector, name)
    notice = callbacks(vector).receive(query, body, now_s=now_s)
    assert notice.is_calendar
    assert notice.event_id == "b2xkLWV2ZW50LWlk"
    assert notice.user_ids == ("unionAlice001", "unionBob002")
    assert (notice.change, notice.updated_ms) == ("updated", 1893456000500)


def test_the_answer_is_an_encrypted_success() -> None:
    vector = by_name("B")
    reader = callbacks(vector)
    answer = reader.answer({"timestamp": "1893456001300", "nonce": "n0nceCCCC"})
    assert reader.decrypt(answer["encrypt"]) == b"success"
    assert answer["msg_signature"] == signature(OWN["token"], "1893456001300", "n0nceCCCC", answer["encrypt"])
    assert (answer["timeStamp"], answer["nonce"]) == ("1893456001300", "n0nceCCCC")


def test_a_check_of_the_address_is_recognised() -> None:
    vector = by_name("A")
    query, body, now_s = posted(vector)
    assert callbacks(vector).receive(query, body, now_s=now_s).event == "check_url"


def test_forged_old_and_foreign_callbacks_are_refused() -> None:
    vector = by_name("B")
    query, body, now_s = posted(vector)
    reader = callbacks(vector)
    for bad in (
        {**query, "msg_signature": "0" * 40},
        {**query, "nonce": "other"},
        {**query, "msg_signature": "é"},
        {},
    ):
        with pytest.raises(NotAllowed):
            reader.receive(bad, body, now_s=now_s)
    for wrong_s in (now_s + 86_400, now_s - 86_400):
        with pytest.raises(NotAllowed):
            reader.receive(query, body, now_s=wrong_s)
    other = Callbacks(token=OWN["token"], aes_key=OWN["aes_key"], owner_keys=("somebody-else",))
    with pytest.raises(NotAllowed):
        other.receive(query, body, now_s=now_s)
    both = Callbacks(token=OWN["token"], aes_key=OWN["aes_key"], owner_keys=("somebody-else", OWN["owner"]))
    assert both.receive(query, body, now_s=now_s).is_calendar


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"encrypt":5}', b"x" * 300_000])
def test_broken_bodies_are_bad_input_or_refused(body: bytes) -> None:
    query, _body, now_s = posted(by_name("B"))
    with pytest.raises((BadInput, NotAllowed)):
        callbacks(by_name("B")).receive(query, body, now_s=now_s)


@pytest.mark.parametrize("encrypted", ["", "!", "AAAA", "A" * 64, "AAAAAAAAAAAAAAAAAAAAAA=="])
def test_broken_ciphertext_is_bad_input(encrypted: str) -> None:
    with pytest.raises((BadInput, NotAllowed)):
        callbacks(by_name("B")).decrypt(encrypted)


def test_spare_bits_of_a_key_do_not_matter_and_impossible_keys_do() -> None:
    key = OWN["aes_key"]
    assert len({decode_key(key[:-1] + last) for last in "wxyz"}) == 1
    for bad in ("", key[:-1], key + "A", key[:-1] + "!"):
        with pytest.raises(ValueError, match="43 characters"):
            decode_key(bad)
    with pytest.raises(ValueError, match="client id"):
        Callbacks(token="t", aes_key=key, owner_keys=())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("create", "created"),
        ("created", "created"),
        ("updated", "updated"),
        ("cancelled", "cancelled"),
        ("odd", "updated"),
        ("", "updated"),
    ],
)
@pytest.mark.parametrize("key", ["changeType", "ChangeType", "changetype"])
def test_every_spelling_of_a_change_is_understood(key: str, written: str, read: str) -> None:
    notice = read_payload({"eventType": "calendar_event_change", "CalendarEventId": "e", key: written})
    assert (notice.event_id, notice.change) == ("e", read)


EVENT = {
    "specVersion": "1.0",
    "type": "EVENT",
    "headers": {
        "topic": "*",
        "messageId": "213d841d_972",
        "contentType": "application/json",
        "eventId": "5f0c3f7e9d1b4c4e8a2f",
        "eventType": "calendar_event_change",
        "eventCorpId": "ding7c1e0a94b2f35d68",
    },
    "data": json.dumps(
        {"calendarEventId": "E", "calendarEventUpdateTime": 1, "unionIdList": ["U"], "changeType": "updated"}
    ),
}


@pytest.mark.parametrize("headers", ["headers", "header"])
def test_a_stream_event_is_read_and_acknowledged(headers: str) -> None:
    sent = {headers if key == "headers" else key: value for key, value in EVENT.items()}
    frame = read_frame(json.dumps(sent))
    assert frame.notice is not None
    assert (frame.notice.event_id, frame.notice.user_ids, frame.notice.key) == (
        "E",
        ("U",),
        "5f0c3f7e9d1b4c4e8a2f",
    )
    answer = acknowledge(frame)
    assert answer is not None
    assert answer["headers"] == {"messageId": "213d841d_972", "contentType": "application/json"}
    assert (answer["code"], json.loads(answer["data"])["status"]) == (200, "SUCCESS")
    later = acknowledge(frame, later=True)
    assert later is not None
    assert json.loads(later["data"])["status"] == "LATER"


def test_a_ping_gets_its_own_words_back_and_a_disconnect_nothing() -> None:
    ping = read_frame(
        '{"type":"SYSTEM","headers":{"topic":"ping","messageId":"m-1"},"data":"{\\"opaque\\":\\"op-77\\"}"}'
    )
    answer = acknowledge(ping)
    assert answer is not None
    assert json.loads(answer["data"]) == {"opaque": "op-77"}
    bye = read_frame(
        '{"type":"SYSTEM","headers":{"topic":"disconnect"},"data":"{\\"reason\\":\\"expired\\"}"}'
    )
    assert bye.is_disconnect
    assert acknowledge(bye) is None


def test_a_push_without_content_says_that_the_month_is_used_up() -> None:
    inside = read_frame(json.dumps({**EVENT, "data": '{"errCode":20001}'}))
    outside = read_frame(json.dumps({**EVENT, "errCode": "20001", "data": ""}))
    for frame in (inside, outside):
        assert frame.notice is not None
        assert frame.notice.quota_spent
        assert not frame.notice.event_id


@pytest.mark.parametrize("raw", ["", "[]", "5", "{", "x" * 300_000, '{"type":"EVENT","data":"["}'])
def test_broken_frames_are_bad_input(raw: str) -> None:
    with pytest.raises(BadInput):
        read_frame(raw)


def test_a_connection_asks_for_all_events() -> None:
    assert open_body("id", "secret")["subscriptions"] == [{"type": "EVENT", "topic": "*"}]
    assert open_body("id", "secret", "10.0.0.5")["localIp"] == "10.0.0.5"
