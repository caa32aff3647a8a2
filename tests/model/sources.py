"""Random sources: the files in the job's folder, and the declarations that read them."""

import os

import inputs
from times import MS, SECOND, duration

DELAYS = (0, SECOND, 2 * SECOND, 5 * SECOND, 5 * SECOND, 20 * SECOND)


def add(script, rng, folder, sort, begin):
    """One source and the stream of its records; `sort` says what may be in it, `begin` about when it begins."""
    name = script.name("in")
    os.mkdir(os.path.join(folder, name))
    delay = rng.choice(DELAYS)
    contents = _contents(rng, delay, sort, begin)
    padding = "x" * rng.choice((0, 0, 3_000, 20_000))
    for at, content in enumerate(contents):
        inputs.write(os.path.join(folder, name, f"{at}.ndjson"), content, padding)
    path = f"{name}/*.ndjson" if len(contents) > 1 or rng.random() < 0.5 else f"{name}/0.ndjson"
    timed = f"eventTime(at, delay: {duration(delay)})"
    record = "map { id, k, g, v }"
    read = f"source {name}: Record = file(\"{path}\", format: json(timeUnit: us))"
    # Where time is set is free: at the source, or in the stream.
    if rng.random() < 0.7:
        script.say(f"{read} |> {timed}")
        text = f"{name} |> {record}"
    else:
        script.say(read)
        text = f"{name} |> {timed} |> {record}"
    rows = [row for content in contents for row in inputs.with_watermarks(content, delay)]
    script.stream("s", text, rows, tidy=sort != "late", file=name if len(contents) == 1 else "",
                  versions=sort == "versions")


def _contents(rng, delay, sort, begin):
    """The records of each file: `tidy` ones in several files, `late` or `versions` in one."""
    files = rng.choice((1, 1, 2, 3)) if sort == "tidy" else 1
    keys, first_id = rng.choice((1, 3, 8)), 0
    made = []
    for start, step in inputs.paces(rng, files, begin):
        count = rng.choice((0, 1, rng.randint(2, 30), rng.randint(2, 30), rng.randint(20, 60)))
        grid = rng.choice(inputs.GRIDS)
        times = inputs.event_times(rng, count, start, step, delay, grid)
        if sort == "late":
            times = inputs.beyond(rng, times, delay)
        if sort == "versions":
            times = inputs.in_order(times, rng.choice((MS, SECOND)))
        made.append(inputs.records(rng, times, first_id, keys))
        first_id += count
    return made
