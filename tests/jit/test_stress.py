"""Minutes of everything at once: ``python -m pytest -n 0 -m nightly``; STRESS_SECONDS says how long, 300 by default."""

import os

import pytest

from processes import run_program

HAMMER = """
import os, random, threading, time
from bodies import most_threads

until = time.monotonic() + float(os.environ["STRESS_SECONDS"])
counts = {"calls": 0, "children": 0}
lock, failures = threading.Lock(), []

def calls(seed):
    choose = random.Random(seed)
    try:
        while time.monotonic() < until and not failures:
            limit = choose.randint(1, int(os.environ["NUMBA_NUM_THREADS"]))
            with fc.threads(limit):
                check()
                assert most_threads(limit + 1) <= limit
            with lock:
                counts["calls"] += 1
            if choose.random() < 0.05:
                time.sleep(choose.choice([0.0001, 0.001, 0.01]))  # helpers fall asleep
    except BaseException as error:
        failures.append(repr(error))

def child():
    check()
    if random.random() < 0.3 and os.fork() == 0:
        check()
        os._exit(0)
    check()

threads = [threading.Thread(target=calls, args=[seed]) for seed in range(6)]
for thread in threads:
    thread.start()
while time.monotonic() < until and not failures:
    time.sleep(random.random() * 0.05)
    process = os.fork()
    if process == 0:
        try:
            child()
            os._exit(0)
        finally:
            os._exit(1)
    deadline = time.monotonic() + 60
    done, status = 0, 0
    while not done and time.monotonic() < deadline:
        done, status = os.waitpid(process, os.WNOHANG)
        time.sleep(0.001)
    if not done or status:
        failures.append(f"a child ended with {status}" if done else "a child hangs")
    counts["children"] += 1
for thread in threads:
    thread.join()
assert not failures, failures
check()
print(counts)
"""


@pytest.mark.nightly
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("threads", [2, 4])
def test_minutes_of_calls_and_forks(threads: int) -> None:
    seconds = str(float(os.environ.get("STRESS_SECONDS", "300")) / 2)
    print(run_program(HAMMER, timeout=float(seconds) + 120, NUMBA_NUM_THREADS=str(threads), STRESS_SECONDS=seconds))
