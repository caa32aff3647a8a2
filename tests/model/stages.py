"""Random stages: each picks streams of the script, writes a declaration, and works out what it must give."""

import aggregates
import joins
import records
import windows
from arrival import sessions_and_late, windows_and_late
from rows import Row, grouped
from times import MS, SECOND, duration

SIZES = (SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, 300 * SECOND)
KEYS = ((), ("k",), ("k",), ("g",), ("k", "g"))


def a_window(rng, overlapping=True, session=True):
    """A window of any kind."""
    kinds = ["tumbling", "tumbling"] + ["sliding", "cumulative"] * overlapping + ["session"] * session
    kind, size = rng.choice(kinds), rng.choice(SIZES)
    if kind == "tumbling":
        return windows.Tumbling(size, rng.choice((0, 0, 0, size // 4, size // 2)))
    if kind == "sliding":
        return windows.Sliding(size, rng.choice((size // 2, size // 5, size * 2 // 5, size)))
    if kind == "cumulative":
        return windows.Cumulative(size, size // rng.choice((2, 5)))
    return windows.Session(rng.choice((500 * MS, SECOND, 3 * SECOND, 10 * SECOND)))


def keyed(keys):
    """The text of `keyBy`, if there are keys."""
    return f" |> keyBy({', '.join(keys)})" if keys else ""


def windowed(window, lateness):
    """The text of `window`."""
    late = f", lateness: {duration(lateness)}" if lateness else ""
    return f" |> window({window.flow()}{late})"


def a_lateness(rng):
    """None, mostly."""
    return rng.choice((0, 0, 0, SECOND, 5 * SECOND, 60 * SECOND))


def results(keys, key, found, chosen):
    """Rows of an aggregate: keys, bounds, values. Their time is the last moment of their window."""
    for (start, end), rows in found:
        fields = {**dict(zip(keys, key)), "windowStart": start, "windowEnd": end}
        yield Row(end - 1, {**fields, **aggregates.values(chosen, rows)})


def stateless(script, rng):
    """A filter or a map."""
    one = rng.choice(script.readable())
    if rng.random() < 0.5:
        text, keeps = rng.choice(records.FILTERS)
        rows, stage = [row for row in one.rows if keeps(row.fields)], f"filter({text})"
    else:
        text, change = rng.choice(records.MAPS)
        rows, stage = records.mapped(one.rows, change), f"map {text}"
    script.stream("s", f"{one.name} |> {stage}", rows, tidy=one.tidy, as_read=one.as_read)


def union(script, rng):
    """Two streams as one."""
    tidy = script.readable(lambda stream: stream.tidy)
    one, other = rng.choice(tidy), rng.choice(tidy)
    script.stream("u", f"{one.name} |> union({other.name})", one.rows + other.rows)


def aggregate(script, rng):
    """Windows over rows of which none is late, whatever the lateness."""
    one = rng.choice(script.readable(lambda stream: stream.tidy))
    keys, window, chosen = rng.choice(KEYS), a_window(rng), aggregates.some(rng)
    rows = [row for key, group in grouped(one.rows, keys).items()
            for row in results(keys, key, windows.windows(window, group), chosen)]
    text = f"{one.name}{keyed(keys)}{windowed(window, a_lateness(rng))} |> {aggregates.flow(chosen)}"
    script.result("w", text, rows, records.result_map(keys))


def aggregate_of_late(script, rng):
    """Windows over one file with rows that are late, and those rows."""
    as_read = script.readable(lambda stream: stream.as_read)
    if not as_read:
        return
    one = rng.choice(as_read)
    keys, window, chosen = rng.choice(KEYS), a_window(rng), aggregates.some(rng)
    session = isinstance(window, windows.Session)
    lateness = 0 if session else a_lateness(rng)
    each_row = not session and rng.random() < 0.3
    rows, late = [], []
    for key, group in grouped(one.rows, keys).items():
        if session:
            found, behind = sessions_and_late(window.gap, group)
        else:
            found, behind = windows_and_late(window, lateness, group, each_row)
        rows += results(keys, key, found, chosen)
        late += behind
    trigger = " |> trigger(late: eachRow)" if each_row else ""
    name = script.name("l")
    script.say(f"stream {name} = {one.name}{keyed(keys)}{windowed(window, lateness)}{trigger}"
               f" |> {aggregates.flow(chosen)}")
    script.show(name, (row.fields for row in rows))
    script.show(f"{name}.late", (row.fields for row in late))
    if not each_row:
        # A result for a row behind its window's end is itself behind, and may be late below.
        change, what = records.result_map(keys)
        script.stream("m", f"{name} |> map {change}", records.mapped(rows, what), tidy=one.tidy or not lateness)


def best(script, rng):
    """The best rows of each window, with their places."""
    one = rng.choice(script.readable(lambda stream: stream.tidy))
    keys, window, most = rng.choice(KEYS), a_window(rng), rng.randint(1, 3)
    rows = []
    for group in grouped(one.rows, keys).values():
        for (start, end), inside in windows.windows(window, group):
            def order(row):
                fields = row.fields
                return -fields["v"], fields["id"], fields["g"], (fields["k"] is None, fields["k"])
            for place, row in enumerate(sorted(inside, key=order)[:most]):
                fields = {**row.fields, "windowStart": start, "windowEnd": end, "place": place + 1}
                rows.append(Row(end - 1, fields))
    text = f"{one.name}{keyed(keys)}{windowed(window, a_lateness(rng))}"
    # Rows that are alike in all of these are the same, whatever comes first.
    text += f" |> top({most}, by: [v desc, id asc, g asc, k ?? 1_000 asc]) as place"
    change = "{ id, k, g, v: (v + place) % 1000 }"
    script.result("t", text, rows, (change, lambda f: {
        "id": f["id"], "k": f["k"], "g": f["g"], "v": (f["v"] + f["place"]) % 1000}))


def at_end(script, rng):
    """An aggregate without a window, given at the end: late rows count too."""
    one = rng.choice(script.readable())
    keys, chosen = rng.choice(KEYS[1:]), aggregates.some(rng)
    name = script.name("e")
    script.say(f"stream {name} = {one.name}{keyed(keys)} |> trigger(atEnd) |> {aggregates.flow(chosen)}")
    script.show(name, _totals(one.rows, keys, chosen))


def _totals(rows, keys, chosen):
    return [{**dict(zip(keys, key)), **aggregates.values(chosen, group)}
            for key, group in grouped(rows, keys).items()]


def _on(rng):
    equal = rng.choice((("k",), ("k",), ("k",), ("k", "g"), ("g",)))
    text, holds = rng.choice(records.CONDITIONS)
    keys = " and ".join(f"a.{name} == b.{name}" for name in equal)
    return joins.On(equal, keys + text, holds)


def _within(rng):
    low, high = sorted(rng.choice((-60, -10, -5, -2, -1, 0, 0, 1, 3, 10, 60, 600)) * SECOND for _ in range(2))
    return joins.Within(-high, high) if high > 0 and rng.random() < 0.3 else joins.Within(low, high)


def join(script, rng):
    """A join by time or in windows, of any kind."""
    tidy = script.readable(lambda stream: stream.tidy)
    left, right, on = rng.choice(tidy), rng.choice(tidy), _on(rng)
    kind = rng.choice(("join", "leftJoin", "semiJoin", "antiJoin"))
    near = _within(rng) if rng.random() < 0.6 else joins.InWindow(a_window(rng))
    rows = list(joins.join(kind, near, on, left.rows, right.rows))
    text = f"{left.name} as a |> {kind}({right.name} as b on {on.text}{near.flow()})"
    # A result of a session is as old as the session is long: such rows may be late below, by right.
    tidy = not (isinstance(near, joins.InWindow) and isinstance(near.window, windows.Session))
    _joined(script, kind, text, rows, tidy)


def _joined(script, kind, text, rows, tidy=True):
    """The stream of a join's rows, as records."""
    if kind in ("semiJoin", "antiJoin"):
        records_of = [Row(row.time, row.fields[0]) for row in rows]
    else:
        text += f" |> map {records.PAIR if kind == 'join' else records.PERHAPS}"
        records_of = [Row(row.time, records.of_pair(*row.fields)) for row in rows]
    script.stream("j", text, records_of, tidy=tidy)


def join_for_good(script, rng):
    """A join without bounds. What it has in the end is shown by an aggregate that withdraws what was replaced."""
    left, right, on = rng.choice(script.readable()), rng.choice(script.readable()), _on(rng)
    kind = rng.choice(("join", "leftJoin", "semiJoin", "antiJoin"))
    rows = list(joins.join(kind, joins.Always(), on, left.rows, right.rows))
    text = f"{left.name} as a |> {kind}({right.name} as b on {on.text})"
    if kind == "join" and left.tidy and right.tidy:
        _joined(script, kind, text, rows)
        return
    if kind in ("semiJoin", "antiJoin"):
        found = [Row(row.time, row.fields[0]) for row in rows]
    else:
        text += f" |> map {records.PERHAPS if kind == 'leftJoin' else records.PAIR}"
        found = [Row(row.time, records.of_pair(*row.fields)) for row in rows]
    chosen = aggregates.some(rng)
    name = script.name("r")
    script.say(f"stream {name} = {text} |> keyBy(k) |> trigger(atEnd) |> {aggregates.flow(chosen)}")
    script.show(name, _totals(found, ("k",), chosen))


def join_as_of(script, rng):
    """Each row with the version of its time; the versions are those of a source in order."""
    ordered = script.readable(lambda stream: stream.versions)
    if not ordered:
        return
    left = rng.choice(script.readable(lambda stream: stream.tidy))
    right, kind = rng.choice(ordered), rng.choice(("join", "leftJoin"))
    on = joins.On(("k",), "a.k == b.k", lambda l, r: True)
    name = script.name("v")
    script.say(f"stream {name} = {right.name} |> keyBy(k) |> latest(by: id)")
    rows = list(joins.as_of(kind, on, left.rows, right.rows))
    _joined(script, kind, f"{left.name} as a |> {kind}({name} asOf as b on a.k == b.k)", rows)


STAGES = ([stateless] * 3 + [union] + [aggregate] * 4 + [aggregate_of_late] * 3 + [best] + [at_end]
          + [join] * 7 + [join_for_good] * 2 + [join_as_of] * 2)
"""What a script grows by, the more often the more it stands here."""
