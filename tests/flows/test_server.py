import subprocess
import sys
import time

import psutil
import pytest

WORKER = """
import os, signal
from flows.server import prefect_server
with prefect_server():
    print("up", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_server_ends_with_a_killed_worker():
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        children = []
        deadline = time.monotonic() + 200
        while not children and time.monotonic() < deadline:
            children = psutil.Process(worker.pid).children()
        assert worker.stdout.readline() == "up\n"
        assert worker.wait(timeout=60) == -9
    _, alive = psutil.wait_procs(children, timeout=60)
    assert children
    assert not alive
