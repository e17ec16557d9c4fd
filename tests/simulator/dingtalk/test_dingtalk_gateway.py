"""Tokens, permissions, limits, repeated requests, faults, the directory and the login page."""

from __future__ import annotations

import urllib.parse

import httpx
import pytest

HEADER = "x-acs-dingtalk-access-token"


def test_a_token_is_the_same_while_it_lives_and_another_one_after(box):
    assert box.new_token() == box.token
    box.advance(7000)
    assert box.new_token() == box.token
    box.advance(7000)
    assert box.ok("GET", box.events())["events"] == []
    box.advance(201)
    assert box.refused("GET", box.events()) == (400, "InvalidAuthentication")
    assert box.new_token() != box.token


def test_only_the_header_carries_the_token(box):
    for headers, query in (
        ({}, {"access_token": box.token}),
        ({"Authorization": f"Bearer {box.token}"}, {}),
    ):
        answer = box.http.get(box.events(), headers=headers, params=query).json()
        assert answer["code"] == "AuthenticationFailed.MissingParameter"
    answer = box.http.get(box.events(), headers={HEADER: f'"{box.token}"'})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidAuthentication")


def test_every_token_endpoint_answers_in_its_own_words(box, make):
    post = box.http.post
    corp = post(
        "/v1.0/oauth2/corpAccessToken",
        json={
            "suiteKey": make.client_id,
            "suiteSecret": make.client_secret,
            "authCorpId": make.corp_id,
            "suiteTicket": "any",
        },
    ).json()
    assert corp["accessToken"] != box.token
    assert box.call("GET", box.events(), token=corp["accessToken"]).status_code == 200
    unified = {
        "client_id": make.client_id,
        "client_secret": make.client_secret,
        "grant_type": "client_credentials",
    }
    answer = post(f"/v1.0/oauth2/{make.corp_id}/token", json=unified).json()
    assert answer == {"access_token": box.token, "expires_in": 7200}
    legacy = {"appkey": make.client_id, "appsecret": make.client_secret}
    assert box.http.get("/gettoken", params=legacy).json()["access_token"] == box.token
    wrong = {"appKey": make.client_id, "appSecret": "no"}
    refused = post("/v1.0/oauth2/accessToken", json=wrong)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalidClientIdOrSecret")
    form = post("/v1.0/oauth2/accessToken", data={"appKey": "a", "appSecret": "b"})
    assert (form.status_code, form.json()["code"]) == (400, "Missingbody")
    assert post("/v1.0/oauth2/dingx/token", json=unified).status_code == 500
    other = post(f"/v1.0/oauth2/{make.corp_id}/token", json={**unified, "grant_type": "x"})
    assert other.json()["code"] == "unsupported.grant.type"
    assert box.http.get("/gettoken", params={"appkey": "x", "appsecret": "y"}).json()["errcode"] == 40096
    assert box.http.get("/gettoken").json()["errcode"] == 40035
    assert post("/oauth2/corpAccessToken", json={}).json()["errcode"] == 404


def test_a_revoked_token_is_refused_until_a_new_one_is_fetched(box):
    box.act("revoke_token")
    assert box.refused("GET", box.events()) == (400, "InvalidAuthentication")
    box.token = box.new_token()
    assert box.ok("GET", box.events())["events"] == []


def test_a_missing_permission_is_named(box, make):
    box.act("permissions", remove=["Calendar.Event.Write"])
    answer = box.call("POST", box.events(), make.timed())
    assert answer.status_code == 403
    assert answer.json()["code"] == "Forbidden.AccessDenied.AccessTokenPermissionDenied"
    assert answer.json()["accessdenieddetail"] == {"requiredScopes": ["Calendar.Event.Write"]}
    assert box.call("GET", box.events()).status_code == 200
    box.act("permissions", remove=["qyapi_get_member"])
    answer = box.legacy("/topapi/v2/user/get", {"userid": "alice01"})
    assert (answer["errcode"], answer["sub_code"]) == (88, "60011")


def test_a_person_outside_the_scope_cannot_be_acted_for_but_invited(box, make):
    box.act("change_person", **{"as": "bob02", "fields": {"in_scope": False}})
    assert box.refused("GET", box.events(make.bob)) == (400, "permissionDeny")
    assert len(box.create(make.timed(attendees=[{"id": make.bob}]))["attendees"]) == 2
    assert box.legacy("/topapi/v2/user/get", {"userid": "bob02"})["errcode"] == 50002


def test_twenty_calls_a_second_of_one_operation_are_enough(box, make):
    box.switch(qps_limit=20)
    for _ in range(20):
        box.ok("GET", box.events())
    wanted = (403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")
    assert box.refused("GET", box.events()) == wanted
    assert box.ok("GET", f"/v1.0/calendar/users/{make.alice}/calendars")
    box.advance(1)
    assert box.ok("GET", box.events())["events"] == []
    box.switch(qps_limit=0, qpm_limit=1)
    box.advance(60)
    box.ok("GET", box.events())
    assert box.refused("GET", box.events())[1].endswith("QpmLimitForAppkeyAndApi")


def test_the_month_s_calls_are_counted_without_tokens_directory_and_throttled_calls(box):
    box.switch(monthly_calls=3, qps_limit=1)
    box.ok("GET", box.events())
    assert box.refused("GET", box.events())[1].endswith("QpsLimitForAppkeyAndApi")
    for _ in range(5):
        box.advance(1)
        box.new_token()
        box.legacy("/topapi/v2/user/get", {"userid": "alice01"})
    assert box.server.control("state")["calls_by_month"] == {"2026-11": 1}
    assert box.refused("GET", box.event("nothing")) == (404, "itemNotFound")
    box.advance(1)
    box.ok("GET", box.events())
    box.advance(1)
    wanted = (403, "Forbidden.AccessDenied.ApiCountLimitForOrg")
    assert box.refused("GET", box.events()) == wanted
    box.advance(30 * 86_400)
    box.token = box.new_token()
    assert box.ok("GET", box.events())["events"] == []


def test_a_person_gets_a_hundred_new_events_a_day(box, make):
    box.switch(creations_per_day=2)
    box.refused("POST", box.events(), make.timed(summary=""))
    box.create()
    box.create()
    answer = box.call("POST", box.events(), make.timed())
    assert (answer.status_code, answer.json()["code"]) == (400, "flowLimit")
    assert answer.json()["message"] == "current user can not create events exceed 2 per day"
    box.create(user=make.bob)
    box.act("create", **{"as": "alice01", "event": make.timed()})
    box.advance(12 * 3600)  # midnight in Shanghai
    box.token = box.new_token()
    box.create()


@pytest.mark.parametrize(("mode", "hours"), [("utc", 20), ("rolling", 24)])
def test_the_day_of_creations_may_be_another(box, make, mode, hours):
    box.switch(creations_per_day=1, creation_day=mode)
    box.create()
    box.advance(hours * 3600 - 1)
    box.token = box.new_token()
    assert box.refused("POST", box.events(), make.timed()) == (400, "flowLimit")
    box.advance(1)
    box.create()


def test_failed_creations_may_count(box, make):
    box.switch(creations_per_day=1, creation_failures_count="yes")
    assert box.refused("POST", box.events(), make.timed(summary=""))[1] == "invalidParameter"
    assert box.refused("POST", box.events(), make.timed()) == (400, "flowLimit")


def test_a_client_token_brings_the_stored_answer_for_a_day(box, make):
    headers = {"x-client-token": "once"}
    first = box.create(headers=headers)
    assert box.create(headers=headers) == first
    assert box.create(make.timed(summary="Other"), headers=headers) == first
    assert len(box.server.control("state")["events"]) == 1
    box.delete(first["id"], headers=headers)  # another operation is another memory
    box.delete(first["id"], headers=headers)
    box.advance(86_400)
    box.token = box.new_token()
    assert box.create(headers=headers)["id"] != first["id"]


def test_a_client_token_forgets_failures_and_notifies_once(box, make):
    headers = {"x-client-token": "t"}
    assert box.refused("POST", box.events(), make.timed(summary=""), headers=headers)[0] == 400
    body = make.timed(attendees=[{"id": make.bob}], extra={"noChatNotification": "true"})
    box.create(body, headers=headers)
    box.create(body, headers=headers)
    assert box.notices() == [(make.bob, "push")]


def test_the_switches_of_client_tokens(box, make):
    headers = {"x-client-token": "t"}
    box.switch(idempotency_other_body="reject")
    first = box.create(headers=headers)
    assert box.refused("POST", box.events(), make.timed(summary="x"), headers=headers)[0] == 400
    box.switch(idempotency_replay="execute", idempotency_other_body="stored")
    assert box.create(headers=headers)["id"] != first["id"]
    box.switch(idempotency_replay="stored", idempotency_running_ms=2000)
    assert box.refused("POST", box.events(), make.timed(), headers=headers) == (400, "idempotencyProcessing")
    box.advance(2)
    assert box.create(headers=headers)["summary"] == "Design review"
    box.switch(idempotency_running_ms=0, idempotency_failures="yes")
    other = {"x-client-token": "u"}
    assert box.refused("POST", box.events(), make.timed(summary=""), headers=other)[0] == 400
    assert box.refused("POST", box.events(), make.timed(), headers=other)[0] == 400
    box.switch(idempotency_scope="user")
    assert (
        box.create(headers=headers, user=make.alice)["id"] != box.create(headers=headers, user=make.bob)["id"]
    )


def test_a_lost_answer_leaves_the_event_and_its_token_finds_it_again(box):
    box.server.control("fault", {"kind": "lost", "when": "after", "method": "POST", "match": "/events"})
    headers = {"x-client-token": "lost"}
    with pytest.raises(httpx.RemoteProtocolError):
        box.create(headers=headers)
    assert len(box.server.control("state")["events"]) == 1
    assert box.create(headers=headers)["summary"] == "Design review"
    assert len(box.server.control("state")["events"]) == 1


def test_faults_speak_the_vendor_s_words(box):
    box.server.control("fault", {"kind": "throttle", "match": "/events"})
    assert box.refused("GET", box.events()) == (403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")
    box.server.control("fault", {"kind": "throttle", "match": "/events", "code": "ApiCountLimitForOrg"})
    assert box.refused("GET", box.events())[1] == "Forbidden.AccessDenied.ApiCountLimitForOrg"
    box.server.control("fault", {"kind": "error", "status": 500, "code": "system.error", "message": "x"})
    assert box.refused("GET", box.events()) == (500, "system.error")
    box.server.control("fault", {"kind": "throttle", "match": "topapi"})
    assert box.legacy("/topapi/v2/user/get", {"userid": "alice01"})["errcode"] == 90018
    calls = box.server.control("calls")["calls"]
    assert {call["endpoint"] for call in calls} == {"GetAccessToken", "ListEvents", "topapi/v2/user/get"}


def test_unknown_paths(box):
    assert box.refused("GET", "/v1.0/calendar/nothing") == (404, "InvalidAction.NotFound")
    assert box.refused("PATCH", box.events()) == (404, "InvalidAction.NotFound")
    wrong_case = box.events().replace("events", "eventsView")
    assert box.refused("GET", wrong_case) == (404, "InvalidAction.NotFound")
    answer = box.http.get("/calendar/users")
    assert (answer.status_code, answer.json()["errcode"]) == (200, 404)
    assert box.legacy("/topapi/nothing")["errcode"] == 22
    box.switch(unknown_path="html")
    assert "html" in box.call("GET", "/v1.0/calendar/nothing").headers["Content-Type"]


def test_the_directory_is_walked_by_departments(box, make):
    assert box.legacy("/topapi/v2/department/listsubid", {"dept_id": 1})["result"]["dept_id_list"] == [42]
    rows = box.legacy("/topapi/v2/department/listsub")["result"]
    assert (rows[0]["dept_id"], rows[0]["parent_id"]) == (42, 1)
    page = box.legacy("/topapi/v2/user/list", {"dept_id": 42, "cursor": 0, "size": 2})["result"]
    assert [row["userid"] for row in page["list"]] == ["alice01", "bob02"]
    assert page["has_more"] is True
    page = box.legacy("/topapi/v2/user/list", {"dept_id": 42, "cursor": page["next_cursor"], "size": 2})[
        "result"
    ]
    assert [row["unionid"] for row in page["list"]] == [make.carol]
    assert page["has_more"] is False
    root = box.legacy("/topapi/v2/user/list", {"dept_id": 1, "cursor": 0, "size": 100})["result"]["list"]
    assert [(row["name"], row["org_email"]) for row in root] == [
        ("Alice", "alice@corp.example"),
        ("张伟", "zhangwei@corp.example"),
    ]
    assert box.legacy("/topapi/v2/user/list", {"dept_id": 7, "cursor": 0, "size": 1})["errcode"] == 60003
    assert box.legacy("/topapi/v2/user/list", {"dept_id": 1, "cursor": 0, "size": 101})["errcode"] == 400002
    assert box.legacy("/topapi/v2/user/list", {"dept_id": 1})["errcode"] == 400002
    assert box.legacy("/topapi/user/listid", {"dept_id": 1})["result"]["userid_list"] == [
        "alice01",
        "zhangwei04",
    ]
    form = box.http.post(
        "/topapi/v2/user/list",
        params={"access_token": box.token},
        data={"dept_id": "1", "cursor": "0", "size": "10"},
    )
    assert form.json()["errcode"] == 0


def test_a_person_is_found_by_userid_unionid_and_mobile_but_not_by_address(box, make):
    found = box.legacy("/topapi/v2/user/get", {"userid": "bob02"})["result"]
    assert found["unionid"] == make.bob
    assert box.legacy("/topapi/v2/user/get", {"userid": "bob@corp.example"})["errcode"] == 33012
    by_union = box.legacy("/topapi/user/getbyunionid", {"unionid": make.bob})["result"]
    assert by_union == {"contact_type": 0, "userid": "bob02"}
    assert box.legacy("/topapi/user/getbyunionid", {"unionid": "x"})["errcode"] == 60121
    by_mobile = box.legacy("/topapi/v2/user/getbymobile", {"mobile": "13800000002"})
    assert by_mobile["result"] == {"userid": "bob02"}
    search = {"queryWord": "张伟", "offset": 0, "size": 10, "fullMatchField": 1}
    assert box.ok("POST", "/v1.0/contact/users/search", search)["list"] == ["zhangwei04"]
    search["queryWord"] = "carol@corp.example"
    assert box.ok("POST", "/v1.0/contact/users/search", search)["totalCount"] == 0
    scopes = box.http.get("/auth/scopes", params={"access_token": box.token}).json()
    assert scopes["auth_org_scopes"] == {"authed_user": [], "authed_dept": [1]}


def test_addresses_need_their_own_permission(box):
    box.act("permissions", remove=["fieldEmail", "fieldMobile"])
    found = box.legacy("/topapi/v2/user/get", {"userid": "alice01"})["result"]
    assert not {"email", "org_email", "mobile"} & set(found)


def test_the_legacy_host_wants_its_token_in_the_query(box):
    answer = box.legacy("/topapi/v2/user/get", {"userid": "alice01"}, access_token="wrong")
    assert (answer["errcode"], answer["sub_code"]) == (88, "40014")
    answer = box.http.post("/topapi/v2/user/get", json={"userid": "alice01"}, headers={HEADER: box.token})
    assert answer.json()["sub_code"] == "40000"


def login(box, make, **more):
    query = {
        "redirect_uri": "https://bridge.example/ui/back?x=1",
        "response_type": "code",
        "client_id": make.client_id,
        "scope": "openid",
        "prompt": "consent",
        "state": "s&1",
        **more,
    }
    return box.http.get("/oauth2/auth", params=query)


def test_a_person_logs_in_and_is_told_apart_by_unionid(box, make):
    page = login(box, make)
    assert page.text.count("sim_user") == 5
    back = login(box, make, sim_user="bob02")
    assert back.status_code == 302
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back.headers["Location"]).query))
    assert (query["x"], query["state"], query["code"]) == ("1", "s&1", query["authCode"])
    body = {
        "clientId": make.client_id,
        "clientSecret": make.client_secret,
        "code": query["code"],
        "grantType": "authorization_code",
    }
    tokens = box.http.post("/v1.0/oauth2/userAccessToken", json=body).json()
    assert tokens["corpId"] == make.corp_id
    me = box.ok("GET", "/v1.0/contact/users/me", token=tokens["accessToken"])
    assert (me["unionId"], me["nick"]) == (make.bob, "Bob")
    assert box.http.post("/v1.0/oauth2/userAccessToken", json=body).status_code == 400
    assert box.refused("GET", box.events(), token=tokens["accessToken"]) == (400, "permissionDeny")
    assert box.call("GET", box.events(make.bob), token=tokens["accessToken"]).status_code == 200
    mine = box.ok(
        "POST", "/v1.0/calendar/me/calendars/primary/events", make.timed(), token=tokens["accessToken"]
    )
    assert mine["organizer"]["id"] == make.bob
    refresh = {**body, "refreshToken": tokens["refreshToken"], "grantType": "refresh_token"}
    second = box.http.post("/v1.0/oauth2/userAccessToken", json=refresh).json()
    assert second["refreshToken"] != tokens["refreshToken"]
    box.advance(7201)
    wanted = (400, "accesstoken.expired")
    assert box.refused("GET", "/v1.0/contact/users/me", token=second["accessToken"]) == wanted


def test_the_login_page_checks_its_address_and_lets_people_refuse(box, make):
    assert login(box, make, response_type="token").status_code == 400
    assert login(box, make, client_id="x").status_code == 400
    assert login(box, make, redirect_uri="javascript:alert(1)").status_code == 400
    assert "error=access_denied" in login(box, make, sim_user="-").headers["Location"]
    box.act("redirect_uris", uris=["https://bridge.example/other"])
    assert login(box, make).status_code == 400
    box.act("redirect_uris", uris=[])
    box.act("login_as", **{"as": "alice01"})
    late = login(box, make).headers["Location"].split("code=")[1].split("&")[0]
    box.advance(301)
    body = {
        "clientId": make.client_id,
        "clientSecret": make.client_secret,
        "code": late,
        "grantType": "authorization_code",
    }
    assert box.http.post("/v1.0/oauth2/userAccessToken", json=body).status_code == 400


def test_reset_brings_the_first_day_back(box, make):
    box.create()
    box.act("leave", **{"as": "bob02"})
    box.switch(put_null="clear")
    assert box.refused("GET", box.events(make.bob)) == (400, "invalidParameter")
    box.server.control("reset", {})
    box.token = box.new_token()
    assert box.list(make.bob) == []
    assert box.server.control("switch")["put_null"]["value"] == "ignore"
