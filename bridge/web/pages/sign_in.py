"""Signing in: with an app password, or at the vendor's door where the source says so."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from bridge.errors import BridgeError, NotAllowed
from bridge.web.basic import CREDENTIALS_CHARS_MAX, Blocked, Credentials
from bridge.web.pages import words
from bridge.web.pages.ask import Answer, Ask, to
from bridge.web.pages.route import Needs, get, post
from bridge.web.pages.site import GUEST, SESSION, Site

if TYPE_CHECKING:
    from bridge.engine.api import Login

DOOR: Final = "queqiao_door"
"""Cookie of a sign-in that is under way at a vendor."""
DOOR_S: Final = 600
"""How long somebody may stay at the vendor's page; its codes live for half as long (WeCom 12, DingTalk 8)."""
STATE_BYTES: Final = 18
INSIDE: Final = re.compile(r"wxwork", re.IGNORECASE)
"""User agent of WeCom's own browser."""
_NEXT: Final = re.compile(r"/ui/[a-z0-9/_-]{0,200}")


def path_for(path: str) -> str:
    """Return the sign-in page that leads on to a page of ours."""
    wanted = safe(path)
    return "/ui/sign-in" if wanted == "/ui/" else f"/ui/sign-in?next={quote(wanted, safe='')}"


def safe(path: str) -> str:
    """Return a page of ours to go to; anything else becomes the first page."""
    return path if _NEXT.fullmatch(path) and "//" not in path else "/ui/"


def form(site: Site, ask: Ask, *, status: int = 200, words: str = "", user: str = "") -> Answer:
    """Show the form."""
    return site.show(
        ask,
        "sign_in.html",
        status=status,
        words=words,
        typed=user,
        next=safe(ask.query.get("next", "") or ask.form.get("next", "")),
        doors=site.desk.doors.open(),
        url=site.url_of(ask),
    )


def page(site: Site, ask: Ask) -> Answer:
    """``GET /ui/sign-in``."""
    return to(ask, "/ui/") if ask.visit is not None else form(site, ask)


def enter(site: Site, ask: Ask) -> Answer:
    """``POST /ui/sign-in``: wrong names and wrong passwords look the same and take the same time."""
    user, password = ask.form.get("user", "").strip(), ask.form.get("password", "")
    wrong = words.pick(ask.lang, ("The user name or the app password is wrong.", "用户名或应用密码不正确。"))
    text = user + password
    if not user or not password or len(text) >= CREDENTIALS_CHARS_MAX or not text.isprintable():
        return form(site, ask, status=403, words=wrong, user=user)
    hint = str(ask.environ.get("HTTP_USER_AGENT", ""))[:200]
    login = site.gate.check(Credentials(user, password), ask.address, hint)
    if isinstance(login, Blocked):
        wait = words.pick(
            ask.lang,
            (
                f"Too many wrong passwords. Try again in {login.retry_after_s} seconds.",
                f"密码错误次数过多，请在 {login.retry_after_s} 秒后重试。",
            ),
        )
        return form(site, ask, status=429, words=wait, user=user)
    if login is None:
        return form(site, ask, status=403, words=wrong, user=user)
    return _welcome(site, ask, login, password=password)


def _welcome(
    site: Site, ask: Ask, login: Login, *, password: str = "", door: str = "", next_: str = ""
) -> Answer:
    """Begin a session under a new name; whatever name the browser came with ends here."""
    if ask.cookies.get(SESSION):
        site.desk.visits.end(ask.cookies[SESSION])
    token = site.desk.visits.begin(login, length_ms=site.session_ms, password=password, door=door)
    ask.keep(SESSION, token, age_s=site.session_ms // 1000)
    ask.keep(GUEST, "", age_s=0)
    return to(ask, safe(next_ or ask.form.get("next", "")))


def out(site: Site, ask: Ask) -> Answer:
    """``POST /ui/sign-out``."""
    site.desk.visits.end(ask.cookies.get(SESSION, ""))
    ask.keep(SESSION, "", age_s=0)
    return to(ask, "/ui/sign-in")


# ---- the vendors' doors ----------------------------------------------------------------------------------


def leave_for(site: Site, ask: Ask, source: str) -> Answer:
    """``GET /ui/door/SOURCE``: to the vendor, with a state that only this browser can bring back."""
    site.csrf(ask)  # gives the browser a name
    state = secrets.token_urlsafe(STATE_BYTES)
    until_ms = site.desk.now_ms() + DOOR_S * 1000
    address = site.desk.doors.address(
        source,
        redirect=f"{site.url_of(ask)}/ui/door/{quote(source)}/back",
        state=state,
        inside=INSIDE.search(str(ask.environ.get("HTTP_USER_AGENT", ""))) is not None,
    )
    next_ = safe(ask.query.get("next", ""))
    seal = site.desk.visits.seal("door", f"{state}|{source}|{until_ms}|{next_}")
    ask.keep(DOOR, f"{state}|{until_ms}|{next_}|{seal}", age_s=DOOR_S)
    return Answer(status=303, headers=(("Location", address),))


def back(site: Site, ask: Ask, source: str) -> Answer:
    """``GET /ui/door/SOURCE/back``: the state must be this browser's, in time, and is good once."""
    kept = ask.cookies.get(DOOR, "").split("|")
    ask.keep(DOOR, "", age_s=0)
    given = ask.query.get("state", "")
    visits = site.desk.visits
    good = (
        len(kept) == 4
        and bool(given)
        and secrets.compare_digest(kept[0].encode(), given.encode(errors="replace"))
        and visits.is_sealed("door", f"{kept[0]}|{source}|{kept[1]}|{kept[2]}", kept[3])
        and int(kept[1]) > site.desk.now_ms()
        and visits.once(f"door|{given}", length_ms=DOOR_S * 1000)
    )
    if not good:
        msg = words.pick(
            ask.lang,
            (
                "This sign-in was not begun in this browser, or too long ago. Begin again.",
                "此次登录不是由本浏览器发起，或已超时。请重新登录。",
            ),
        )
        return form(site, ask, status=403, words=msg)
    code = ask.query.get("code") or ask.query.get("authCode") or ""
    if not code:
        msg = words.pick(
            ask.lang, ("You did not agree at the vendor's page.", "您没有在平台页面上同意登录。")
        )
        return form(site, ask, status=403, words=msg)
    tried = f"\0door/{source}"  # no user name can be this
    wait_s = site.gate.wait_s(ask.address, tried)
    if wait_s:
        msg = words.pick(
            ask.lang,
            (
                f"Too many sign-ins that failed. Try again in {wait_s} seconds.",
                f"登录失败次数过多，请在 {wait_s} 秒后重试。",
            ),
        )
        return form(site, ask, status=429, words=msg)
    try:
        login = site.desk.doors.enter(source, code)
    except NotAllowed:
        site.gate.failed(ask.address, tried)
        msg = words.pick(
            ask.lang,
            (
                "This account is not linked to anybody here. Ask the administrator of the bridge to link it.",
                "该帐号尚未与本系统的用户关联，请联系鹊桥管理员。",
            ),
        )
        return form(site, ask, status=403, words=msg)
    except BridgeError as error:
        site.gate.failed(ask.address, tried)
        return form(site, ask, status=403 if error.http_status < 500 else 503, words=str(error))
    return _welcome(site, ask, login, door=source, next_=kept[2])


ROUTES = (
    get(r"/ui/sign-in", page, Needs.NOTHING),
    post(r"/ui/sign-in", enter, Needs.NOTHING),
    post(r"/ui/sign-out", out, Needs.READER),
    get(r"/ui/door/([a-z0-9_-]{1,32})", leave_for, Needs.NOTHING),
    get(r"/ui/door/([a-z0-9_-]{1,32})/back", back, Needs.NOTHING),
)
