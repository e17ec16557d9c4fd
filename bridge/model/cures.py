"""Who has to do what about a state, and where: one table, in English and Chinese, for commands and pages alike.

States are those of sources, links and calendars; causes those of :class:`bridge.errors.Unauthorised`. Console places:
WeCom reference 2.1 and 3 (documents 90313, 93624), DingTalk reference 1.5 to 1.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NOBODY: Final = "nobody"
"""Who has to act on a state that passes by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """Who has to do what."""

    who: str
    what: str
    who_zh: str
    what_zh: str

    def as_row(self) -> dict[str, str]:
        """Return the four texts under their stable names."""
        return {"who": self.who, "what": self.what, "who_zh": self.who_zh, "what_zh": self.what_zh}


def _nobody(what: str, what_zh: str) -> Cure:
    return Cure(who=NOBODY, what=what, who_zh="无需处理", what_zh=what_zh)


def _bridge(what: str, what_zh: str) -> Cure:
    return Cure(who="administrator of the bridge", what=what, who_zh="鹊桥管理员", what_zh=what_zh)


def _wecom(what: str, what_zh: str) -> Cure:
    return Cure(who="WeCom administrator", what=what, who_zh="企业微信管理员", what_zh=what_zh)


def _dingtalk(what: str, what_zh: str) -> Cure:
    return Cure(who="DingTalk administrator", what=what, who_zh="钉钉管理员", what_zh=what_zh)


STATES: Final[Mapping[str, Cure]] = {
    "starting": _nobody("wait: the first look at the calendar is under way", "请稍候:正在首次读取日历"),
    "backfilling": _nobody("wait: older events are being read", "请稍候:正在读取较早的日程"),
    "connected": _nobody("nothing to do", "一切正常"),
    "delayed": _nobody("wait: it is tried again by itself", "请稍候:系统会自动重试"),
    "throttled": _nobody("wait: the vendor asked for a pause", "请稍候:平台要求暂停调用"),
    "unauthorised": Cure(
        who="administrator",
        what="mend the secret, permission, address or visible range that the reason names",
        who_zh="管理员",
        what_zh="请按原因检查密钥、权限、IP 地址或可见范围",
    ),
    "quarantined": Cure(
        who="administrator",
        what="look at the calendar in the vendor's app; if the events really are to go, run "
        "`queqiao sync --user USER --release`, else restore them there",
        who_zh="管理员",
        what_zh="请在平台的应用中查看该日历;确认要删除时运行 `queqiao sync --user USER --release`,否则请在平台上恢复日程",
    ),
    "unlinked": Cure(
        who="administrator",
        what="link the user again or remove the calendar",
        who_zh="管理员",
        what_zh="请重新关联该用户,或移除该日历",
    ),
}

CAUSES: Final = ("secret", "permission", "address", "visible_range", "app", "id")
"""Why a vendor refuses the bridge."""

CURES: Final[Mapping[str, Mapping[str, Cure]]] = {
    "wecom": {
        "secret": _wecom(
            "admin console, 应用管理, the app, Secret: copy it, and the corp_id (我的企业, 企业ID), again into the source",
            "管理后台 → 应用管理 → 该应用 → Secret:重新复制 Secret,并将企业ID(我的企业 → 企业信息)填入配置中的 corp_id",
        ),
        "permission": _wecom(
            "admin console, 协作, 日程, 可调用接口的应用: add the app",
            "管理后台 → 协作 → 日程 → 可调用接口的应用:添加该应用",
        ),
        "address": _wecom(
            "admin console, 应用管理, the app, 企业可信IP: add this machine's public address",
            "管理后台 → 应用管理 → 该应用 → 企业可信IP:添加本机的公网 IP 地址",
        ),
        "visible_range": _wecom(
            "admin console, 应用管理, the app, 可见范围: add the person or department",
            "管理后台 → 应用管理 → 该应用 → 可见范围:添加相应成员或部门",
        ),
        "app": _wecom(
            "admin console, 应用管理: enable the app, and compare its AgentId with agent_id in the source",
            "管理后台 → 应用管理:启用该应用,并核对其 AgentId 与配置中的 agent_id 是否一致",
        ),
        "id": _bridge(
            "the userid of the link is wrong, or that person left: look it up in WeCom's admin console, 通讯录, the "
            "person, 帐号; then `queqiao user unlink` and `queqiao user link`",
            "关联的 userid 有误,或该成员已离职:在企业微信管理后台 → 通讯录 → 该成员 → 帐号 中核对,"
            "然后运行 `queqiao user unlink` 和 `queqiao user link`",
        ),
    },
    "dingtalk": {
        "secret": _dingtalk(
            "developer console, the app, 凭证与基础信息: copy Client ID and Client Secret again into the source",
            "开发者后台 → 该应用 → 凭证与基础信息:重新复制 Client ID 和 Client Secret 到配置中",
        ),
        "permission": _dingtalk(
            "developer console, the app, 权限管理: grant Calendar.Event.Read, Calendar.Event.Write, "
            "Calendar.EventSchedule.Read and qyapi_get_member, then publish a version (版本管理与发布)",
            "开发者后台 → 该应用 → 权限管理:开通 Calendar.Event.Read、Calendar.Event.Write、"
            "Calendar.EventSchedule.Read 和 qyapi_get_member,然后在 版本管理与发布 中发布新版本",
        ),
        "address": _dingtalk(
            "developer console, the app, 安全设置, 服务器出口IP: add this machine's public address",
            "开发者后台 → 该应用 → 安全设置 → 服务器出口IP:添加本机的公网 IP 地址",
        ),
        "visible_range": _dingtalk(
            "developer console, the app, 权限管理, 通讯录权限范围: add the person or department",
            "开发者后台 → 该应用 → 权限管理 → 通讯录权限范围:添加相应成员或部门",
        ),
        "app": _dingtalk(
            "developer console, the app: enable it, and publish a version in this organisation (版本管理与发布)",
            "开发者后台 → 该应用:启用该应用,并在 版本管理与发布 中向本企业发布",
        ),
        "id": _bridge(
            "the userid or unionId of the link is wrong, or that person left: look it up in DingTalk's admin console "
            "(oa.dingtalk.com), 通讯录, the person; then `queqiao user unlink` and `queqiao user link`",
            "关联的 userid 或 unionId 有误,或该成员已离职:在钉钉管理后台(oa.dingtalk.com)→ 通讯录 → 该成员 中核对,"
            "然后运行 `queqiao user unlink` 和 `queqiao user link`",
        ),
    },
}
"""Kind of source -> cause -> cure."""

WAIT: Final = _nobody(
    "the bridge tries again by itself; if it lasts, check the network and the base_url",
    "系统会自动重试;若持续出现,请检查网络和配置中的 base_url",
)


def edits_wait(until: str) -> Cure:
    """Return what is to be done about edits that are on their way to the vendor until a written time."""
    return _nobody(
        f"edits wait; they are kept here, and tried again by themselves at {until}",
        f"有修改尚未送达平台;修改已保存,将于 {until} 自动重试",
    )


def cure_of(kind: str, cause: str) -> Cure:
    """Return the cure of a cause at a kind of vendor; an unknown cause is one that may pass."""
    return CURES.get(kind, {}).get(cause, WAIT)


def advice(state: str, *, kind: str = "", cause: str = "", until: str = "") -> Cure:
    """Return who has to do what about a state; where a vendor refuses, by the cause if it is known.

    ``until``: a written time at which the state ends by itself, where that is known.
    """
    if state == "throttled" and until:
        return _nobody(
            f"wait: the calls allowed for now are used up; it goes on by itself at {until}",
            f"请稍候:目前允许的调用次数已用完,将于 {until} 自动恢复",
        )
    general = STATES.get(state, WAIT)
    return CURES.get(kind, {}).get(cause, general) if state == "unauthorised" else general
