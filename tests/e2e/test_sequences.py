"""The request sequences of programs that do not run here, over real HTTP against the real daemon."""

import uuid
import xml.etree.ElementTree as ET
from urllib.parse import urlsplit

import pytest
from harness import event, run_bridge, until
from sequences import SEQUENCES

D = "{DAV:}"


def good(root, name):
    """Return the first element of that name with content that was answered with 200 (or stands outside a propstat)."""
    for propstat in root.iter(f"{D}propstat"):
        if " 200" in propstat.findtext(f"{D}status", ""):
            for found in propstat.iterfind(f"{D}prop/{name}"):
                if len(found) or (found.text or "").strip():
                    return found
    return root.find(name)


def text_of(element):
    href = element.find(f"{D}href")
    return urlsplit(href.text).path if href is not None else element.text


def filled(text, known):
    for name, value in known.items():
        text = text.replace("{" + name + "}", value)
    return text


def replay(client, step, known):
    path = filled(step.path, known)
    headers = {name: filled(value, known) for name, value in step.headers.items()}
    if step.depth:
        headers["Depth"] = step.depth
    body = filled(step.body, known).encode() or None
    answer = client.request(step.method, path, body, headers)
    for _hop in range(3):
        if answer.status_code not in (301, 302, 307, 308):
            break
        answer = client.request(step.method, answer.headers["location"], body, headers)
    where = f"{step.method} {path}: {answer.status_code} {answer.text}"
    assert answer.status_code == step.status, where
    if step.status == 207:
        root = ET.fromstring(answer.text)
        for name in step.has:
            assert good(root, name) is not None, f"no {name}; {where}"
        for key, name in step.learns.items():
            found = good(root, name)
            assert found is not None, f"no {name}; {where}"
            known[key] = text_of(found)
    for words in step.says:
        assert filled(words, known) in answer.text, where
    for words in step.lacks:
        assert filled(words, known) not in answer.text, where
    if step.method == "OPTIONS":
        assert "calendar-access" in answer.headers["dav"], answer.headers


@pytest.mark.parametrize("kind", ["dingtalk", "wecom"])
def test_each_program_from_account_to_deletion(stack, vendors, tmp_path, kind):
    _bridge, clients = run_bridge(stack, vendors, tmp_path)
    alice, box = clients["alice"], vendors[kind == "dingtalk"]
    calendars = until(lambda: len(found := alice.calendars()) == 2 and found)
    failed = {}
    for name, steps in SEQUENCES.items():
        uid = str(uuid.uuid4()).upper()
        known = {
            "uid": uid,
            "title": f"{uid} Planning",
            "event": event(uid, summary=f"{uid} Planning"),
            "changed": event(uid, summary=f"{uid} again", lines=("SEQUENCE:1",)),
            "calendar": next(path for path in calendars if kind in path),
        }
        for number, step in enumerate(steps):
            try:
                replay(alice, step, known)
                if step.method == "PUT" and step.status < 300:
                    title = known["title"]
                    until(lambda title=title: title in str(box.control("state")))
                    known["title"] = f"{uid} again"
            except AssertionError as error:
                failed[f"{name}/{number}"] = str(error)[:1500]
                break
    assert not failed, "\n\n".join(f"{name}: {why}" for name, why in failed.items())
