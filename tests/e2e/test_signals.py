"""What operators see: ``/readyz`` with its reasons, the figures, and the alert rules and dashboard made of them."""

import functools
import io
import json
import logging
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from harness import Client, boxes, config_text, event, until
from programs import need

from bridge import log
from bridge.config_load import load
from bridge.daemon.run import Daemon

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
RULES = MONITORING / "alerts.yml"
ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
NAMES = re.compile(r"\bqueqiao_[a-z_]+\b")


class Running:
    """A daemon of this process with both vendors in boxes, and one person's device."""

    def __init__(self, stack, folder):
        self.wecom, self.dingtalk = boxes(stack)
        path = folder / "config.toml"
        path.write_text(config_text(folder, self.wecom, self.dingtalk, write_wait_s=5.0))
        self.daemon = Daemon(load(path))
        stack.callback(self.daemon.close)
        links = [("wecom", "zhangsan"), ("dingtalk", "alice01")]
        made = self.daemon.parts.admin.user_add("alice", email="alice@example.com", links=links)
        self.daemon.parts.admin.connect_links("alice", patience_s=60)
        self.alice = Client(self.daemon.url, "alice", made.password)
        stack.callback(self.alice.close)
        self.calendars = {
            path.rstrip("/").rsplit("/", 1)[-1].split("-")[0]: path for path in self.alice.calendars()
        }
        for path in self.calendars.values():
            assert self.alice.put(f"{path}one.ics", event("one")).status_code == 201
        self.first = self.figures()

    def readyz(self):
        answer = httpx.get(f"{self.daemon.admin_url}/readyz")
        return answer.status_code, answer.json()

    def figures(self):
        """Return name with labels -> value of everything ``/metrics`` says."""
        text = httpx.get(f"{self.daemon.admin_url}/metrics").text
        rows = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in rows}

    def until_state(self, state):
        """Pull until the bridge says so: the loop may be pulling at the same moment."""

        def seen():
            self.daemon.parts.admin.sync("alice", full=False)
            status, told = self.readyz()
            return (status, told) if told["state"] == state else None

        return until(seen)


def of(found, name, **labels):
    """Return the values of one figure whose labels hold these."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return [
        value
        for full, value in found.items()
        if full.partition("{")[0] == name and all(label in full for label in wanted)
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with ExitStack() as stack:
        yield Running(stack, tmp_path_factory.mktemp("signals"))


@pytest.fixture
def bridge(running):
    yield running
    running.wecom.control("clear_faults", {})


def test_a_sick_vendor_is_degraded_with_words_and_not_down(bridge):
    assert bridge.readyz() == (200, {"ready": True, "state": "ready", "reasons": []})
    bridge.wecom.fault(kind="status", status=502, count=-1)
    status, told = bridge.until_state("degraded")
    assert (status, told["ready"]) == (200, True)
    (reason,) = told["reasons"]
    assert (reason["source"], reason["state"]) == ("wecom", "delayed")
    assert reason["reason"] == "wecom: 1 calendars and 0 links are delayed"
    assert "tried again" in reason["what"]
    assert "重试" in reason["what_zh"]
    assert bridge.alice.get(f"{bridge.calendars['wecom']}one.ics").status_code == 200
    assert of(bridge.figures(), "queqiao_calendars", source="wecom", state="delayed") == [1.0]
    bridge.wecom.control("clear_faults", {})
    bridge.until_state("ready")
    bridge.wecom.fault(kind="error", code=48002, count=-1)
    status, told = bridge.until_state("degraded")
    (reason,) = told["reasons"]
    assert (status, reason["state"], reason["cause"]) == (200, "unauthorised", "permission")
    assert reason["who"] == "WeCom administrator"
    assert "可调用接口的应用" in reason["what_zh"]
    bridge.wecom.control("clear_faults", {})
    bridge.until_state("ready")


def test_every_figure_that_is_promised_is_there(bridge):
    found = bridge.first
    for source in ("wecom", "dingtalk"):
        assert all(0 <= age < 600 for age in of(found, "queqiao_calendar_age_seconds", source=source))
        assert of(found, "queqiao_calendars", source=source, state="connected") == [1.0]
        assert of(found, "queqiao_links", source=source, state="connected") == [1.0]
        assert 60 < of(found, "queqiao_token_expires_seconds", source=source)[0] <= 7200
        assert of(found, "queqiao_push_alive", source=source) == [0.0]
        assert of(found, "queqiao_held_deletions", source=source) == [0.0]
    assert of(found, "queqiao_vendor_calls_total", source="wecom", endpoint="schedule.add", outcome="ok") == [
        1.0
    ]
    assert of(found, "queqiao_receipts_day", outcome="applied") == [2.0]
    assert of(found, "queqiao_conflicts_day") == [0.0]
    used, most = (of(found, f"queqiao_budget_{name}")[0] for name in ("used", "limit"))
    assert 0 < used < most
    assert of(found, "queqiao_budget_left") == [most - used]
    assert of(found, "queqiao_http_requests_total", route="dav", method="PUT", status="201") == [2.0]
    assert of(found, "queqiao_http_request_seconds_count", route="dav")[0] >= 2
    assert of(found, "queqiao_disk_free_bytes")[0] > 0
    assert of(found, "queqiao_database_up") == [1.0]
    assert of(found, "queqiao_edits_waiting") == of(found, "queqiao_edits_oldest_seconds") == [0.0]


def test_an_edit_that_waits_is_counted_with_its_age_and_the_vendors_code(bridge):
    bridge.wecom.fault(kind="error", code=45033, count=-1, match="schedule/add")
    path = bridge.calendars["wecom"]
    assert bridge.alice.put(f"{path}late.ics", event("late")).status_code == 201
    found = bridge.figures()
    assert of(found, "queqiao_edits_waiting") == [1.0]
    assert of(found, "queqiao_intents_waiting") == [1.0]
    assert of(found, "queqiao_edits_oldest_seconds")[0] > 0
    assert of(found, "queqiao_intent_oldest_seconds")[0] > 0
    assert of(found, "queqiao_vendor_calls_total", endpoint="schedule.add", outcome="Throttled", code="45033")
    shown = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in shown["panels"] for target in panel["targets"]]
    named = {name for text in (RULES.read_text(encoding="utf-8"), *asked) for name in NAMES.findall(text)}
    there = {name.partition("{")[0] for name in found}
    assert len(named) >= 20
    assert named <= there, "a rule or a panel names a figure that does not exist"
    told = (MONITORING.parent / "operate.md").read_text(encoding="utf-8")
    base = {
        re.sub(r"_(created|bucket|sum|count)$", "", name) for name in there if name.startswith("queqiao_")
    }
    assert [name for name in sorted(base) if name not in told] == [], "a figure is not in docs/operate.md"


# ---- logs


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def with_id(stream, mark, name=""):
    """Return the lines of one request, those of one event if it is named."""
    mine = [line for line in lines_of(stream) if line.get("request_id") == mark]
    return [line for line in mine if not name or line["event"] == name]


@pytest.fixture
def lines():
    """Return what production would write, from DEBUG on."""
    handler = log.build_handler("json", stream=io.StringIO())
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)


def test_one_id_leads_from_a_put_to_the_vendors_call_and_the_receipt(bridge, lines):
    for kind, endpoint in (("wecom", "schedule.add"), ("dingtalk", "events.create")):
        answer = bridge.alice.put(f"{bridge.calendars[kind]}traced.ics", event(f"traced-{kind}"))
        assert answer.status_code == 201
        mark = answer.headers["X-Request-Id"]
        until(functools.partial(with_id, lines, mark, "http.request"), 60)
        until(functools.partial(with_id, lines, mark, "intent.applied"), 60)
        mine = with_id(lines, mark)
        (call,) = [line for line in mine if line["event"] == "vendor.called" and line["endpoint"] == endpoint]
        assert (call["source"], call["outcome"], call["level"]) == (kind, "ok", "info")
        assert any(line["event"] == "intent.applied" for line in mine)
        (request,) = [line for line in mine if line["event"] == "http.request"]
        assert (request["method"], request["status"]) == ("PUT", 201)
        (receipt,) = [
            row for row in bridge.daemon.parts.admin.changes("alice", 0) if row["uid"] == f"traced-{kind}"
        ]
        assert receipt["request_id"] == mark
        assert mark in [row.get("request_id") for row in bridge.daemon.parts.admin.explain(f"traced-{kind}")]


def test_an_edit_that_is_carried_later_keeps_its_id(bridge, lines):
    bridge.wecom.fault(kind="status", status=502, count=2, match="schedule/add")
    answer = bridge.alice.put(f"{bridge.calendars['wecom']}later.ics", event("later"))
    mark = answer.headers["X-Request-Id"]

    until(functools.partial(with_id, lines, mark, "intent.applied"), 60)
    calls = with_id(lines, mark, "vendor.called")
    assert {x["outcome"] for x in calls if x["endpoint"] == "schedule.add"} >= {"OutcomeUnknown", "ok"}


def test_the_http_library_is_silent_whatever_its_level(bridge):
    """Its own lines hold whole URLs, and WeCom's token travels in those."""
    names = ("httpx", "httpcore", "httpcore.http11", "httpcore.connection")
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    before = [logging.getLogger(name).level for name in names]
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(handler)
    try:
        path = f"{bridge.calendars['wecom']}silent.ics"
        assert bridge.alice.put(path, event("silent")).status_code == 201
        bridge.daemon.parts.admin.sync("alice", full=True)
        logging.getLogger("httpx").warning("heard")
    finally:
        for name, level in zip(names, before, strict=True):
            logging.getLogger(name).setLevel(level)
            logging.getLogger(name).removeHandler(handler)
    assert [record.getMessage() for record in records] == ["heard"]


def test_the_dashboard_is_whole():
    shown = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    assert len({panel["id"] for panel in shown["panels"]}) == len(shown["panels"]) >= 20
    promtool = need("promtool", "prometheus")
    rules = [
        {"record": f"panel:{panel['id']}:{number}", "expr": target["expr"]}
        for panel in shown["panels"]
        for number, target in enumerate(panel["targets"])
    ]
    taken = set()
    for panel in shown["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells
    # A query that Prometheus cannot read is found by reading it as a rule.
    document = json.dumps({"groups": [{"name": "panels", "rules": rules}]})
    done = subprocess.run(
        [promtool, "check", "rules", "/dev/stdin"],
        input=document,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


WELL = {
    'up{job="queqiao", instance="a"}': "1x200",
    'queqiao_database_up{instance="a"}': "1x200",
    'queqiao_loop_idle_seconds{instance="a"}': "1x200",
    'queqiao_calendars{source="wecom", state="connected"}': "3x200",
    'queqiao_links{source="wecom", state="connected"}': "3x200",
    'queqiao_held_deletions{source="wecom", calendar="1"}': "0x200",
    'queqiao_edits_oldest_seconds{instance="a"}': "30x200",
    'queqiao_calendar_age_seconds{source="wecom", calendar="1"}': "3600x200",
    'queqiao_vendor_calls_total{source="wecom", outcome="ok"}': "0+10x200",
    'queqiao_vendor_calls_total{source="wecom", outcome="Unreachable"}': "0+1x200",
    'queqiao_budget_left{source="dingtalk"}': "4000x200",
    'queqiao_budget_limit{source="dingtalk"}': "5000x200",
    'queqiao_token_expires_seconds{source="wecom"}': "3600x200",
    'queqiao_push_alive{source="wecom", instance="a"}': "0x200",
    'queqiao_http_requests_total{route="dav", status="207"}': "0+100x200",
    'queqiao_http_request_seconds_bucket{route="dav", le="0.1"}': "0+99x200",
    'queqiao_http_request_seconds_bucket{route="dav", le="5"}': "0+99x200",
    'queqiao_http_request_seconds_bucket{route="dav", le="+Inf"}': "0+100x200",
    'queqiao_disk_free_bytes{instance="a"}': "9000000000x200",
}
ILL = {
    "QueqiaoDown": {'up{job="queqiao", instance="a"}': "0x200"},
    "QueqiaoDatabaseDown": {'queqiao_database_up{instance="a"}': "0x200"},
    "QueqiaoLoopStuck": {'queqiao_loop_idle_seconds{instance="a"}': "0+60x200"},
    "QueqiaoUnauthorised": {'queqiao_links{source="wecom", state="unauthorised"}': "1x200"},
    "QueqiaoDeletionsHeld": {'queqiao_held_deletions{source="wecom", calendar="1"}': "12x200"},
    "QueqiaoEditsWait": {'queqiao_edits_oldest_seconds{instance="a"}': "0+60x200"},
    "QueqiaoCalendarOld": {'queqiao_calendar_age_seconds{source="wecom", calendar="1"}': "172000+60x200"},
    "QueqiaoVendorFails": {'queqiao_vendor_calls_total{source="wecom", outcome="Unreachable"}': "0+30x200"},
    "QueqiaoBudgetShort": {'queqiao_budget_left{source="dingtalk"}': "499x200"},
    "QueqiaoTokenEnds": {'queqiao_token_expires_seconds{source="wecom"}': "-5x200"},
    "QueqiaoPushSilent": {'queqiao_push_alive{source="wecom", instance="a"}': "1x60 0x140"},
    "QueqiaoServerErrors": {'queqiao_http_requests_total{route="dav", status="500"}': "0+6x200"},
    "QueqiaoSlow": {'queqiao_http_request_seconds_bucket{route="dav", le="0.1"}': "0+1x200"},
    "QueqiaoDiskFull": {'queqiao_disk_free_bytes{instance="a"}': "400000000x200"},
}
"""Rule -> the figures that differ from the well ones when it, and no other, has to speak."""


def test_each_rule_speaks_when_it_should_and_only_then(tmp_path):
    promtool = need("promtool", "prometheus")
    assert sorted(ILL) == sorted(ALERTS)
    told = 'count by (alertname) (ALERTS{alertstate="firing"})'
    cases = [("nothing", {}, []), *((name, series, [name]) for name, series in ILL.items())]
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "name": name,
                "interval": "1m",
                "input_series": [{"series": key, "values": value} for key, value in (WELL | series).items()],
                "promql_expr_test": [
                    {
                        "expr": told,
                        "eval_time": "3h",
                        "exp_samples": [
                            {"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in fires
                        ],
                    }
                ],
            }
            for name, series, fires in cases
        ],
    }
    (tmp_path / "tests.json").write_text(json.dumps(document))
    done = subprocess.run(
        [promtool, "test", "rules", str(tmp_path / "tests.json")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
