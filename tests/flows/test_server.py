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
def test_the_server_ends_with_a_killed_worker():
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        children = []
        deadline = time.monotonic() + 50
        while not children and time.monotonic() < deadline:
            children = psutil.Process(worker.pid).children()
        assert worker.stdout.readline() == "up\n"
        assert worker.wait(timeout=20) == -9
    _, alive = psutil.wait_procs(children, timeout=15)
    assert children
    assert not alive
