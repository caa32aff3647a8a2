"""One script against the real binary: made from its seed, run at one and at three workers, compared by row."""

import collections
import json
import os
import random
import shutil
import subprocess

import inputs
import joining
import sources
import stages
from script import JOBS, Script
from times import parsed

WORKERS = (1, 3)
STAGES = (
    [stages.stateless] * 3
    + [stages.union, stages.best, stages.at_end, stages.running, stages.without_time]
    + [stages.aggregate] * 4
    + [stages.aggregate_of_late] * 3
    + [joining.join] * 8
    + [joining.join_of_late] * 4
    + [joining.join_for_good, joining.join_as_of] * 2
)
"""What a script grows by, the more often the more it stands here."""

NOT_ON_DISK = "E0811"
"""What the binary says to stages whose state cannot be on disk yet; then it is kept in memory."""

SECONDS = 120
"""A run that takes longer hangs."""


def made(seed, folder):
    """The script of this seed; its inputs are written into the folder."""
    rng = random.Random(seed)
    script = Script(rng.choice(JOBS), lean=rng.random() < 0.5)
    sorts = ["tidy"] * rng.randint(1, 3) + ["late"] * rng.randint(0, 1) + ["versions"] * rng.randint(0, 1)
    sorts += ["alone"] * (rng.random() < 0.1)
    begin = inputs.a_beginning(rng)
    for sort in sorts:
        sources.add(script, rng, folder, sort, begin)
    for _ in range(rng.randint(4, 14)):
        rng.choice(STAGES)(script, rng)
    script.finish()
    return script


def difference(flow, seed, folder, forget=False):
    """What is wrong with the script of this seed, or None; and how many rows were compared.

    The folder is made, and removed if nothing is wrong. With `forget` the model forgets a row, which must be noticed.
    """
    os.makedirs(folder)
    script = made(seed, folder)
    if forget:
        given = [records for records in script.expected.values() if records]
        if not given:
            return f"seed {seed}: the script gives no rows, so none can be forgotten", 0
        given[0].pop()
    for workers in WORKERS:
        wrong = _run(flow, folder, workers, script)
        if wrong and NOT_ON_DISK in wrong:
            script.keep_in_memory()
            wrong = _run(flow, folder, workers, script)
        wrong = wrong or _compare(folder, workers, script.expected)
        if wrong:
            return f"seed {seed}, {workers} workers: {wrong}\n\n{script.text()}\ninputs: {folder}", 0
    shutil.rmtree(folder)
    return None, sum(len(records) for records in script.expected.values())


def _run(flow, folder, workers, script):
    """Runs the job; what it said if it failed."""
    with open(os.path.join(folder, "job.flow"), "w", encoding="utf-8") as file:
        file.write(script.text())
    command = [flow, "run", "job.flow", "--fresh", "--parallelism", str(workers), "-p", f"out=out{workers}"]
    environment = {**os.environ, "NO_COLOR": "1"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, timeout=SECONDS,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {SECONDS} s"
    if done.returncode != 0:
        return f"exit status {done.returncode}\n{done.stderr.decode()}"
    return None


def _compare(folder, workers, expected):
    """The first sink that shows something else, and in which rows."""
    for sink, records in expected.items():
        want = collections.Counter(_line(record) for record in records)
        got = collections.Counter(shown(os.path.join(folder, f"out{workers}", sink)))
        if want != got:
            missing, extra = sorted((want - got).elements()), sorted((got - want).elements())
            return "\n".join([f"{sink} differs", f"missing ({len(missing)}):", *missing[:10],
                              f"not expected ({len(extra)}):", *extra[:10]])
    return None


def shown(folder):
    """The lines that a sink shows, times as numbers."""
    if not os.path.isdir(folder):
        return
    for name in sorted(os.listdir(folder)):
        if name.startswith((".", "_")):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                for bound in ("windowStart", "windowEnd"):
                    if bound in record:
                        record[bound] = parsed(record[bound])
                yield _line(record)


def _line(record):
    return json.dumps(record, sort_keys=True)
