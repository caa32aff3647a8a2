"""`python3 tests/model --flow BINARY --count N --seed S [--jobs N]`: random scripts, the binary against the model."""

import argparse
import concurrent.futures
import os
import sys
import tempfile
import time

from check import difference


def main():
    """Runs the scripts; 1 if one gave something else, and then its folder is kept."""
    options = _options()
    began, rows = time.monotonic(), 0
    place = tempfile.mkdtemp(prefix="flow-model-", dir=options.folder)
    seeds = range(options.seed, options.seed + options.count)
    wrong = []
    print(f"{options.count} scripts from seed {options.seed}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        flow = os.path.abspath(options.flow)

        def one(seed):
            return difference(flow, seed, os.path.join(place, str(seed)), options.forget_a_row)
        for at, (found, compared) in enumerate(pool.map(one, seeds), 1):
            rows += compared
            if found:
                wrong.append(found)
                print(found, flush=True)
                if len(wrong) >= options.most:
                    pool.shutdown(cancel_futures=True)
                    break
            if at % 500 == 0:
                print(f"{at} of {options.count} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if wrong:
        print("model and binary differ; again: cargo xtask fuzz model --count 1 --seed <that seed>")
        return 1
    os.rmdir(place)
    seconds = time.monotonic() - began
    print(f"model and binary agree on {options.count} scripts ({rows} rows, each at 1 and 3 workers) "
          f"in {seconds:.0f} s, seed {options.seed}")
    return 0


def _options():
    memory = "/dev/shm"
    parser = argparse.ArgumentParser(prog="model", description=__doc__)
    parser.add_argument("--flow", required=True, help="the binary")
    parser.add_argument("--count", type=_number, default=1000, help="how many scripts")
    parser.add_argument("--seed", type=_number, default=1, help="that of the first; the next ones follow")
    parser.add_argument("--jobs", type=_number, default=1, help="how many side by side")
    parser.add_argument("--most", type=_number, default=1, help="differences to stop at")
    parser.add_argument("--forget-a-row", action="store_true", help="make a mistake, to see that it is noticed")
    parser.add_argument("--folder", default=memory if os.path.isdir(memory) else None, help="where inputs are")
    return parser.parse_args()


def _number(text):
    return int(text.replace("_", ""))


if __name__ == "__main__":
    sys.exit(main())
