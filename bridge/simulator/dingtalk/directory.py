"""The company's directory: people, departments, who may be seen (reference section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk.errors import ApiError, LegacyError
from bridge.simulator.dingtalk.gateway import Call, Operation

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Person

PAGE_MAX: Final = 100

ORDERS: Final = ("entry_asc", "entry_desc", "modify_asc", "modify_desc", "custom")

FIELD_EMAIL: Final = "fieldEmail"
"""The permission 邮箱等个人信息, under which email and org_email are shown."""

FIELD_MOBILE: Final = "fieldMobile"
"""The permission 企业员工手机号信息."""


def _ok(result: Any) -> dict[str, Any]:
    return {"errcode": 0, "errmsg": "ok", "result": result}


def _text(call: Call, name: str) -> str:
    value = call.form().raw.get(name)
    if value in (None, "") or isinstance(value, bool | list | dict):
        raise LegacyError(400002, f"无效的参数: {name}")
    return str(value)


def _number(call: Call, name: str, default: int | None = None) -> int:
    value = call.form().raw.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise LegacyError(400002, f"无效的参数: {name}")
    return value


def _user_json(sim: DingTalkSimulator, person: Person) -> dict[str, Any]:
    found: dict[str, Any] = {
        "userid": person.userid,
        "unionid": person.union_id,
        "name": person.name,
        "active": True,
        "admin": False,
        "boss": False,
        "senior": False,
        "hide_mobile": False,
        "dept_id_list": list(person.departments),
        "avatar": "",
        "title": "",
        "job_number": "",
    }
    if FIELD_EMAIL in sim.permissions:
        found["email"] = person.email
        if person.org_email:
            found["org_email"] = person.org_email
    if FIELD_MOBILE in sim.permissions:
        found["mobile"] = person.mobile
        found["state_code"] = "86"
    if sim.switches["directory_numbers"] == "text":
        flat = {name: value for name, value in found.items() if isinstance(value, bool | int)}
        found.update({name: str(value).lower() for name, value in flat.items()})
        found["dept_id_list"] = [str(value) for value in person.departments]
    return found


def _visible(person: Person | None, code: int, message: str) -> Person:
    if person is None:
        raise LegacyError(code, message)
    if not person.in_scope:
        raise LegacyError(50002, "请求的员工userid不在授权范围内")
    return person


def _user_get(sim: DingTalkSimulator, call: Call) -> Any:
    person = _visible(sim.store.by_userid(_text(call, "userid")), 33012, "无效的USERID")
    return _ok(_user_json(sim, person))


def _by_union_id(sim: DingTalkSimulator, call: Call) -> Any:
    person = _visible(sim.store.people.get(_text(call, "unionid")), 60121, "找不到该用户")
    return _ok({"contact_type": 0, "userid": person.userid})


def _by_mobile(sim: DingTalkSimulator, call: Call) -> Any:
    mobile = _text(call, "mobile")
    found = next((person for person in sim.store.people.values() if person.mobile == mobile), None)
    return _ok({"userid": _visible(found, 40104, "无效的手机号").userid})


def _members(sim: DingTalkSimulator, call: Call) -> list[Person]:
    dept_id = _number(call, "dept_id")
    if dept_id not in sim.store.departments:
        raise LegacyError(60003, "部门不存在")
    return [
        person for person in sim.store.people.values() if dept_id in person.departments and person.in_scope
    ]


def _page(call: Call, people: list[Person]) -> tuple[list[Person], dict[str, Any]]:
    cursor, size = _number(call, "cursor"), _number(call, "size")
    if cursor < 0 or not 1 <= size <= PAGE_MAX:
        raise LegacyError(400002, "无效的参数: size")
    order = call.form().raw.get("order_field", "custom")
    if order not in ORDERS:
        raise LegacyError(400002, "无效的参数: order_field")
    last = cursor + size
    more = last < len(people)
    return people[cursor:last], {"has_more": more, **({"next_cursor": last} if more else {})}


def _user_list(sim: DingTalkSimulator, call: Call) -> Any:
    shown, page = _page(call, _members(sim, call))
    return _ok({**page, "list": [_user_json(sim, person) for person in shown]})


def _list_simple(sim: DingTalkSimulator, call: Call) -> Any:
    shown, page = _page(call, _members(sim, call))
    return _ok({**page, "list": [{"userid": person.userid, "name": person.name} for person in shown]})


def _list_id(sim: DingTalkSimulator, call: Call) -> Any:
    return _ok({"userid_list": [person.userid for person in _members(sim, call)]})


def _children(sim: DingTalkSimulator, dept_id: int) -> list[int]:
    if dept_id not in sim.store.departments:
        raise LegacyError(60003, "部门不存在")
    return [dept.id for dept in sim.store.departments.values() if dept.parent_id == dept_id]


def _list_sub(sim: DingTalkSimulator, call: Call) -> Any:
    rows = []
    for dept_id in _children(sim, _number(call, "dept_id", 1)):
        dept = sim.store.departments[dept_id]
        rows.append(
            {
                "dept_id": dept.id,
                "name": dept.name,
                "parent_id": dept.parent_id,
                "create_dept_group": True,
                "auto_add_user": True,
            }
        )
    return _ok(rows)


def _list_sub_id(sim: DingTalkSimulator, call: Call) -> Any:
    return _ok({"dept_id_list": _children(sim, _number(call, "dept_id"))})


def _scopes(sim: DingTalkSimulator, call: Call) -> Any:
    del call
    people = list(sim.store.people.values())
    scoped = [person.userid for person in people if person.in_scope]
    everybody = len(scoped) == len(people)
    fields = ["name", "email"] if FIELD_EMAIL in sim.permissions else ["name"]
    return {
        "errcode": 0,
        "errmsg": "ok",
        "auth_user_field": fields,
        "auth_org_scopes": {
            "authed_user": [] if everybody else scoped,
            "authed_dept": [1] if everybody else [],
        },
    }


def _search(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    word, first, size = fields.text("queryWord"), fields.whole("offset"), fields.whole("size")
    if not word or first is None or size is None or first < 0 or not 1 <= size <= PAGE_MAX:
        raise ApiError(400, "parameter.error", "parameter error")
    exact = fields.whole("fullMatchField") == 1
    found = [
        person.userid
        for person in sim.store.people.values()
        if person.in_scope
        and (word == person.name if exact else word.lower() in f"{person.name} {person.userid}".lower())
    ]
    return {
        "hasMore": first + size < len(found),
        "totalCount": len(found),
        "list": found[first : first + size],
    }


def _me(sim: DingTalkSimulator, call: Call) -> Any:
    wanted = call.params.get("who", "me")
    person = sim.store.people.get(call.user_token_of if wanted == "me" else wanted)
    if person is None or not call.user_token_of:
        raise ApiError(404, "invalidParameter.user.notFound", "user not found")
    found = {
        "nick": person.name,
        "avatarUrl": "https://example.invalid/a.png",
        "openId": f"o{person.union_id[::-1]}",
        "unionId": person.union_id,
        "email": person.email,
        "stateCode": "86",
    }
    if "Contact.User.mobile" in sim.permissions:
        found["mobile"] = person.mobile
    return found


def _legacy(path: str, handler: Any, scope: str, method: str = "POST") -> Operation:
    return Operation(
        name=path,
        method=method,
        pattern=f"/{path}",
        handler=handler,
        scope=scope,
        billed=False,
        host="oapi",
    )


_MEMBERS: Final = "qyapi_get_department_member"
_MEMBER: Final = "qyapi_get_member"
_DEPARTMENTS: Final = "qyapi_get_department_list"

OPERATIONS: Final = (
    _legacy("topapi/v2/user/get", _user_get, _MEMBER),
    _legacy("topapi/user/getbyunionid", _by_union_id, _MEMBER),
    _legacy("topapi/v2/user/getbymobile", _by_mobile, "qyapi_get_member_by_mobile"),
    _legacy("topapi/v2/user/list", _user_list, _MEMBERS),
    _legacy("topapi/user/listsimple", _list_simple, _MEMBERS),
    _legacy("topapi/user/listid", _list_id, _MEMBER),
    _legacy("topapi/v2/department/listsub", _list_sub, _DEPARTMENTS),
    _legacy("topapi/v2/department/listsubid", _list_sub_id, _DEPARTMENTS),
    _legacy("auth/scopes", _scopes, "qyapi_base", "GET"),
    Operation(
        name="SearchUser",
        method="POST",
        pattern="/v1.0/contact/users/search",
        handler=_search,
        scope="qyapi_addresslist_search",
    ),
    Operation(
        name="GetUser",
        method="GET",
        pattern="/v1.0/contact/users/{who}",
        handler=_me,
        scope="Contact.User.Read",
        billed=False,
        caller="user",
    ),
)
