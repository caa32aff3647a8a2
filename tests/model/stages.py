"""Random stages but joins: each picks a stream of the script, writes a declaration, and works out what it must give."""

import aggregates
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


def is_tidy(stream):
    """Whether its rows may be given to what knows windows."""
    return stream.tidy


def stateless(script, rng):
    """A filter or a map."""
    one = script.pick(rng)
    if not one:
        return
    if rng.random() < 0.5:
        text, keeps = rng.choice(records.FILTERS)
        rows, stage = [row for row in one.rows if keeps(row.fields)], f"filter({text})"
    else:
        text, change = rng.choice(records.MAPS)
        rows, stage = records.mapped(one.rows, change), f"map {text}"
    script.stream("s", f"{one.name} |> {stage}", rows, tidy=one.tidy, file=one.file,
                  updating=one.updating)


def union(script, rng):
    """Two streams as one."""
    two = script.pick_two(rng, is_tidy, is_tidy)
    if two:
        script.stream("u", f"{two[0].name} |> union({two[1].name})", two[0].rows + two[1].rows)


def aggregate(script, rng):
    """Windows over rows of which none is late, whatever the lateness; perhaps others of their results."""
    one = script.pick(rng, is_tidy)
    if not one:
        return
    keys, window, chosen = rng.choice(KEYS), a_window(rng), aggregates.some(rng)
    rows = [row for key, group in grouped(one.rows, keys).items()
            for row in results(keys, key, windows.windows(window, group), chosen)]
    text = f"{one.name}{keyed(keys)}{windowed(window, a_lateness(rng))} |> {aggregates.flow(chosen)}"
    if keys and rng.random() < 0.3:
        keys = rng.choice(((), keys[:1]))
        text += f"{keyed(keys)} |> window(same) |> aggregate {{ n: count(), hi: max(hi) }}"
        rows = list(_of_the_same_windows(keys, rows))
    script.result("w", text, rows, records.result_map(keys))


def _of_the_same_windows(keys, rows):
    names = keys + ("windowStart", "windowEnd")
    for key, group in grouped(rows, names).items():
        highest = max(row.fields["hi"] for row in group)
        yield Row(key[-1] - 1, {**dict(zip(names, key)), "n": len(group), "hi": highest})


def aggregate_of_late(script, rng):
    """Windows over one file with rows that are late, and those rows."""
    one = script.pick(rng, lambda stream: stream.file)
    if not one:
        return
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
    script.show(f"{name}.late", (row.fields for row in late))
    script.show(name, (row.fields for row in rows))
    # A result for a row behind its window's end is itself behind, and may be late below.
    tidy = not each_row and (one.tidy or not lateness)
    if each_row:
        # The last result of a window replaces those before it.
        rows = {tuple(row.fields[field] for field in keys + ("windowStart", "windowEnd")): row for row in rows}.values()
    change, what = records.result_map(keys)
    script.stream("m", f"{name} |> map {change}", records.mapped(rows, what), tidy=tidy, updating=each_row)


# Rows that are alike in all of these are the same, whatever comes first.
BEST_FIRST = "by: [v desc, id asc, g asc, k ?? 1_000 asc]"

PLACED = ("{ id, k, g, v: (v + place) % 1000 }", lambda f: {
    "id": f["id"], "k": f["k"], "g": f["g"], "v": (f["v"] + f["place"]) % 1000})
"""The map of such rows to records."""


def _best_first(row):
    fields = row.fields
    return -fields["v"], fields["id"], fields["g"], (fields["k"] is None, fields["k"])


def _best(rows, most):
    """The records of the best rows, with their places."""
    best = sorted(rows, key=_best_first)[:most]
    return [{**row.fields, "place": place} for place, row in enumerate(best, 1)]


def best(script, rng):
    """The best rows of each window, with their places."""
    one = script.pick(rng, is_tidy)
    if not one:
        return
    keys, window, most = rng.choice(KEYS), a_window(rng), rng.randint(1, 3)
    rows = [Row(end - 1, {**fields, "windowStart": start, "windowEnd": end})
            for group in grouped(one.rows, keys).values()
            for (start, end), inside in windows.windows(window, group)
            for fields in _best(inside, most)]
    text = f"{one.name}{keyed(keys)}{windowed(window, a_lateness(rng))} |> top({most}, {BEST_FIRST}) as place"
    script.result("t", text, rows, PLACED)


def at_end(script, rng):
    """An aggregate, or the best rows, without a window, given at the end: late rows count too."""
    one = script.pick(rng)
    if not one:
        return
    keys, chosen = rng.choice(KEYS[1:]), aggregates.some(rng)
    name = script.name("e")
    text = f"stream {name} = {one.name}{keyed(keys)} |> trigger(atEnd)"
    if rng.random() < 0.5:
        script.say(f"{text} |> {aggregates.flow(chosen)}")
        script.show(name, totals(one.rows, keys, chosen))
    else:
        script.say(f"{text} |> top(2, {BEST_FIRST}) as place")
        script.show(name, (fields for group in grouped(one.rows, keys).values() for fields in _best(group, 2)))


def without_time(script, rng):
    """Windows of so many rows of a file, one window of all rows, each record once: no row is late for these."""
    one = script.pick(rng, lambda stream: not stream.updating)
    if not one:
        return
    keys, chosen, name = rng.choice(KEYS), aggregates.some(rng), script.name("p")
    if rng.random() < 0.3:
        fields = rng.choice((("g",), ("k", "g"), ("v",)))
        script.say(f"stream {name} = {one.name} |> map {{ {', '.join(fields)} }} |> distinct({', '.join(fields)})")
        script.show(name, (dict(zip(fields, values)) for values in grouped(one.rows, fields)))
        return
    size = rng.randint(1, 4) if one.file else None
    window = f"count({size})" if size else "global"
    script.say(f"stream {name} = {one.name}{keyed(keys)} |> window({window}) |> {aggregates.flow(chosen)}")
    groups = grouped(one.rows, keys).items()
    # What is not full at the end of the input is given then.
    parts = [(key, group[at:at + (size or len(group))]) for key, group in groups
             for at in range(0, len(group), size or len(group))]
    script.show(name, ({**dict(zip(keys, key)), **aggregates.values(chosen, part)} for key, part in parts))


def running(script, rng):
    """An aggregate, or the best rows, that each row changes."""
    one = script.pick(rng)
    if not one:
        return
    keys, chosen = rng.choice(KEYS[1:]), aggregates.some(rng)
    if rng.random() < 0.6:
        rows = [Row(0, fields) for fields in totals(one.rows, keys, chosen)]
        text = f"{one.name}{keyed(keys)} |> {aggregates.flow(chosen)}"
        made = records.total_map(keys)
    else:
        most = rng.randint(1, 3)
        rows = [Row(0, fields) for group in grouped(one.rows, keys).values() for fields in _best(group, most)]
        text = f"{one.name}{keyed(keys)} |> top({most}, {BEST_FIRST}) as place"
        made = PLACED
    script.result("n", text, rows, made, tidy=False, updating=True)


def totals(rows, keys, chosen):
    """The records of an aggregate over all rows."""
    return [{**dict(zip(keys, key)), **aggregates.values(chosen, group)}
            for key, group in grouped(rows, keys).items()]
