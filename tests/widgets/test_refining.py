import threading
import time

import pytest
from galflowlab_widgets.refining import Refiner


@pytest.fixture
def errors():
    return []


@pytest.fixture
def refiner(errors):
    refiner = Refiner(errors.append)
    yield refiner
    refiner.close()


def test_a_job_runs_to_its_end_on_another_thread(refiner):
    seen = []

    def job():
        for i in range(3):
            seen.append((i, threading.current_thread() is threading.main_thread()))
            yield

    refiner.start(job)
    assert refiner.wait(10)
    assert seen == [(0, False), (1, False), (2, False)]


def test_a_newer_job_replaces_the_older_between_two_steps(refiner):
    in_step, go_on = threading.Event(), threading.Event()
    seen = []

    def older():
        seen.append("older")
        in_step.set()
        go_on.wait(10)
        yield
        seen.append("never")

    def newer():
        seen.append("newer")
        yield

    refiner.start(older)
    assert in_step.wait(10)
    refiner.start(newer)
    go_on.set()
    assert refiner.wait(10)
    assert seen == ["older", "newer"]


def test_a_handler_waits_for_one_step_at_most_and_drops_the_rest(refiner):
    steps, begun = [], threading.Event()

    def job():
        while True:
            with refiner.working():
                steps.append(len(steps))
                begun.set()
            yield

    refiner.start(job)
    assert begun.wait(10)
    with refiner.interrupting():
        held = len(steps)
    assert refiner.wait(10)
    assert len(steps) <= held + 1


def test_the_same_job_may_be_started_again(refiner):
    runs = []

    def job():
        runs.append(1)
        yield

    for count in (1, 2):
        refiner.start(job)
        assert refiner.wait(10)
        assert len(runs) == count


def test_an_error_is_reported_and_the_thread_goes_on(refiner, errors):
    def broken():
        raise ValueError("no stars")
        yield

    done = []
    refiner.start(broken)
    assert refiner.wait(10)
    refiner.start(lambda: iter([done.append(1)]))
    assert refiner.wait(10)
    assert [str(error) for error in errors] == ["no stars"]
    assert done == [1]


def test_nothing_starts_once_closed_and_the_thread_ends(refiner):
    refiner.start(lambda: iter([None]))
    assert refiner.wait(10)
    thread = refiner._thread
    refiner.close()
    thread.join(10)
    assert not thread.is_alive()
    seen = []
    refiner.start(lambda: iter([seen.append(1)]))
    assert refiner.wait(10)
    assert seen == []


def test_handlers_from_many_threads_are_never_inside_together(refiner):
    inside, most = [], []

    def handle():
        for _ in range(50):
            with refiner.interrupting():
                inside.append(1)
                time.sleep(1e-4)  # others would come in now
                most.append(len(inside))
                inside.pop()
            refiner.start(lambda: iter([None, None]))

    threads = [threading.Thread(target=handle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert refiner.wait(10)


def test_what_a_job_changes_by_itself_does_not_interrupt_it(refiner):
    steps = []

    def job():
        for i in range(3):
            with refiner.working(), refiner.interrupting():
                steps.append(i)
            yield

    refiner.start(job)
    assert refiner.wait(10)
    assert steps == [0, 1, 2]


def test_a_hand_that_moves_is_told_from_one_that_taps(refiner):
    with refiner.interrupting():
        assert not refiner.moving
    with refiner.interrupting(), refiner.interrupting():
        assert refiner.moving


def test_a_step_that_a_handler_overtakes_is_not_run(refiner):
    waiting, steps = threading.Event(), []

    def job():
        waiting.set()
        with refiner.working():
            steps.append("stale")
        yield

    with refiner.interrupting():
        pass
    with refiner.working():
        refiner.start(job)
        assert waiting.wait(10)
        refiner._put(None)  # what a handler does before it waits for the lock
    assert refiner.wait(10)
    assert steps == []


def test_waiting_includes_handlers(refiner):
    inside, leave = threading.Event(), threading.Event()

    def handle():
        with refiner.interrupting():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=handle)
    thread.start()
    assert inside.wait(10)
    assert not refiner.wait(0.01)
    leave.set()
    assert refiner.wait(10)
    thread.join()


def test_a_report_that_fails_does_not_end_the_thread():
    def fail(error):
        raise RuntimeError("no status any more")

    refiner = Refiner(fail)
    refiner.start(lambda: iter([1 / 0 for _ in [0]]))
    assert refiner.wait(10)
    done = []
    refiner.start(lambda: iter([done.append(1)]))
    assert refiner.wait(10)
    assert done == [1]
    refiner.close()
