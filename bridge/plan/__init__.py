"""PURE. Decisions: functions from what is and what should be to what to do."""
