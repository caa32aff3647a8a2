"""A script as it grows: its declarations, the streams that may be read, and what each sink must show."""

from records import FIELDS, mapped
from rows import Stream, grouped

MOST_ROWS = 400
"""A stream of more rows than this is shown, and not read by other declarations."""

IN_MEMORY = "checkpoint: off"
JOBS = (
    IN_MEMORY,
    "checkpoint: 10s",
    "checkpoint: 20ms",
    "checkpoint: 20ms, state: { path: \".flow\", backend: sled, memory: 1KiB }",
    "checkpoint: off, state: { path: \".flow\", backend: sled, memory: 1MiB }",
)
"""How the job keeps what it has to keep: the results are the same."""

HEAD = """param out: string = "out"
type Record = { id: int, k: int?, g: string, v: int, at: timestamp }
"""


class Script:
    """Grows by one declaration at a time, from top to bottom.

    A `lean` script reads each stream once, and has sinks at its ends only: what is read by one alone may be read ahead,
    changed on its way or let go early.
    """

    def __init__(self, job, lean):
        self._job = job
        self._lines = [HEAD]
        self._lean = lean
        self._names = 0
        self.expected = {}
        self.streams = []

    def text(self):
        """The script."""
        return "\n".join([f"job model {{ {self._job} }}"] + self._lines) + "\n"

    def keep_in_memory(self):
        """For stages that cannot keep their state on disk yet."""
        self._job = IN_MEMORY

    def name(self, kind):
        """A name that nothing has yet."""
        self._names += 1
        return f"{kind}{self._names}"

    def say(self, line):
        """Adds a declaration as it is."""
        self._lines.append(line)

    def show(self, name, records):
        """A sink for the stream of this name, which must show exactly these records, in any order."""
        sink = self.name("show")
        self.say(f"sink {sink} = {name} -> file(\"{{out}}/{sink}\", format: json, mode: overwrite)")
        self.expected[sink] = list(records)

    def stream(self, kind, text, rows, **traits):
        """A stream of records that other declarations may read, and its sink."""
        rows = list(rows)
        name = self.name(kind)
        self.say(f"stream {name} = {text}")
        stream = Stream(name, rows, **traits)
        if not self._lean:
            self._show_stream(stream)
        self.streams.append(stream)
        return stream

    def result(self, kind, text, rows, made, **traits):
        """A stream of other fields with its sink, and a `map` of it (its text and the change) that others may read."""
        rows = list(rows)
        name = self.name(kind)
        self.say(f"stream {name} = {text}")
        if not self._lean and not traits.get("updating"):
            self.show(name, (row.fields for row in rows))
        change, what = made
        self.stream("m", f"{name} |> map {change}", mapped(rows, what), **traits)

    def pick(self, rng, wanted=lambda stream: True):
        """A stream for a stage to read, or None. In a lean script nothing else reads it."""
        found = [one for one in self.streams if wanted(one) and len(one.rows) <= MOST_ROWS]
        if not found:
            return None
        one = rng.choice(found)
        if self._lean:
            self.streams.remove(one)
        return one

    def pick_two(self, rng, first=lambda stream: True, second=lambda stream: True):
        """A stream for each side of a join, or None."""
        one = self.pick(rng, first)
        other = self.pick(rng, second)
        if one and other:
            return one, other
        self.streams += [stream for stream in (one, other) if self._lean and stream]
        return None

    def finish(self):
        """Sinks for the ends of a lean script."""
        if self._lean:
            for stream in self.streams:
                self._show_stream(stream)

    def _show_stream(self, stream):
        """A sink for its rows; where they are replaced, for how many there are of each in the end."""
        shown = [{field: row.fields[field] for field in FIELDS} for row in stream.rows]
        if not stream.updating:
            self.show(stream.name, shown)
            return
        name = self.name("c")
        self.say(f"stream {name} = {stream.name} |> keyBy({', '.join(FIELDS)}) |> trigger(atEnd) |> count() as n")
        of_each = grouped(stream.rows, FIELDS)
        self.show(name, ({**dict(zip(FIELDS, key)), "n": len(rows)} for key, rows in of_each.items()))
