"""A script as it grows: its declarations, the streams that may be read, and what each sink must show."""

from records import FIELDS, mapped
from rows import Stream

MOST_ROWS = 400
"""A stream of more rows than this is shown, and not read by other declarations."""

HEAD = """param out: string = "out"
type Record = { id: int, k: int?, g: string, v: int, at: timestamp }
"""


class Script:
    """Grows by one declaration at a time, from top to bottom."""

    def __init__(self):
        self._lines = [HEAD]
        self._names = 0
        self.expected = {}
        self.streams = []

    def text(self):
        """The script."""
        return "\n".join(self._lines) + "\n"

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
        self.show(name, ({field: row.fields[field] for field in FIELDS} for row in rows))
        stream = Stream(name, rows, **traits)
        self.streams.append(stream)
        return stream

    def result(self, kind, text, rows, made):
        """A stream of other fields with its sink, and a `map` of it that other declarations may read.

        `made` is the text of the map and the change that it means, or None where nothing may follow.
        """
        rows = list(rows)
        name = self.name(kind)
        self.say(f"stream {name} = {text}")
        self.show(name, (row.fields for row in rows))
        if made is not None:
            change, what = made
            self.stream("m", f"{name} |> map {change}", mapped(rows, what))

    def readable(self, wanted=lambda stream: True):
        """The streams that a stage may read."""
        return [one for one in self.streams if wanted(one) and len(one.rows) <= MOST_ROWS]
