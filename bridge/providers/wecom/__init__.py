"""WeCom (企业微信): calendars and schedules of its server API."""
