"""One job of the suite in DuckDB with one thread: duckdb_job.py JOB INPUT OUTPUT.

Prints the CPU and wall seconds of the query alone, without Python's start.
"""

import resource
import sys
import time

import duckdb

BIDS = """read_json('{input}', format = 'newline_delimited', columns = {{
    auction: 'BIGINT', bidder: 'BIGINT', price: 'BIGINT', channel: 'VARCHAR', url: 'VARCHAR',
    "dateTime": 'TIMESTAMP', extra: 'VARCHAR'}})"""
LINES = """read_csv('{input}', columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
    delim = '\\x01', quote = '', escape = '', strict_mode = false)"""

JOBS = {
    "q0": f"SELECT auction, bidder, price, channel, url, \"dateTime\", extra FROM {BIDS}",
    "q1": f"SELECT auction, bidder, price * 0.908::DOUBLE AS price, \"dateTime\", extra FROM {BIDS}",
    "q2": f"SELECT auction, price FROM {BIDS} WHERE auction % 123 = 0",
    "words": f"""SELECT word, count(*) AS n
        FROM (SELECT unnest(string_split(line, ' ')) AS word FROM {LINES}) GROUP BY word""",
}


def main() -> None:
    job, source, target = sys.argv[1:]
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    query = f"COPY ({JOBS[job].format(input=source)}) TO '{target}' (FORMAT json)"
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    connection.execute(query)
    after, end = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(cpu, end - start)


if __name__ == "__main__":
    main()
