"""Configuration profiles for Apple's devices: one file that holds a whole CalDAV account."""

from __future__ import annotations

import plistlib
import uuid
from typing import Final
from urllib.parse import quote, urlsplit

SPACE: Final = uuid.UUID("7b0f5f5e-6c5e-5c0e-9d0a-0c9b8f1f6a11")
"""Name space of our identifiers: the same account is the same profile, which a device replaces instead of adding."""
PORTS: Final = {"https": 443, "http": 80}


def profile(user: str, password: str, public_url: str, label: str) -> bytes:
    """Return a ``.mobileconfig`` with one ``com.apple.caldav.account`` payload (Apple, Device Management, CalDAV).

    ``public_url`` is what people type, without a slash at its end; it may carry a path.
    """
    url = urlsplit(public_url)
    name = f"{url.netloc}{url.path}/{user}/{label}"
    host = url.hostname or "localhost"
    account = {
        "PayloadType": "com.apple.caldav.account",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"queqiao.caldav.{uuid.uuid5(SPACE, name)}",
        "PayloadUUID": str(uuid.uuid5(SPACE, f"account/{name}")).upper(),
        "PayloadDisplayName": "Queqiao 鹊桥",
        "CalDAVAccountDescription": f"Queqiao 鹊桥 ({user})",
        "CalDAVHostName": host,
        "CalDAVPort": url.port or PORTS.get(url.scheme, 443),
        "CalDAVUseSSL": url.scheme == "https",
        "CalDAVUsername": user,
        "CalDAVPassword": password,
        "CalDAVPrincipalURL": f"{url.path}/dav/{quote(user)}/",
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"queqiao.{uuid.uuid5(SPACE, f'profile/{name}')}",
            "PayloadUUID": str(uuid.uuid5(SPACE, f"profile/{name}")).upper(),
            "PayloadDisplayName": "Queqiao 鹊桥",
            "PayloadDescription": f"企业微信 / 钉钉日历 · WeCom and DingTalk calendars of {user}",
            "PayloadOrganization": "Queqiao",
            "PayloadRemovalDisallowed": False,
            "PayloadContent": [account],
        }
    )
