"""What is about to be sent, as text on the intent: enough to ask later what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.model.people import PartStat
from bridge.model.upstream import Create, Delete, Drop, Respond, Split, Update
from bridge.plan.moments import key_moment, moment_key

if TYPE_CHECKING:
    from bridge.model.upstream import Operation

_KINDS: Final = {kind.__name__: kind for kind in (Create, Update, Split, Drop, Delete, Respond)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One operation that leaves, for the piece ``key``, with its idempotency token."""

    key: str
    operation: Operation
    token: str


def encode_sent(sent: Sent) -> str:
    """Return the JSON text of a step."""
    operation = sent.operation
    values: dict[str, Any] = {}
    for name in type(operation).__slots__:
        value = getattr(operation, name)
        if name == "at" and value is not None:
            value = moment_key(value)
        elif isinstance(value, PartStat):
            value = value.value
        values[name] = value
    document = {"key": sent.key, "token": sent.token, "kind": type(operation).__name__, "values": values}
    return json.dumps(document, ensure_ascii=False)


def decode_sent(text: str) -> Sent:
    """Undo :func:`encode_sent`."""
    document = json.loads(text)
    values = dict(document["values"])
    if values.get("at") is not None:
        values["at"] = key_moment(values["at"])
    if "partstat" in values:
        values["partstat"] = PartStat(values["partstat"])
    return Sent(key=document["key"], operation=_KINDS[document["kind"]](**values), token=document["token"])


def makes_an_item(text: str) -> bool:
    """Return whether a step brings a new item into the vendor's calendar."""
    return json.loads(text)["kind"] in (Create.__name__, Split.__name__)
