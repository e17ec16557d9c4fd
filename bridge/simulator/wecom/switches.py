"""Every point on which WeCom's documents are silent or disagree, as a switch.

Source: reference section 17 (defaults and alternatives) and the points marked unknown elsewhere in it.
"""

from __future__ import annotations

from typing import Final

from bridge.simulator.records import Switch

_TOKENS: Final = (
    Switch(
        name="same_token",
        default="same",
        choices=("same", "new", "new_kills_old"),
        meaning="gettoken while a token is valid: the same one, a new one, or a new one that ends the old",
    ),
    Switch(name="token_ttl_s", default=7200, meaning="seconds a token lives"),
    Switch(
        name="expires_in_on_repeat",
        default="remaining",
        choices=("remaining", "full"),
        meaning="expires_in when the same token is handed out again",
    ),
    Switch(
        name="expired_code", default=42001, choices=(42001, 40014), meaning="code for an expired access_token"
    ),
    Switch(
        name="bad_secrets_per_hour",
        default=2000,
        meaning="wrong secrets from one IP before 45009 for an hour",
    ),
)

_TRANSPORT: Final = (
    Switch(
        name="trusted_ips", default="", meaning="trusted IPs joined by ';'; empty: every IP; others get 60020"
    ),
    Switch(
        name="hint_style",
        default="underscore",
        choices=("underscore", "digits"),
        meaning="form of the hint in errmsg: time_number_hex, or one long number",
    ),
    Switch(
        name="wrong_method_code", default=40058, choices=(40058, 40063), meaning="code for GET on a POST call"
    ),
    Switch(
        name="unknown_path",
        default="48001",
        choices=("48001", "-1", "404"),
        meaning="answer to a path that does not exist: a code with HTTP 200, or HTTP 404 with an empty body",
    ),
    Switch(
        name="null_value",
        default="refuse",
        choices=("refuse", "absent"),
        meaning="a JSON null in a request: 40058, or as if the field had not been sent",
    ),
    Switch(
        name="unknown_fields",
        default="ignore",
        choices=("ignore", "refuse"),
        meaning="fields of a schedule or calendar that no table lists: ignored, or 40058",
    ),
    Switch(
        name="length_unit",
        default="chars",
        choices=("chars", "bytes"),
        meaning="what text limits count: Unicode code points or UTF-8 bytes",
    ),
    Switch(
        name="description_max", default=1000, choices=(1000, 512), meaning="limit of a schedule's description"
    ),
    Switch(
        name="time_max",
        default=4_294_967_295,
        choices=(4_294_967_295, 2_147_483_647),
        meaning="greatest time: uint32, or the int32 of the 2022 page",
    ),
)

_LIMITS: Final = (
    Switch(name="rate_corp_minute", default=10_000, meaning="calls of one API in a minute before 45009"),
    Switch(name="rate_corp_hour", default=150_000, meaning="calls of one API in an hour before 45009"),
    Switch(name="rate_ip_minute", default=20_000, meaning="calls of one API from one IP in a minute"),
    Switch(name="rate_ip_hour", default=600_000, meaning="calls of one API from one IP in an hour"),
    Switch(name="concurrency_max", default=0, meaning="calls of one API at once before 45033; 0: no limit"),
    Switch(name="quota_calendars_per_app", default=10_000, meaning="calendars of one app before 90481"),
    Switch(
        name="quota_public_calendars", default=30_000, meaning="public calendars of the corp before 90481"
    ),
    Switch(name="quota_corp_calendars", default=20, meaning="corp-wide calendars before 90481"),
    Switch(
        name="quota_shared_per_user",
        default=100,
        meaning="calendars shared to one person; more are reported in fail_result with 90481",
    ),
    Switch(
        name="quota_schedules_per_day", default=20_000, meaning="schedules an app adds a day before 45009"
    ),
    Switch(
        name="lookup_misses_per_day", default=50, meaning="mobile or e-mail misses before 45009 for a day"
    ),
    Switch(name="attendees_max", default=1000, choices=(1000, 300), meaning="attendees before 90464"),
)

_DIRECTORY: Final = (
    Switch(
        name="contact_sync_new_ip",
        default=True,
        meaning="the contact-sync secret is used from an IP added after 2022-08: simplelist and list give 48009",
    ),
    Switch(
        name="not_enabled_code",
        default=48002,
        choices=(48002, 301002, 90472),
        meaning="code when the app is not among those allowed to call the schedule API",
    ),
)

_CALENDARS: Final = (
    Switch(
        name="adminis_key",
        default="admins",
        choices=("admins", "adminis", "both"),
        meaning="name of the admins in calendar/get: the table's, the samples', or both",
    ),
    Switch(
        name="fail_result_code",
        default=40003,
        choices=(40003, 40001, 60111),
        meaning="code of an invalid person in fail_result.shares",
    ),
    Switch(
        name="calendar_deleted_schedules",
        default="90459",
        choices=("90459", "90461", "cancelled"),
        meaning="schedules of a deleted calendar: 90459, unknown, or readable with status 1",
    ),
    Switch(
        name="deleted_calendar_in_list",
        default="90459",
        choices=("90459", "omit"),
        meaning="a deleted calendar in calendar/get: the whole call refused, or left out",
    ),
)

_WRITING: Final = (
    Switch(
        name="invalid_attendee",
        default="60111",
        choices=("60111", "drop"),
        meaning="an attendee that does not exist or is out of the visible range: call refused, or left out",
    ),
    Switch(
        name="update_cancelled",
        default="90460",
        choices=("90460", "90461"),
        meaning="code for a write to a cancelled schedule",
    ),
    Switch(
        name="second_del", default="90460", choices=("90460", "0"), meaning="second del of the same schedule"
    ),
    Switch(
        name="omitted_on_update",
        default="reset",
        choices=("reset", "kept"),
        meaning="optional fields left out of an update: back to the default, or kept",
    ),
    Switch(
        name="update_requires_times",
        default=True,
        meaning="start_time and end_time are required in an update; false: optional as in the 2022 page",
    ),
    Switch(name="update_reply_id", default=True, meaning="update with op_mode 0 answers schedule_id"),
    Switch(
        name="organizer_sent",
        default="ignore",
        choices=("ignore", "90493", "required"),
        meaning="the legacy organizer: ignored, refused with 90493, or required as in 2022",
    ),
    Switch(
        name="legacy_skip_attendees",
        default=True,
        meaning="skip_attendees inside schedule (2022 page) is honoured",
    ),
    Switch(
        name="schedule_admins_within",
        default="both",
        choices=("both", "shares", "attendees", "either"),
        meaning="where a schedule's admins must be members, else 90492",
    ),
    Switch(
        name="past_start_on_add",
        default="allowed",
        choices=("allowed", "90706", "40058"),
        meaning="add with a start before now",
    ),
    Switch(
        name="past_start_on_split",
        default="allowed",
        choices=("allowed", "90706"),
        meaning="one occurrence moved to a start before now",
    ),
    Switch(
        name="op_mode_codes",
        default="guide",
        choices=("guide", "table"),
        meaning="op_mode on a single schedule and op_mode 1 with is_repeat: 90485 and 90484, or the other way round",
    ),
    Switch(
        name="responses_on_update",
        default="kept",
        choices=("kept", "reset"),
        meaning="answers of people who stay attendees when the whole schedule is updated",
    ),
    Switch(
        name="empty_summary",
        default="as_written",
        choices=("as_written", "placeholder"),
        meaning="an empty summary on read: empty, or the words the app shows",
    ),
    Switch(
        name="redundant_attendees",
        default="ok",
        choices=("ok", "40031"),
        meaning="adding somebody who is in, or removing somebody who is not: nothing happens, or refused",
    ),
    Switch(
        name="reminder_entries_max",
        default=0,
        meaning="entries of remind_time_diffs before 90704; 0: no limit",
    ),
)

_SERIES: Final = (
    Switch(
        name="until_rule",
        default="instant",
        choices=("instant", "exclusive", "date"),
        meaning="last occurrence: start <= repeat_until, start < repeat_until, or its date <= that date",
    ),
    Switch(
        name="cut_until",
        default="minus_one",
        choices=("minus_one", "day_before", "previous_plus_one"),
        meaning="repeat_until after a cut at t: t - 1, 23:59:59 of the day before, previous start + 1",
    ),
    Switch(
        name="short_month",
        default="skip",
        choices=("skip", "clamp"),
        meaning="day 29 to 31 in a shorter month, 29 February in other years: no occurrence, or the last day",
    ),
    Switch(
        name="workdays",
        default="mon_fri",
        choices=("mon_fri", "holidays"),
        meaning="repeat_type 7: Monday to Friday, or shifted by public holidays",
    ),
    Switch(
        name="week_start",
        default="monday",
        choices=("monday", "sunday"),
        meaning="first day of a week for weekly series with an interval",
    ),
    Switch(
        name="start_off_pattern",
        default="skip",
        choices=("skip", "included", "40058"),
        meaning="a start that does not match its pattern: no occurrence then, one more, or refused",
    ),
    Switch(
        name="interval_scope",
        default="all",
        choices=("all", "week_month"),
        meaning="repeat types for which repeat_interval counts",
    ),
    Switch(
        name="exclusions_on_update",
        default="on_pattern",
        choices=("on_pattern", "kept", "lost", "shifted"),
        meaning="removed occurrences after op_mode 0 changed time or pattern: kept only if still on the "
        "pattern, all kept, lost, or moved along with the start",
    ),
    Switch(
        name="split_responses",
        default="reset",
        choices=("reset", "copied"),
        meaning="answers in a schedule that was split off",
    ),
    Switch(
        name="split_exclusions",
        default="dropped",
        choices=("dropped", "carried"),
        meaning="removed occurrences after t, when op_mode 2 splits at t: gone, or in the new series",
    ),
    Switch(
        name="series_to_single",
        default="allowed",
        choices=("allowed", "40058", "ignored"),
        meaning="op_mode 0 that turns a series into a single schedule or back",
    ),
    Switch(
        name="del_takes_parts",
        default=False,
        meaning="deleting a whole series cancels the occurrences that were split off it",
    ),
    Switch(
        name="empty_series",
        default="stays",
        choices=("stays", "cancelled"),
        meaning="a series whose last occurrence was removed",
    ),
)

_READING: Final = (
    Switch(
        name="unknown_id_in_list",
        default="90461",
        choices=("90461", "omit"),
        meaning="an unknown id in a get list: call refused, or left out",
    ),
    Switch(
        name="foreign_id_in_list",
        default="90466",
        choices=("90466", "omit"),
        meaning="another app's id in a get list: call refused, or left out",
    ),
    Switch(
        name="get_order",
        default="request",
        choices=("request", "creation"),
        meaning="order of what get returns",
    ),
    Switch(
        name="list_order",
        default="creation",
        choices=("creation", "newest_first", "by_start", "by_id"),
        meaning="order of get_by_calendar",
    ),
    Switch(name="list_superset", default=False, meaning="get_by_calendar returns all fields of get"),
    Switch(name="list_cancelled", default=True, meaning="get_by_calendar returns cancelled schedules"),
    Switch(
        name="list_page_cap", default=0, meaning="most elements of a page whatever the limit; 0: the limit"
    ),
    Switch(name="list_delay_s", default=0.0, meaning="seconds until a new schedule shows in get_by_calendar"),
    Switch(
        name="sequence",
        default="creation",
        choices=("creation", "revision"),
        meaning="sequence in get_by_calendar: fixed at creation, or a new number at each change",
    ),
    Switch(
        name="all_day_end",
        default="as_written",
        choices=("as_written", "last_second", "next_midnight"),
        meaning="end of an all-day schedule on read",
    ),
    Switch(
        name="diffs_from_legacy",
        default=True,
        meaning="get shows remind_time_diffs for a reminder written as remind_before_event_secs",
    ),
    Switch(
        name="timezone_shown",
        default="signed",
        choices=("signed", "unsigned"),
        meaning="a negative timezone on read: itself, or as the uint32 that the table names",
    ),
    Switch(
        name="forever_shown",
        default="zero",
        choices=("zero", "absent"),
        meaning="repeat_until of a series without an end on read",
    ),
    Switch(
        name="no_exclusions_shown",
        default="empty",
        choices=("empty", "absent"),
        meaning="exclude_time_list of a series without exclusions: an empty list, or no field",
    ),
    Switch(name="extra_fields", default=False, meaning="answers carry fields that no table lists"),
    Switch(
        name="default_cal_id_on_get",
        default="given",
        choices=("given", "empty"),
        meaning="cal_id in get for a schedule in the app's default calendar",
    ),
)

_EVENTS: Final = (
    Switch(
        name="admin_split_event",
        default="A",
        choices=("A", "B", "both"),
        meaning="modify_schedule after an admin edits part of a series: the series, the new one, or both",
    ),
    Switch(
        name="own_writes_fire_callbacks",
        default=False,
        meaning="the app's own writes are reported back to it",
    ),
    Switch(
        name="callback_copies", default=1, meaning="how often each event is sent even when it was accepted"
    ),
    Switch(
        name="callback_retry_delay_s", default=0.0, meaning="seconds between attempts to deliver an event"
    ),
    Switch(
        name="users_may_add",
        default=False,
        meaning="people may add schedules to the app's calendars by hand, as before 2022; the app can read them",
    ),
)

SWITCHES: Final = (
    *_TOKENS,
    *_TRANSPORT,
    *_LIMITS,
    *_DIRECTORY,
    *_CALENDARS,
    *_WRITING,
    *_SERIES,
    *_READING,
    *_EVENTS,
)
