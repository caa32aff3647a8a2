"""Random sources: the files in the job's folder, and the declarations that read them."""

import os

import inputs
import records
from times import MS, SECOND, duration

PIECE = 270_000
"""A line of more than 256 KiB is read alone."""
DELAYS = (0, SECOND, 2 * SECOND, 5 * SECOND, 5 * SECOND, 20 * SECOND)


def add(script, rng, folder, sort, begin):
    """One source and the stream of its records; `sort` says what may be in it, `begin` about when it begins."""
    name = script.name("in")
    os.mkdir(os.path.join(folder, name))
    delay = rng.choice(DELAYS)
    contents = _contents(rng, delay, sort, begin)
    padding = "x" * (PIECE if sort == "alone" else rng.choice((0, 0, 0, 3_000, 20_000, 100_000)))
    for at, content in enumerate(contents):
        inputs.write(os.path.join(folder, name, f"{at}.ndjson"), content, padding)
    # Where rows that went different ways meet, they come as the file has them.
    parts = rng.random() < 0.3
    path = f"{name}/*.ndjson" if len(contents) > 1 or rng.random() < 0.5 else f"{name}/0.ndjson"
    read = f"source {name}: Record = file(\"{path}\", format: json(timeUnit: us))"
    stages, contents = _stages(rng, delay, contents)
    # Where time is set is free: at the source, or in the stream.
    if parts:
        script.say(read)
        text = _parted(script, rng, name, len(contents)) + stages
    elif rng.random() < 0.7:
        script.say(f"{read}{stages}")
        text = name
    else:
        script.say(read)
        text = f"{name}{stages}"
    rows = [row for content in contents for row in inputs.with_watermarks(content, delay)]
    script.stream("s", f"{text} |> map {{ id, k, g, v }}", rows, tidy=sort not in ("late", "alone"),
                  file=name if len(contents) == 1 else "", versions=sort == "versions")


def _parted(script, rng, name, files):
    """Two streams that have some of the records each, and together all of them: the text of their union."""
    condition, _ = rng.choice(records.FILTERS)
    ways = [f"filter({condition})", f"filter(not ({condition}))"]
    rng.shuffle(ways)
    # Rows that go to other workers by their key have one time for all files.
    if files == 1 and rng.random() < 0.3:
        ways[0] += " |> distinct(id)"
    names = [script.name("part") for _ in ways]
    for part, way in zip(names, ways):
        script.say(f"stream {part} = {name} |> {way}")
    return f"{names[0]} |> union({names[1]})"


def _stages(rng, delay, contents):
    """How rows get their time, and the records that have it: rows that a filter drops before make no watermark."""
    timed, kind = f" |> eventTime(at, delay: {duration(delay)})", rng.random()
    if kind < 0.2:
        text, keeps = rng.choice(records.FILTERS)
        return f" |> filter({text}){timed}", [[one for one in content if keeps(one)] for content in contents]
    # A time that is computed is not looked for in the files: several would follow each other by name.
    if kind < 0.4 and len(contents) == 1:
        text = f" |> map {{ id, k, g, v, at: at + 90s }}{timed}"
        return text, [[{**one, "at": one["at"] + 90 * SECOND} for one in contents[0]]]
    return timed, contents


def _contents(rng, delay, sort, begin):
    """The records of each file: `tidy` ones in several files, `late`, `alone` or `versions` in one."""
    files = rng.choice((1, 1, 2, 3)) if sort == "tidy" else 1
    keys, first_id = rng.choice((1, 3, 8)), 0
    made = []
    for start, step in inputs.paces(rng, files, begin):
        count = rng.choice((0, 1, rng.randint(2, 30), rng.randint(2, 30), rng.randint(20, 60)))
        grid = rng.choice(inputs.GRIDS)
        if sort == "alone":
            count = min(count, 20)
        times = inputs.event_times(rng, count, start, step, delay, grid)
        if sort in ("late", "alone"):
            times = inputs.beyond(rng, times, delay)
        if sort == "versions":
            times = inputs.in_order(times, rng.choice((MS, SECOND)))
        made.append(inputs.records(rng, times, first_id, keys))
        first_id += count
    return made
