"""What flows: rows with an event time, in streams that a script gives a name."""

from typing import Any, Dict, List, NamedTuple, Optional

BEFORE_ALL = -(10**30)
"""The watermark before the first row."""


class Row(NamedTuple):
    """One record. Where that matters, `seen` is the watermark that it meets and `place` its place in its file."""

    time: int
    fields: Dict[str, Any]
    seen: Optional[int] = None
    place: Optional[int] = None


class Stream(NamedTuple):
    """A declaration of a script and the rows it has, all of them, in the order of the input if it has one.

    All streams that operators are applied to have the fields `id: int, k: int?, g: string, v: int`, `v` not
    negative: a stage that makes other ones is followed by a `map` that makes these of them.
    """

    name: str
    rows: List[Row]
    tidy: bool = True
    """No row of it is late, whatever reads it."""
    file: str = ""
    """Where its rows are in the order of one file, each with the watermark that it meets: what reads that file."""
    updating: bool = False
    """Its rows may be replaced or withdrawn; these are the ones that are left in the end."""
    versions: bool = False
    """Its rows come in the order of time, and no two of a key at the same one."""


def grouped(rows, names):
    """Rows by the values of these fields. `null` is a group like any other, as in SQL's GROUP BY."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row.fields[name] for name in names), []).append(row)
    return groups
