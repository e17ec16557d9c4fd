"""The programs that pages tell how to connect, as data; the steps stand in ``templates/device/NAME.html``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One kind of program."""

    name: str
    """Part of the page's address and of the template's name."""
    title: tuple[str, str]
    """English, Chinese."""
    summary: tuple[str, str]
    label: str
    """What its app password is called at first."""
    edits: bool = True
    """It speaks CalDAV; else it gets a feed, which can only be read."""


DEVICES: Final = (
    Device(
        name="apple",
        title=("iPhone, iPad, Mac", "iPhone、iPad、Mac"),
        summary=("One profile, three taps", "一个描述文件，轻点三下"),
        label="Apple",
    ),
    Device(
        name="thunderbird",
        title=("Thunderbird", "Thunderbird"),
        summary=("Windows, Mac, Linux", "Windows、Mac、Linux"),
        label="Thunderbird",
    ),
    Device(
        name="davx5",
        title=("Android", "安卓手机"),
        summary=("With DAVx⁵: scan one code", "使用 DAVx⁵：扫一个码"),
        label="DAVx5",
    ),
    Device(
        name="gnome",
        title=("GNOME, Evolution", "GNOME、Evolution"),
        summary=("Linux desktop", "Linux 桌面"),
        label="GNOME",
    ),
    Device(
        name="outlook",
        title=("Outlook (new, web)", "新版 Outlook 与网页版"),
        summary=("Subscribe; read only", "订阅；只读"),
        label="Outlook",
        edits=False,
    ),
    Device(
        name="outlook-classic",
        title=("Outlook (classic)", "经典版 Outlook"),
        summary=("Two-way with an add-in, or subscribe", "用插件双向同步，或订阅"),
        label="Outlook",
    ),
    Device(
        name="google",
        title=("Google Calendar", "Google 日历"),
        summary=("Subscribe; read only", "订阅；只读"),
        label="Google",
        edits=False,
    ),
)
BY_NAME: Final = {device.name: device for device in DEVICES}
