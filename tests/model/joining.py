"""Random joins: each picks two streams of the script, writes a declaration, and works out what it must give."""

import joins
import records
from rows import Row, grouped
from stages import a_window, is_tidy
from times import SECOND
from windows import Session

KINDS = ("join", "leftJoin", "semiJoin", "antiJoin")


def _on(rng):
    equal = rng.choice((("k",), ("k",), ("k",), ("k", "g"), ("g",)))
    text, holds = rng.choice(records.CONDITIONS)
    keys = " and ".join(f"a.{name} == b.{name}" for name in equal)
    return joins.On(equal, keys + text, holds)


def _within(rng, choices=(-60, -10, -5, -2, -1, 0, 0, 1, 3, 10, 60, 600)):
    low, high = sorted(rng.choice(choices) * SECOND for _ in range(2))
    return joins.Within(-high, high) if high > 0 and rng.random() < 0.3 else joins.Within(low, high)


def join(script, rng):
    """A join by time or in windows, of any kind."""
    two = script.pick_two(rng, is_tidy, is_tidy)
    if two:
        near = _within(rng) if rng.random() < 0.6 else joins.InWindow(a_window(rng))
        _join(script, rng, near, *two)


def join_of_late(script, rng):
    """A join of rows of one file, of which some may be late: in windows or by time."""
    left = script.pick(rng, lambda stream: stream.file and not stream.tidy and len(stream.rows) > 5)
    left = left or script.pick(rng, lambda stream: stream.file)
    right = left and script.pick(rng, lambda stream: stream.file == left.file)
    if right and rng.random() < 0.6:
        # By so little that late rows are too late for some.
        _join(script, rng, joins.WithinAsRead(_within(rng, (-5, -2, -1, -1, 0, 0, 1, 1, 3))), left, right)
    elif right:
        _join(script, rng, joins.InWindow(a_window(rng, session=False)), left, right)
    elif left and left not in script.streams:
        script.streams.append(left)


def _join(script, rng, near, left, right):
    kind, on = rng.choice(KINDS), _on(rng)
    rows = list(joins.join(kind, near, on, left.rows, right.rows))
    text = f"{left.name} as a |> {kind}({right.name} as b on {on.text}{near.flow()})"
    # A result of a session is as old as the session is long, one of late rows as old as they are: late below, by right.
    in_session = isinstance(near, joins.InWindow) and isinstance(near.window, Session)
    tidy = not in_session and not isinstance(near, joins.WithinAsRead)
    _joined(script, kind, text, rows, tidy)


def _as_records(kind, text, rows):
    """The text of a join whose rows are records, and these."""
    if kind in ("semiJoin", "antiJoin"):
        return text, [Row(row.time, row.fields[0]) for row in rows]
    made = records.PAIR if kind == "join" else records.PERHAPS
    return f"{text} |> map {made}", [Row(row.time, records.of_pair(*row.fields)) for row in rows]


def _joined(script, kind, text, rows, tidy=True):
    text, found = _as_records(kind, text, rows)
    script.stream("j", text, found, tidy=tidy)


def join_for_good(script, rng):
    """A join without bounds: rows without a partner are withdrawn when one comes, and pairs of replaced rows."""
    two = script.pick_two(rng)
    if not two:
        return
    (left, right), kind, on = two, rng.choice(KINDS), _on(rng)
    near = joins.Always(rng.choice((0, 0, 86_400 * 30 * SECOND)))
    rows = list(joins.join(kind, near, on, left.rows, right.rows))
    text = f"{left.name} as a |> {kind}({right.name} as b on {on.text}{near.flow()})"
    if kind == "join" and left.tidy and right.tidy:
        _joined(script, kind, text, rows)
        return
    text, found = _as_records(kind, text, rows)
    script.stream("r", text, found, tidy=False, updating=True)


def join_as_of(script, rng):
    """Each row with the version of its time; the versions are the rows of a source in order, or how many there were."""
    two = script.pick_two(rng, is_tidy, lambda stream: stream.versions)
    if not two:
        return
    (left, right), kind = two, rng.choice(("join", "leftJoin"))
    on = joins.On(("k",), "a.k == b.k", lambda l, r: True)
    name = script.name("v")
    text = f"{left.name} as a |> {kind}({name} asOf as b on a.k == b.k)"
    if rng.random() < 0.6:
        script.say(f"stream {name} = {right.name} |> keyBy(k) |> latest(by: id)")
        _joined(script, kind, text, joins.as_of(kind, on, left.rows, right.rows))
        return
    script.say(f"stream {name} = {right.name} |> keyBy(k) |> count() as n")
    found = joins.as_of(kind, on, left.rows, list(_counted(right.rows)))
    count = "b.n" if kind == "join" else "(b.n ?? 500)"
    script.stream("j", f"{text} |> map {{ a.id, a.k, a.g, v: (a.v + {count}) % 1000 }}", [
        Row(row.time, {**row.fields[0], "v": (row.fields[0]["v"] + _count(row.fields[1])) % 1000}) for row in found])


def _counted(rows):
    for group in grouped(rows, ("k",)).values():
        for at, row in enumerate(group, 1):
            yield Row(row.time, {"k": row.fields["k"], "n": at})


def _count(version):
    return version["n"] if version else 500
