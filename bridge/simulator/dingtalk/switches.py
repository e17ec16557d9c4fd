"""Every point on which DingTalk's documents are silent or contradict each other, as a switch.

The names of the groups cite the reference: ``12.n`` is row n of its list of unknowns.
"""

from __future__ import annotations

from typing import Final

from bridge.simulator.records import Switch

YES_NO: Final = ("yes", "no")


def _choice(name: str, meaning: str, *choices: str | int) -> Switch:
    """Return a switch whose first choice is the default."""
    return Switch(name=name, default=choices[0], meaning=meaning, choices=choices)


def _number(name: str, meaning: str, default: int) -> Switch:
    return Switch(name=name, default=default, meaning=meaning)


_IDS: Final = (
    _choice(
        "instance_id",
        "12.1 id of an occurrence: opaque text with '_' and a time; opaque; <master>_<epoch seconds>",
        "mixed",
        "opaque",
        "master_epoch",
    ),
    _choice(
        "event_id",
        "3.1 id of an event: twice base64 of 16 bytes; or base64 with '+', '/' and '='",
        "double_base64",
        "single_base64",
    ),
    _choice(
        "attendee_event_id",
        "12.23 an attendee's copy has the organizer's id, or one of its own",
        "same",
        "per_user",
    ),
    _choice("primary_calendar_id", "12.27 id of the main calendar in the list", "primary", "opaque"),
    _choice("push_calendar_id", "12.27 id of the main calendar in pushes", "opaque", "primary"),
)

_LISTING: Final = (
    _choice(
        "list_master",
        "12.2 the list returns the master of a series: only until an occurrence exists; always; never",
        "until_generated",
        "yes",
        "no",
    ),
    _choice(
        "generated",
        "3.7 which occurrences exist for the list: up to the end of today; only started ones; a week ahead",
        "today",
        "started",
        "week_ahead",
    ),
    _choice(
        "list_future_exceptions",
        "3.7 the list returns a changed occurrence that lies in the future",
        "no",
        "yes",
    ),
    _choice("list_time_min", "12.3 an event that starts exactly at timeMin", "inclusive", "exclusive"),
    _choice("list_time_max", "12.3 an event that starts exactly at timeMax", "exclusive", "inclusive"),
    _choice(
        "list_order",
        "3.7 order of the list: by start, by id, newest change first",
        "start",
        "id",
        "updated",
    ),
    _choice(
        "page_fill",
        "3.2 pages: full; half full; now and then empty with a nextToken",
        "full",
        "short",
        "gaps",
    ),
    _choice(
        "last_next_token",
        "3.2 how the last page says that it is the last: no nextToken, null, or an empty text",
        "absent",
        "null",
        "empty",
    ),
    _choice(
        "deleted_items",
        "12.4 deletions in a delta: stub with showDeleted; whole object with showDeleted; stub always; never",
        "stub",
        "full",
        "stub_always",
        "never",
    ),
    _number("sync_age_s", "12.5 seconds a syncToken lives", 30 * 86_400),
    _choice(
        "sync_expired",
        "12.5 an old or unknown syncToken: 400, or silently a full list",
        "error",
        "full",
    ),
    _choice(
        "delta_filters",
        "12.6 timeMin beside syncToken: ignored; must be as in the full pass; refused",
        "ignored",
        "required",
        "rejected",
    ),
    _choice("delta_keeps_time_min", "12.6 a delta stays within the full pass's timeMin", "no", "yes"),
    _choice(
        "delta_cursor",
        "3.7 a delta without changes brings a new syncToken, or none",
        "always",
        "with_changes",
    ),
    _choice("delta_generation", "3.7 occurrences that time has generated appear in deltas", "yes", "no"),
    _choice(
        "occurrence_edit_touches_master",
        "3.7 editing an occurrence changes the master's updateTime and delta",
        "yes",
        "no",
    ),
    _choice("responses_touch_event", "3.7 an answer changes updateTime and shows up in deltas", "yes", "no"),
    _choice(
        "calendar_privilege",
        "2.2 privilege in the list: one of the documented words, or the sample's VIEW_DETAIL",
        "documented",
        "VIEW_DETAIL",
    ),
    _choice(
        "calendar_etag", "2.2 eTag of a calendar: changes with its events, or constant", "live", "constant"
    ),
    _number("window_days", "3.7 days of the longest window (a year)", 365),
    _choice("too_many_results", "3.7 maxResults above the maximum: 400, or cut", "reject", "cut"),
)

_READING: Final = (
    _choice(
        "get_cancelled",
        "12.7 GET of a cancelled event: 404 by kind; itemNotFound; instanceNotExist; 200 cancelled",
        "by_kind",
        "item_not_found",
        "instance_not_exist",
        "readable",
    ),
    _choice(
        "response_offset",
        "12.18 offset of dateTime in answers: the event zone's; as sent; UTC",
        "event_zone",
        "as_sent",
        "utc",
    ),
    _choice(
        "response_time_zone", "4.1 timeZone in answers: kept, or always Asia/Shanghai", "kept", "shanghai"
    ),
    _choice("response_fraction", "4.1 fractions of a second in dateTime of answers", "no", "yes"),
    _choice(
        "update_time_precision",
        "4.1 precision of createTime and updateTime",
        "second",
        "minute",
        "millisecond",
    ),
    _choice(
        "empty_fields",
        "9 empty values in answers: '' and []; null; left out",
        "filled",
        "null",
        "absent",
    ),
    _choice("sdk_only_fields", "3.10 fields that only the SDK's models name", "present", "absent"),
    _choice("instance_recurrence", "3.6 an occurrence repeats its master's recurrence", "repeated", "absent"),
    _choice("all_day_zone", "4.2 zone of all-day events in comparisons", "UTC", "Asia/Shanghai"),
    _choice("empty_success_body", "3.5 body of an empty success", "request_id", "empty"),
    _choice("get_attendees_default", "3.6 maxAttendees of get if absent", 100, 0),
)

_WRITING: Final = (
    _choice("put_reminders_omitted", "12.8 PUT without reminders", "keep", "reset"),
    _choice("put_null", "12.9 PUT with null", "ignore", "clear", "reject"),
    _choice("put_attendees", "12.10 PUT with attendees", "replace", "merge"),
    _choice("zero_length", "12.15 start equal to end", "accept", "reject"),
    _choice("end_before_start", "12.15 end before start", "reject", "accept"),
    _choice("all_day_zero_length", "12.16 all-day with start equal to end", "reject", "one_day"),
    _choice("both_date_forms", "3.3 date and dateTime together (the page's sample)", "reject", "accept"),
    _choice(
        "iso_milliseconds",
        "12.17 times without milliseconds: fine; refused; refused in free/busy queries only",
        "optional",
        "required",
        "required_in_schedule",
    ),
    _choice(
        "both_range_ends",
        "4.4 endDate and numberOfOccurrences together (the page's sample): refused, or the type decides",
        "reject",
        "accept",
    ),
    _choice(
        "iso_without_offset", "4.1 dateTime without offset: refused, or read in timeZone", "reject", "zone"
    ),
    _choice("put_by_attendee", "12.24 PUT by somebody else than the organizer", "400", "403", "404"),
    _choice("long_text", "12.29 summary or description too long", "reject", "truncate"),
    _choice("length_unit", "5.1 what a character is", "code_points", "utf16"),
    _choice("remove_recurrence", "12.31 making a series single by PUT recurrence null", "impossible", "null"),
    _choice(
        "exceptions_on_master_edit",
        "12.32 exceptions when the master is edited: dropped with times or rule; always; never",
        "dropped_with_times",
        "dropped",
        "kept",
    ),
    _choice(
        "instance_write",
        "4.6 PUT, DELETE, respond with an occurrence's id: that occurrence; 400; the whole series",
        "occurrence",
        "rejected",
        "series",
    ),
    _choice("future_instance_ids", "3.8 ids of occurrences not yet generated work", "work", "unknown"),
    _choice("time_change_resets_responses", "3.4 a new time sets the answers back", "no", "yes"),
    _choice("unknown_attendee", "3.11 inviting an unknown unionId", "reject", "ignore"),
    _choice("out_of_scope_attendee", "7.3 inviting somebody outside the app's scope", "accept", "reject"),
    _choice("unknown_fields", "9 unknown fields in a request body", "ignore", "reject"),
    _choice(
        "rich_text",
        "3.3 description and richTextDescription: unrelated; each sets the other",
        "independent",
        "linked",
    ),
    _number("reminders_max", "5.1 reminders of one event; 0: no limit", 0),
    _choice("reminder_minutes", "5.1 allowed minutes: any; only those of the old API", "any", "listed"),
    _number("reminder_minutes_max", "5.1 greatest minutes; 0: no limit", 0),
)

_SERIES: Final = (
    _choice(
        "end_date",
        "12.11 range.endDate: its date in the event's zone; its date as written; the instant; before the instant",
        "inclusive_date",
        "inclusive_date_as_written",
        "inclusive_instant",
        "exclusive_instant",
    ),
    _choice(
        "start_off_pattern", "12.12 start that does not match the pattern", "kept", "dropped", "rejected"
    ),
    _choice("short_month", "12.13 day 29 to 31 in a short month, 29 February", "skip", "clamp"),
    _choice("numbered_counts_removed", "12.14 numberOfOccurrences counts removed ones", "yes", "no"),
    _choice("yearly_without_day", "12.30 absoluteYearly without dayOfMonth", "accept", "reject"),
    _choice(
        "relative_days",
        "4.5 relativeMonthly with several weekdays: the n-th day of the set; the n-th of each",
        "nth_of_set",
        "nth_of_each",
    ),
    _choice("series_zone", "4.2 a series repeats in its zone's wall time, or in UTC", "event", "utc"),
)

_GATEWAY: Final = (
    _choice("invalid_token_status", "12.19 HTTP status of a bad token", 400, 401),
    _choice("unknown_path", "12.28 unknown path under /v1.0", "json", "html"),
    _choice("unknown_user", "11.1 a path user that is not a unionId", "invalidParameter", "permissionDeny"),
    _choice("undocumented_operations", "3.9 operations that only the SDK knows", "allowed", "denied"),
    _choice("legacy_credential", "1.2 gettoken returns the same token as accessToken", "same", "other"),
    _choice("refresh_rotates", "1.3 a refresh gives a new refresh token", "yes", "no"),
    _choice("idempotency_replay", "12.25 the same x-client-token again", "stored", "execute"),
    _choice("idempotency_other_body", "12.26 the same x-client-token, another body", "stored", "reject"),
    _choice(
        "idempotency_scope", "5.3 a client token counts within: app and API; user; app", "api", "user", "app"
    ),
    _choice("idempotency_failures", "5.3 failures are remembered too", "no", "yes"),
    _choice("idempotency_operations", "5.3 operations that look at it", "sdk", "documented"),
    _number("idempotency_running_ms", "5.3 milliseconds a write stays 'in progress' after it was taken", 0),
    _number("qps_limit", "5.2 calls per second, app and API; 0: no limit", 20),
    _number("qpm_limit", "5.2 calls per minute, app and API; 0: no limit", 0),
    _number("monthly_calls", "5.2 billed calls per month; 0: no limit", 5000),
    _number("monthly_pushes", "5.2 billed pushes per month; 0: no limit", 3000),
    _number("creations_per_day", "5.1 events created per user and day; 0: no limit", 100),
    _choice("creation_day", "12.33 day of that limit", "shanghai", "utc", "rolling"),
    _choice("creation_failures_count", "12.33 failed creations count", "no", "yes"),
    _choice("directory_numbers", "7.2 numbers and booleans in directory answers", "plain", "text"),
    _choice("empty_schedule", "3.12 free/busy of somebody without events", "empty", "null_item"),
    _choice("unanswered_status", "3.12 free/busy of an unanswered invitation", "TENTATIVE", "BUSY"),
)

_PUSH: Final = (
    _choice("push_keys_http", "12.20 keys of an HTTP push", "pascal", "camel"),
    _choice("push_keys_stream", "12.20 keys of a Stream push", "camel", "pascal"),
    _choice("push_change_type", "12.20 changeType created or create", "past", "plain"),
    _choice("push_own_writes", "12.21 the app's own writes are pushed back", "yes", "no"),
    _choice(
        "push_on",
        "12.22 which changes are pushed: content and answers; content; reminders too",
        "content_and_responses",
        "content",
        "all",
    ),
    _choice("push_fan_out", "6.2 one push for all people, or one for each", "one", "per_user"),
    _choice("push_duplicates", "6.4 each event is delivered twice", "no", "yes"),
    _choice("push_quota_form", "5.2 where errCode 20001 stands", "data", "frame"),
    _choice("failed_list_read_removes", "6.3 reading the list of failed pushes empties it", "no", "yes"),
    _number("stream_ping_s", "6.4 seconds between the server's pings; 0: none", 30),
)

SWITCHES: Final[tuple[Switch, ...]] = (
    *_IDS,
    *_LISTING,
    *_READING,
    *_WRITING,
    *_SERIES,
    *_GATEWAY,
    *_PUSH,
)
"""All switches of the DingTalk simulator."""
