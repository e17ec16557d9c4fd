"""What the vendors push, as the bytes they would send, to whichever node the world chooses; some is lost, some comes twice."""

from __future__ import annotations

import io
import json
import urllib.parse

from bridge.daemon.hooks import build_hooks, take_dingtalk
from bridge.providers.dingtalk.push import read_frame
from bridge.simulator.wecom.callbacks import encrypt, outer_xml, sign

WAITING_MAX = 200
"""Pushes on their way; the oldest are lost."""


class Post:
    """The way from the vendor's door to a node's."""

    def __init__(self, world):
        self._world = world
        self._number = 0

    def waiting(self):
        found = self._world.office.pushes
        del found[:-WAITING_MAX]
        return found

    def deliver(self, mortal, push):
        """Hand one push over; returns whether it was taken."""
        self._number += 1
        return self._world.office.hand_over(mortal.node, push, self._number)

    def deliver_all(self):
        while self.waiting():
            self.deliver(self._world.nodes[0], self.waiting().pop(0))


def to_wecom_hook(node, job, number, *, corp_id, now_s):
    """Post a callback as WeCom does, to the very application behind ``/hook/wecom``."""
    encrypted = encrypt(job.callback.aes_key, job.message, corp_id, salt=number.to_bytes(16))
    stamp, nonce = str(int(now_s)), f"{number:010d}"
    body = outer_xml(corp_id, job.agent_id, encrypted).encode()
    query = {
        "msg_signature": sign(job.callback.token, stamp, nonce, encrypted),
        "timestamp": stamp,
        "nonce": nonce,
    }
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": urllib.parse.urlencode(query),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    statuses = []
    b"".join(hook_of(node, "wecom")(environ, lambda status, _headers: statuses.append(status)))
    return statuses[0].startswith("200")


def to_stream(node, frame, *, corp_id):
    """Take one frame as the Stream connection does."""
    notice = read_frame(json.dumps(frame)).notice
    return notice is not None and take_dingtalk(node.pushes, "dingtalk", notice, corp_id)


def hook_of(node, source_id):
    if not hasattr(node, "hooks"):
        node.hooks = build_hooks(node.parts, node.pushes)
    return node.hooks[source_id]
