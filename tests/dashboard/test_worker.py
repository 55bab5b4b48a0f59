"""The process that computes for the pages: it answers, refuses, dies and comes again."""

import asyncio
import math
import operator
import os
import time
from collections.abc import Iterator

import pytest

from dashboard import worker as module
from dashboard.worker import Worker
from models.errors import UnusableInput

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    found = Worker()
    yield found
    found.close()


def test_it_answers_from_a_process_of_its_own_at_low_priority(worker):
    assert worker.answer(math.sqrt, 9.0) == 3.0
    assert worker.answer(os.getpid) != os.getpid()
    assert worker.answer(os.nice, 0) >= os.nice(0) + 10


def test_what_cannot_be_computed_is_told_and_the_next_question_answered(worker):
    with pytest.raises(UnusableInput, match="ZeroDivisionError"):
        worker.answer(operator.truediv, 1, 0)
    assert worker.answer(operator.truediv, 1, 2) == 0.5


def test_a_process_that_dies_is_told_and_replaced(worker):
    before = worker.answer(os.getpid)
    with pytest.raises(UnusableInput, match="was ended by the system"):
        worker.answer(os._exit, 9)
    assert worker.answer(os.getpid) != before


def test_a_question_that_takes_too_long_is_given_up(worker, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    worker.answer(math.sqrt, 4.0) if worker._process is not None else None
    began = time.monotonic()
    with pytest.raises(UnusableInput, match="no answer within"):
        worker.answer(time.sleep, 60)
    assert time.monotonic() - began < 30
    monkeypatch.undo()
    assert worker.answer(math.sqrt, 4.0) == 2.0


def test_it_does_not_keep_the_event_loop(worker):
    async def story() -> int:
        asked, turns = asyncio.create_task(worker.ask(time.sleep, 0.5)), 0
        while not asked.done():
            turns += 1
            await asyncio.sleep(0.02)
        return turns

    assert asyncio.run(story()) >= 5


def test_it_rests_after_a_while(worker, monkeypatch):
    worker.answer(math.sqrt, 4.0)
    worker.rest()
    assert worker._process is not None
    monkeypatch.setattr(module, "IDLE_S", 0.0)
    worker.rest()
    assert worker._process is None
