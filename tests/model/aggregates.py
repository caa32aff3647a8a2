"""Aggregates (section 4): how a script writes each, and its value over some rows."""

from typing import Callable, List, NamedTuple

from rows import Row


class Aggregate(NamedTuple):
    """One named result of an `aggregate`."""

    name: str
    text: str
    value: Callable[[List[Row]], object]


def _values(rows, where=lambda v: True):
    return [row.fields["v"] for row in rows if where(row.fields["v"])]


COUNT = Aggregate("n", "count()", len)
HIGHEST = Aggregate("hi", "max(v)", lambda rows: max(_values(rows)))

OTHERS = (
    Aggregate("total", "sum(v)", lambda rows: sum(_values(rows))),
    Aggregate("lo", "min(v)", lambda rows: min(_values(rows))),
    Aggregate("mean", "avg(v)", lambda rows: sum(_values(rows)) / len(rows)),
    Aggregate("spread", "max(v) - min(v)", lambda rows: max(_values(rows)) - min(_values(rows))),
    Aggregate("kinds", "countDistinct(g)", lambda rows: len({row.fields["g"] for row in rows})),
    Aggregate("odd", "count(where: v % 2 == 1)", lambda rows: len(_values(rows, lambda v: v % 2 == 1))),
    Aggregate("large", "sum(v, where: v > 40)", lambda rows: sum(_values(rows, lambda v: v > 40))),
    # Of no rows these are null.
    Aggregate("low", "min(v, where: v > 80)", lambda rows: min(_values(rows, lambda v: v > 80), default=None)),
    Aggregate("top", "max(v, where: v < 3)", lambda rows: max(_values(rows, lambda v: v < 3), default=None)),
)


def some(rng):
    """A few aggregates, the count and the highest value always among them."""
    return [COUNT, HIGHEST] + rng.sample(OTHERS, rng.randint(0, 3))


def flow(aggregates):
    """The text of the stage."""
    return "aggregate { " + ", ".join(f"{one.name}: {one.text}" for one in aggregates) + " }"


def values(aggregates, rows):
    """The named results over these rows, of which there is at least one."""
    return {one.name: one.value(rows) for one in aggregates}
