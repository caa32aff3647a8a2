"""Windows (section 5 of the contract): how a script writes each, and which rows are in one together."""

from typing import NamedTuple

from times import duration


class Tumbling(NamedTuple):
    """Each row in one window; aligned to the epoch, or so much behind it."""

    size: int
    offset: int = 0

    def flow(self):
        """Its text."""
        offset = f", offset: {duration(self.offset)}" if self.offset else ""
        return f"tumbling({duration(self.size)}{offset})"

    def around(self, time):
        """The windows that have this time in them, `[start, end)`."""
        start = (time - self.offset) // self.size * self.size + self.offset
        return [(start, start + self.size)]


class Sliding(NamedTuple):
    """Windows of one size, of which one begins at each multiple of `every`."""

    size: int
    every: int

    def flow(self):
        """Its text."""
        return f"sliding({duration(self.size)}, every: {duration(self.every)})"

    def around(self, time):
        """The windows that have this time in them, `[start, end)`."""
        start, found = time // self.every * self.every, []
        while start + self.size > time:
            found.append((start, start + self.size))
            start -= self.every
        return found


class Cumulative(NamedTuple):
    """Windows that begin together, each longer than the one before, up to the longest."""

    longest: int
    every: int

    def flow(self):
        """Its text."""
        return f"cumulative({duration(self.longest)}, every: {duration(self.every)})"

    def around(self, time):
        """The windows that have this time in them, `[start, end)`."""
        start = time // self.longest * self.longest
        ends = range(start + self.every, start + self.longest + 1, self.every)
        return [(start, end) for end in ends if end > time]


class Session(NamedTuple):
    """Rows whose times differ by at most the gap; over a gap behind the last one."""

    gap: int

    def flow(self):
        """Its text."""
        return f"session(gap: {duration(self.gap)})"


def windows(window, rows):
    """Rows of one key by window: pairs of `(start, end)` and the rows in it."""
    if isinstance(window, Session):
        return sessions(window.gap, rows)
    found = {}
    for row in rows:
        for bounds in window.around(row.time):
            found.setdefault(bounds, []).append(row)
    return list(found.items())


def sessions(gap, rows):
    """Rows of one key by session, by sorting them: a session ends where the next row is more than the gap away."""
    found = []
    for row in sorted(rows, key=lambda row: row.time):
        if found and row.time - found[-1][-1].time <= gap:
            found[-1].append(row)
        else:
            found.append([row])
    return [((rows[0].time, rows[-1].time + gap), rows) for rows in found]
