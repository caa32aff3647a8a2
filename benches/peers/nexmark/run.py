"""The Nexmark queries in DuckDB: run.py DATA OUT QUERY…

Writes OUT/QUERY.ndjson for each of them, rows as `flow` writes them: numbers as they are, timestamps in
ISO-8601 with as many digits of the second's fraction as they need. The queries (qN.sql beside this file)
are written from the benchmark's definitions, not from the scripts they are compared with.
"""

import datetime
import json
import pathlib
import sys

import duckdb

PERSON = "id BIGINT, name VARCHAR, emailAddress VARCHAR, creditCard VARCHAR, city VARCHAR, state VARCHAR, dateTime TIMESTAMP, extra VARCHAR"
AUCTION = "id BIGINT, itemName VARCHAR, description VARCHAR, initialBid BIGINT, reserve BIGINT, dateTime TIMESTAMP, expires TIMESTAMP, seller BIGINT, category BIGINT, extra VARCHAR"
BID = "auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, dateTime TIMESTAMP, extra VARCHAR"


def load(connection: duckdb.DuckDBPyConnection, data: pathlib.Path) -> None:
    for name, fields in (("persons", PERSON), ("auctions", AUCTION), ("placed_bids", BID)):
        columns = ", ".join("'{}': '{}'".format(*field.split()) for field in fields.split(", "))
        file = data / f"{name.removeprefix('placed_')}.ndjson"
        place = ", row_number() OVER () AS place" if name == "placed_bids" else ""
        connection.execute(
            f"CREATE TABLE {name} AS SELECT *{place} FROM read_json('{file}', format = 'newline_delimited', columns = {{{columns}}})"
        )
    connection.execute("CREATE VIEW bids AS SELECT * EXCLUDE place FROM placed_bids")
    connection.execute(f"CREATE TABLE side_input AS FROM read_csv('{data / 'side-input.csv'}')")


def plain(value: object) -> object:
    if isinstance(value, datetime.datetime):
        text = value.isoformat(timespec="microseconds")
        return text.rstrip("0").rstrip(".") + "Z"
    return value


def main() -> None:
    data, out, *queries = sys.argv[1:]
    connection = duckdb.connect()
    # One thread keeps the lines of a file in their order.
    connection.execute("SET threads = 1; SET preserve_insertion_order = true; SET TimeZone = 'UTC'")
    load(connection, pathlib.Path(data))
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for query in queries:
        result = connection.execute((here / f"{query}.sql").read_text())
        names = [column[0] for column in result.description]
        with open(folder / f"{query}.ndjson", "w", encoding="utf-8") as file:
            while rows := result.fetchmany(10_000):
                for row in rows:
                    fields = {name: plain(value) for name, value in zip(names, row)}
                    file.write(json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
