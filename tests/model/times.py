"""Event times and durations are whole microseconds; this is how a script and a result write them."""

import calendar
import re

MS = 1_000
SECOND = 1_000_000
START = 1_767_225_600 * SECOND
"""2026-01-01, near which most times are; others are around 1970."""

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z")


def duration(micros):
    """A duration as a script writes it: 1500000 is `1500ms`."""
    for size, unit in ((SECOND, "s"), (MS, "ms"), (1, "us")):
        if micros % size == 0:
            return f"{micros // size}{unit}"
    raise AssertionError("every number divides by one")


def parsed(text):
    """The microseconds of an ISO-8601 timestamp in UTC."""
    found = _ISO.fullmatch(text)
    whole = calendar.timegm(tuple(int(part) for part in found.groups()[:6]) + (0, 0, 0))
    return whole * SECOND + int((found.group(7) or "0").ljust(6, "0"))
