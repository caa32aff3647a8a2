"""Random input files: out of order within the delay or beyond it, at ties, far apart in pace, of silent ends."""

import json

from rows import BEFORE_ALL, Row
from times import MS, SECOND, START

GRIDS = (SECOND, SECOND, 500 * MS, 100 * MS, 1)
"""Event times are multiples of one of these: a coarse one makes ties, and rows right at a window's end."""


def event_times(rng, count, start, step, delay, grid):
    """Times that go on by some `step`, each at most `delay` behind the latest one before it."""
    times, latest, base = [], None, start
    for _ in range(count):
        # Now and then nothing comes for long, or many rows at once.
        base += rng.choice((0, 0, 1, 1, 1, 2, 3, 20)) * rng.randint(0, step)
        back = rng.choice((0, 0, rng.randint(0, delay), delay))
        time = (base - back) // grid * grid
        if latest is not None:
            time = max(time, latest - delay)
        latest = time if latest is None else max(latest, time)
        times.append(time)
    return times


def beyond(rng, times, delay):
    """Some of them later in the file than the delay allows: by little, or by much."""
    spread = rng.choice((delay + SECOND, 3 * delay + 10 * SECOND, 60 * SECOND))
    share = rng.choice((0.05, 0.2, 0.5))
    return [time - rng.randint(0, spread) // (SECOND // 2) * (SECOND // 2) if rng.random() < share else time
            for time in times]


def in_order(times, grid):
    """The same times in order, none of them twice."""
    made, latest = [], None
    for time in sorted(times):
        latest = time if latest is None else max(time, latest + grid)
        made.append(latest)
    return made


def records(rng, times, first_id, keys):
    """Records of these times; keys are `null` at times."""
    nulls = rng.choice((0.0, 0.05, 0.3))
    return [{
        "id": first_id + at,
        "k": None if rng.random() < nulls else rng.randrange(keys),
        "g": rng.choice("abc"),
        "v": rng.choice((rng.randrange(100), rng.randrange(5))),
        "at": time,
    } for at, time in enumerate(times)]


def write(path, content, padding):
    """One file. A field that no script reads makes rows so long that a file is many chunks of work."""
    with open(path, "w", encoding="utf-8") as file:
        for record in content:
            file.write(json.dumps({**record, "pad": padding}) + "\n")


def with_watermarks(content, delay):
    """The rows of one file in its order, each with the watermark it meets: latest time before it less `delay`."""
    rows, watermark = [], BEFORE_ALL
    for place, record in enumerate(content):
        fields = {name: record[name] for name in ("id", "k", "g", "v")}
        rows.append(Row(record["at"], fields, watermark, place))
        watermark = max(watermark, record["at"] - delay)
    return rows


def a_beginning(rng):
    """The time about which all inputs of a script begin."""
    return rng.choice((START, START, START, 0, -7_200 * SECOND)) + rng.randrange(3600) * SECOND


def paces(rng, files, begin):
    """Where each file begins and how fast it goes on: together, one behind the other, or far apart."""
    kind = rng.choice(("together", "together", "behind", "apart"))
    begin += rng.choice((0, 0, 0, 10, 60, 1000)) * SECOND
    step = rng.choice((SECOND, 2 * SECOND, 5 * SECOND))
    for at in range(files):
        if kind == "behind":
            yield begin + at * 20 * step, step
        elif kind == "apart":
            yield begin + rng.randrange(120) * SECOND, rng.choice((100 * MS, step, 30 * SECOND))
        else:
            yield begin, step
