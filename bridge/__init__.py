"""Queqiao: a bridge between CalDAV and ICS clients and the schedules of WeCom and DingTalk."""

__version__ = "0.1.0"
