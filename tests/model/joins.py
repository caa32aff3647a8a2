"""Joins (section 7), as SQL would do them: every left row is looked at beside every right one.

A joined row has the later one of the two times; a row without the other side (of left, semi and anti joins) its own. A
key that is null meets nobody. In sessions, which are made of both sides' rows of a key, such a row is alone.
"""

from typing import Any, Callable, NamedTuple, Tuple

from rows import Row, grouped
from times import duration
from windows import Session, sessions


class On(NamedTuple):
    """A condition: fields that are equal on both sides, and what else must hold for the two records."""

    equal: Tuple[str, ...]
    text: str
    holds: Callable[[dict, dict], bool]

    def meet(self, left, right):
        """Whether two records are partners."""
        same = all(left[name] is not None and left[name] == right[name] for name in self.equal)
        return same and self.holds(left, right)


class Within(NamedTuple):
    """`within: low..high`: how much later the right row may be."""

    low: int
    high: int

    def flow(self):
        """Its text; one duration where it is the same in both directions."""
        if self.low == -self.high:
            return f", within: {duration(self.high)}"
        return f", within: {_signed(self.low)}..{_signed(self.high)}"

    def settings(self, _on, left, right):
        """Every left row is looked at once, beside the right rows that are near."""
        for row in left:
            yield row, [other for other in right if self.low <= other.time - row.time <= self.high]


class WithinAsRead(NamedTuple):
    """`within:` where rows of one file meet that may be late: who comes later meets what is still kept.

    A left row is kept until the right side's watermark has passed its time plus `high`, a right one until the left
    side's has passed its time less `low`. Of a row that is on both sides the left one is first.
    """

    near: Within

    def flow(self):
        """Its text."""
        return self.near.flow()

    def settings(self, on, left, right):
        """Every left row is looked at once, beside the right rows that it meets."""
        for row, others in self.near.settings(on, left, right):
            yield row, [other for other in others if self._met(row, other)]

    def _met(self, left, right):
        if left.place <= right.place:
            return right.seen <= left.time + self.near.high
        return left.seen <= right.time - self.near.low


class InWindow(NamedTuple):
    """`window: …`: a left row is looked at once in each of its windows, beside the right rows in it."""

    window: Any

    def flow(self):
        """Its text."""
        return f", window: {self.window.flow()}"

    def settings(self, on, left, right):
        """Pairs of a left row and the right rows in one of its windows."""
        if isinstance(self.window, Session):
            yield from self._in_sessions(on, left, right)
            return
        inside = {}
        for row in right:
            for bounds in self._open(row):
                inside.setdefault(bounds, []).append(row)
        for row in left:
            for bounds in self._open(row):
                yield row, inside.get(bounds, [])

    def _open(self, row):
        """The windows of a row but those that are over when it comes: it is dropped there."""
        around = self.window.around(row.time)
        return [bounds for bounds in around if row.seen is None or row.seen < bounds[1]]

    def _in_sessions(self, on, left, right):
        of_left, of_right = grouped(left, on.equal), grouped(right, on.equal)
        for key, rows in of_left.items():
            if None in key:
                yield from ((row, []) for row in rows)
                continue
            sides = [Row(row.time, {"left": row}) for row in rows]
            sides += [Row(row.time, {"right": row}) for row in of_right.get(key, [])]
            for _, together in sessions(self.window.gap, sides):
                others = [row.fields["right"] for row in together if "right" in row.fields]
                yield from ((row.fields["left"], others) for row in together if "left" in row.fields)


class Always(NamedTuple):
    """A join without bounds: all rows of both sides. A `ttl` that is longer than the input changes nothing."""

    ttl: int = 0

    def flow(self):
        """Its text."""
        return f", ttl: {duration(self.ttl)}" if self.ttl else ""

    def settings(self, _on, left, right):
        """Every left row is looked at once, beside all right ones."""
        for row in left:
            yield row, right


def join(kind, near, on, left, right):
    """Rows whose fields are a pair: the left record, and the right one or None."""
    for row, others in near.settings(on, left, right):
        partners = [other for other in others if on.meet(row.fields, other.fields)]
        if kind in ("join", "leftJoin"):
            for other in partners:
                yield Row(max(row.time, other.time), (row.fields, other.fields))
        alone = kind == "leftJoin" and not partners
        if alone or (kind == "semiJoin" and partners) or (kind == "antiJoin" and not partners):
            yield Row(row.time, (row.fields, None))


def as_of(kind, on, left, versions):
    """The version that is valid at the time of each left row: the newest of its key that is not younger."""
    for row in left:
        older = [one for one in versions if one.time <= row.time and on.meet(row.fields, one.fields)]
        if older:
            yield Row(row.time, (row.fields, max(older, key=lambda one: one.time).fields))
        elif kind == "leftJoin":
            yield Row(row.time, (row.fields, None))


def _signed(micros):
    return f"-{duration(-micros)}" if micros < 0 else duration(micros)
