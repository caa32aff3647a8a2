"""The records between stages, `{ id: int, k: int?, g: string, v: int }`, and what filters and maps do to them.

Each is a text and what it means. Numbers are never negative, so that `%` means the same everywhere.
"""

from rows import Row

LARGE = 1_000_003
FIELDS = ("id", "k", "g", "v")

FILTERS = (
    ("v % 3 != 0", lambda r: r["v"] % 3 != 0),
    ("v > 10", lambda r: r["v"] > 10),
    ("id % 4 != 1", lambda r: r["id"] % 4 != 1),
    ("(k ?? 0) != 0", lambda r: (r["k"] or 0) != 0),
    ("g != \"a\"", lambda r: r["g"] != "a"),
    ("k == 1 or v < 30", lambda r: r["k"] == 1 or r["v"] < 30),
)

MAPS = (
    ("{ id, k, g, v }", dict),
    ("{ id, k, g, v: (v * 7 + id) % 100 }", lambda r: {**r, "v": (r["v"] * 7 + r["id"]) % 100}),
    ("{ id, k: if v % 5 == 0 then null else v % 3, g, v }",
     lambda r: {**r, "k": None if r["v"] % 5 == 0 else r["v"] % 3}),
    ("{ id: (id * 31 + v) % 1_000_003, k, g: if v > 50 then \"b\" else g, v }",
     lambda r: {**r, "id": (r["id"] * 31 + r["v"]) % LARGE, "g": "b" if r["v"] > 50 else r["g"]}),
)

CONDITIONS = (
    ("", lambda l, r: True),
    ("", lambda l, r: True),
    (" and a.v < b.v", lambda l, r: l["v"] < r["v"]),
    (" and a.id != b.id", lambda l, r: l["id"] != r["id"]),
    (" and (a.v + b.v) % 2 == 0", lambda l, r: (l["v"] + r["v"]) % 2 == 0),
    (" and b.v > 20", lambda l, r: r["v"] > 20),
    (" and a.g != \"c\"", lambda l, r: l["g"] != "c"),
)

PAIR = "{ id: (a.id * 31 + b.id) % 1_000_003, k: a.k, g: b.g, v: (a.v + b.v) % 1000 }"
PERHAPS = ("{ id: (a.id * 31 + (b.id ?? 7)) % 1_000_003, k: a.k, g: b.g ?? \"none\", "
           "v: (a.v + (b.v ?? 500)) % 1000 }")


def of_pair(left, right):
    """The record of a joined row, as `PAIR` and `PERHAPS` say."""
    other = right or {"id": 7, "g": "none", "v": 500}
    return {
        "id": (left["id"] * 31 + other["id"]) % LARGE,
        "k": left["k"],
        "g": other["g"],
        "v": (left["v"] + other["v"]) % 1000,
    }


def mapped(rows, change):
    """The rows with other records; their times stay."""
    return [Row(row.time, change(row.fields), row.seen, row.place) for row in rows]


def total_map(keys):
    """The same as `result_map` for a result without a window."""
    text, change = result_map(keys)
    text = text.replace("abs(epochMillis(windowEnd))", "n")
    return text, lambda fields: {**change(fields), "id": fields["n"] % LARGE}


def result_map(keys):
    """The text that makes such a record of a window's result, and what it means (`keys` are fields of the result)."""
    k = "k" if "k" in keys else "if n % 5 == 0 then null else n % 4"
    g = "g" if "g" in keys else "\"w\""
    text = f"{{ id: abs(epochMillis(windowEnd)) % 1_000_003, k: {k}, g: {g}, v: (n * 7 + hi) % 1000 }}"

    def change(fields):
        n = fields["n"]
        return {
            "id": abs(fields.get("windowEnd", 0) // 1000) % LARGE,
            "k": fields["k"] if "k" in keys else (None if n % 5 == 0 else n % 4),
            "g": fields["g"] if "g" in keys else "w",
            "v": (n * 7 + fields["hi"]) % 1000,
        }

    return text, change
