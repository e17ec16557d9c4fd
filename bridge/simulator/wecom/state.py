"""What a WeCom company holds: people, apps, calendars, schedules."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Final

ACTIVE: Final = 1
LEFT: Final = 5
"""``status`` of a member (reference section 11)."""

NORMAL: Final = 0
CANCELLED: Final = 1
"""``status`` of a schedule (reference 5.1)."""


@dataclass(slots=True, kw_only=True)
class Person:
    """A member of the company."""

    userid: str
    name: str
    departments: list[int] = field(default_factory=lambda: [1])
    email: str = ""
    """Personal address, ``email_type`` 2."""
    biz_mail: str = ""
    """Corporate address, ``email_type`` 1."""
    mobile: str = ""
    position: str = ""
    status: int = ACTIVE


@dataclass(slots=True, kw_only=True)
class Department:
    """A node of the department tree; the root has id 1 and parent 0."""

    department_id: int
    name: str
    parent_id: int = 1
    order: int = 0


@dataclass(slots=True, kw_only=True)
class Callback:
    """Where an app's events are sent, and with which secrets (reference 10.2)."""

    url: str
    token: str
    aes_key: str


@dataclass(slots=True, kw_only=True)
class Agent:
    """An app."""

    agent_id: int
    secret: str
    kind: str = "self_built"
    """``self_built``, ``meeting_room`` (schedules only) or ``contact_sync`` (directory only)."""
    visible: list[str] | None = None
    """Userids in the visible range; None: everybody."""
    calendar_api: bool = True
    """Listed under "apps allowed to call the API" of the schedule app."""
    enabled: bool = True
    reads_details: bool = False
    """Sees mobile, email and other sensitive fields (apps created before 2022-06-20)."""
    callback: Callback | None = None
    default_cal_id: str = ""


@dataclass(slots=True, kw_only=True)
class Calendar:
    """A calendar that an app made, or (``agent_id`` 0) a person's own."""

    cal_id: str
    agent_id: int
    owner: str = ""
    """The person, for a personal calendar."""
    organizer: str = ""
    summary: str = ""
    color: str = ""
    description: str = ""
    admins: list[str] = field(default_factory=list)
    shares: dict[str, int] = field(default_factory=dict)
    """Permission by userid: 1 view, 3 free/busy."""
    is_public: int = 0
    range_users: list[str] = field(default_factory=list)
    range_parties: list[int] = field(default_factory=list)
    is_corp: int = 0
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders:
    """The ``reminders`` object (reference 5.2), all fields filled."""

    is_remind: int = 0
    before_secs: int = 0
    diffs: tuple[int, ...] = ()
    is_repeat: int = 0
    repeat_type: int = 0
    repeat_until: int = 0
    is_custom: int = 0
    interval: int = 0
    weekdays: tuple[int, ...] = ()
    """1 Monday to 7 Sunday."""
    monthdays: tuple[int, ...] = ()
    timezone: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a writer says about a schedule (reference 5.1), all fields filled."""

    start: int = 0
    end: int = 0
    is_whole_day: int = 0
    summary: str = ""
    description: str = ""
    location: str = ""
    admins: tuple[str, ...] = ()
    attendees: tuple[str, ...] = ()
    reminders: Reminders = field(default_factory=Reminders)


@dataclass(slots=True, kw_only=True)
class Schedule:
    """A schedule: single or a series."""

    schedule_id: str
    cal_id: str
    agent_id: int
    """The app that made it; 0: a person did."""
    maker: str = ""
    """The person who made it by hand, or empty."""
    organizer: str = ""
    content: Content
    responses: dict[str, int] = field(default_factory=dict)
    """``response_status`` by userid; absent: 0."""
    excluded: list[int] = field(default_factory=list)
    """Starts of occurrences that were removed or split off."""
    status: int = NORMAL
    sequence: int = 0
    created_at: float = 0.0
    room_booked: bool = False
    split_from: str = ""
    """The series this was split off; nothing in an answer tells it (reference 6.3)."""


@dataclass(slots=True, kw_only=True)
class Corp:
    """Everything. ``made`` counts ids, which are never given twice."""

    corp_id: str
    agents: dict[int, Agent] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    """By lower-case userid: ids differ ignoring case (reference section 11)."""
    departments: dict[int, Department] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    made: int = 0

    def person(self, userid: str) -> Person | None:
        """Return the member, ignoring case; None if unknown or gone."""
        found = self.people.get(userid.lower())
        return None if found is None or found.status == LEFT else found

    def sees(self, agent: Agent, person: Person) -> bool:
        """Whether ``person`` is in the app's visible range."""
        if agent.visible is None:
            return True
        return person.userid.lower() in {userid.lower() for userid in agent.visible}

    def visible(self, agent: Agent, userid: str) -> Person | None:
        """Return the member if it exists and the app may see it."""
        person = self.person(userid)
        return person if person is not None and self.sees(agent, person) else None

    def new_cal_id(self) -> str:
        """Return an id of 32 characters that begins with ``wc``."""
        return "wc" + base64.urlsafe_b64encode(self._digest("calendar")).decode()[:30]

    def new_schedule_id(self) -> str:
        """Return an id of 32 characters."""
        return self._digest("schedule").hex()[:32]

    def _digest(self, what: str) -> bytes:
        self.made += 1
        return hashlib.sha256(f"{self.corp_id}/{what}/{self.made}".encode()).digest()
