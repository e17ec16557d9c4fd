"""What a person has to change when a vendor refuses the bridge, and where.

Causes are those of :class:`bridge.errors.Unauthorised`. Console places: WeCom reference 2.1 and 3 (documents 90313,
93624), DingTalk reference 1.5 to 1.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_WECOM: Final[Mapping[str, str]] = {
    "secret": "WeCom administrator: admin console, 应用管理, the app, Secret; copy it and the corp_id (我的企业, "
    "企业ID) again into the source",
    "permission": "WeCom administrator: admin console, 协作, 日程, the list of apps that may call the API; add the app",
    "address": "WeCom administrator: admin console, 应用管理, the app, 企业可信IP; add this machine's public address",
    "visible_range": "WeCom administrator: admin console, 应用管理, the app, 可见范围; add the person or department",
    "app": "WeCom administrator: admin console, 应用管理; the app is disabled or agent_id is another app's",
    "id": "administrator of the bridge: the userid of the link is wrong, or that person left the company",
}
_DINGTALK: Final[Mapping[str, str]] = {
    "secret": "DingTalk administrator: developer console, the app, 凭证与基础信息; copy Client ID and Client Secret "
    "again into the source",
    "permission": "DingTalk administrator: developer console, the app, 权限管理; grant Calendar.Event.Read, "
    "Calendar.Event.Write, Calendar.EventSchedule.Read and qyapi_get_member, then publish a version",
    "address": "DingTalk administrator: developer console, the app, 安全设置, 服务器出口IP; add this machine's "
    "public address",
    "visible_range": "DingTalk administrator: developer console, the app, 权限管理, the contact scope; add the person",
    "app": "DingTalk administrator: the app is disabled or not published in this organisation",
    "id": "administrator of the bridge: the userid or unionId of the link is wrong, or that person left",
}
CURES: Final[Mapping[str, Mapping[str, str]]] = {"wecom": _WECOM, "dingtalk": _DINGTALK}
WAIT: Final = "nobody yet: the bridge tries again by itself; if it lasts, check the network and the base_url"


def cure_of(kind: str, cause: str) -> str:
    """Return the sentence for a cause at a kind of vendor; an unknown cause is one that may pass."""
    return CURES.get(kind, {}).get(cause, WAIT)
