"""Who has to do what about a link of the chain that ``queqiao doctor`` found broken, in English and Chinese.

What a vendor refuses stands in :mod:`bridge.model.cures`. Console places: WeCom reference 10.1, DingTalk reference 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.model.cures import Cure

if TYPE_CHECKING:
    from collections.abc import Mapping


def _bridge(what: str, what_zh: str) -> Cure:
    return Cure(who="administrator of the bridge", what=what, who_zh="鹊桥管理员", what_zh=what_zh)


CHECKS: Final[Mapping[str, Cure]] = {
    "dns": _bridge(
        "look at the name in the configuration, and at this machine's name servers (/etc/resolv.conf)",
        "请检查配置中的主机名,以及本机的 DNS 设置(/etc/resolv.conf)",
    ),
    "connection": _bridge(
        "let this machine out to that host and port: firewall, route, or the proxy in HTTPS_PROXY",
        "请放行本机到该主机和端口的出站连接:防火墙、路由,或 HTTPS_PROXY 指定的代理",
    ),
    "tls": _bridge(
        "install the certificates this machine should trust (ca-certificates, or SSL_CERT_FILE for a proxy that "
        "opens TLS), and set its clock",
        "请安装本机应信任的根证书(ca-certificates;若代理会解密 TLS,请设置 SSL_CERT_FILE),并校准系统时间",
    ),
    "certificate": _bridge(
        "renew the certificate of public_url at the proxy in front of the bridge",
        "请在鹊桥前面的反向代理上续签 public_url 的证书",
    ),
    "clock": _bridge(
        "set this machine's clock by NTP (timedatectl set-ntp true)",
        "请用 NTP 校准本机时间(timedatectl set-ntp true)",
    ),
    "disk": _bridge(
        "make room on the disk of the database, or move the database to a larger one",
        "请清理数据库所在磁盘,或将数据库迁移到更大的磁盘",
    ),
    "database": _bridge(
        "start the database, or mend the url, its password or the rights on its files ([database] url)",
        "请启动数据库,或修正 [database] url、其密码或文件权限",
    ),
    "schema": _bridge(
        "run `queqiao migrate`; `serve` does it by itself when it starts",
        "请运行 `queqiao migrate`;`serve` 启动时也会自动执行",
    ),
    "schema_newer": _bridge(
        "the database was used by a newer version: install that version here, or restore a backup",
        "该数据库已被更新版本的鹊桥使用:请在本机安装该版本,或恢复备份",
    ),
    "daemon": _bridge(
        "look at the daemon's log (journalctl -u queqiao), then restart it",
        "请查看守护进程日志(journalctl -u queqiao),然后重启服务",
    ),
    "port": _bridge(
        "another program listens there: end it, or change listen or admin_listen",
        "该端口已被其他程序占用:请停止该程序,或修改 listen 或 admin_listen",
    ),
    "public": _bridge(
        "let the proxy in front hand all paths of public_url to the bridge's listen address (docs/proxies)",
        "请让前置反向代理把 public_url 下的所有路径转发到鹊桥的 listen 地址(见 docs/proxies)",
    ),
    "budget": _bridge(
        "nothing is lost; raise monthly_calls if the organisation's plan allows more, or wait for the next month",
        "数据不会丢失;若企业套餐允许,请调高 monthly_calls,否则请等待下个月",
    ),
}
"""Check -> cure."""

CALLBACKS: Final[Mapping[str, Cure]] = {
    "wecom": _bridge(
        "make public_url + /hook/SOURCE reachable from the internet, and in WeCom's admin console, 应用管理, the app, "
        "接收消息, 设置API接收, compare URL, Token and EncodingAESKey with the source",
        "请确保 public_url + /hook/SOURCE 可从公网访问,并在企业微信管理后台 → 应用管理 → 该应用 → 接收消息 → 设置API接收 中"
        "核对 URL、Token 和 EncodingAESKey",
    ),
    "dingtalk": _bridge(
        "make public_url + /hook/SOURCE reachable from the internet, and in DingTalk's developer console, the app, "
        '事件与回调, compare the address, aes_key and token with the source; or use push = "stream"',
        "请确保 public_url + /hook/SOURCE 可从公网访问,并在钉钉开发者后台 → 该应用 → 事件与回调 中核对请求网址、aes_key 和 "
        'token;也可改用 push = "stream"',
    ),
}
"""Kind of source -> what to do when its callbacks do not arrive."""
