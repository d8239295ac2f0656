"""Streams and events.

A GPU works on its own: a call such as `x @ x` puts the work into a queue, a stream, and returns at
once. Work in one stream runs in order; two streams know nothing of one another until one is told to
wait. An event is a mark in a stream that one can wait for or ask whether it has been passed. The
surprise is that one hardly notices: whatever needs the numbers waits for them.
"""

import pytest
import torch


@pytest.mark.cuda
def test_a_call_returns_before_the_work_is_done():
    """An event behind half a second of work is not passed yet when Python goes on; later it is."""
    event = torch.cuda.Event()

    torch.cuda._sleep(10**9)
    event.record()
    at_once = event.query()
    event.synchronize()
    later = event.query()

    assert at_once is False
    assert later is True


@pytest.mark.cuda
def test_synchronize_waits_for_the_whole_gpu():
    """After `torch.cuda.synchronize()` every event recorded before it has been passed."""
    event = torch.cuda.Event()
    torch.cuda._sleep(10**8)
    event.record()

    torch.cuda.synchronize()

    assert event.query() is True


@pytest.mark.cuda
def test_item_waits_for_its_number():
    """`.item()` needs the number, so all the work before it is done when it returns."""
    x = torch.ones(2, device="cuda")
    event = torch.cuda.Event()
    torch.cuda._sleep(10**8)
    total = (x + 1).sum()
    event.record()

    number = total.item()

    assert number == 4.0
    assert event.query() is True


@pytest.mark.cuda
def test_work_in_one_stream_keeps_its_order():
    """What is put into a stream later sees what was computed earlier, without any waiting."""
    x = torch.zeros(1000, device="cuda")

    torch.cuda._sleep(10**7)
    x.add_(1)
    x.mul_(3)

    assert x.sum().item() == 3000.0


@pytest.mark.cuda
def test_outside_a_with_statement_the_stream_is_the_default_one():
    """`with torch.cuda.stream(s):` makes `s` the current stream inside the block."""
    stream = torch.cuda.Stream()

    with torch.cuda.stream(stream):
        inside = torch.cuda.current_stream()
    outside = torch.cuda.current_stream()

    assert (inside == stream) is True
    assert (outside == torch.cuda.default_stream()) is True
    assert (outside == stream) is False


@pytest.mark.cuda
def test_another_stream_does_not_wait():
    """Work in a second stream is done while the first one is still busy."""
    busy, free = torch.cuda.Stream(), torch.cuda.Stream()
    end_of_busy, end_of_free = torch.cuda.Event(), torch.cuda.Event()

    with torch.cuda.stream(busy):
        torch.cuda._sleep(10**9)
        end_of_busy.record()
    with torch.cuda.stream(free):
        end_of_free.record()
    end_of_free.synchronize()
    still_busy = not end_of_busy.query()
    torch.cuda.synchronize()

    assert still_busy is True


@pytest.mark.cuda
def test_a_stream_can_be_told_to_wait_for_another():
    """After `second.wait_stream(first)` the second stream sees what the first has written."""
    first, second = torch.cuda.Stream(), torch.cuda.Stream()
    x = torch.zeros(1000, device="cuda")
    torch.cuda.synchronize()

    with torch.cuda.stream(first):
        torch.cuda._sleep(10**8)
        x.add_(1)
    second.wait_stream(first)
    with torch.cuda.stream(second):
        doubled = x * 2
    second.synchronize()

    assert doubled.sum().item() == 2000.0


@pytest.mark.cuda
def test_a_stream_can_wait_for_an_event():
    """`event.wait(stream)` holds a stream back until the event has been passed in another."""
    first, second = torch.cuda.Stream(), torch.cuda.Stream()
    ready = torch.cuda.Event()
    end = torch.cuda.Event()

    with torch.cuda.stream(first):
        torch.cuda._sleep(10**8)
        ready.record()
    ready.wait(second)
    end.record(second)
    end.synchronize()

    assert ready.query() is True


@pytest.mark.cuda
@pytest.mark.spare("1.0", reason="how long the work takes depends on the GPU's clock")
def test_events_measure_the_time_between_them():
    """With `enable_timing=True`, `elapsed_time` tells the GPU's own milliseconds."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    start.record()
    torch.cuda._sleep(10**8)
    end.record()
    end.synchronize()

    assert (start.elapsed_time(end) > 1.0) is True


@pytest.mark.cuda
def test_an_event_that_nobody_recorded_is_passed():
    """`query` on a fresh event is True: there is nothing to wait for."""
    event = torch.cuda.Event()

    assert event.query() is True


@pytest.mark.torch(">=2.4")
def test_the_cpu_has_no_queue():
    """On the CPU a call returns when its work is done; there is one stream, and it is not busy."""
    x = torch.ones(2)
    stream = torch.cpu.current_stream()

    with torch.cpu.stream(stream):
        x.add_(1)
    torch.cpu.synchronize()

    assert type(stream) is torch.cpu.Stream
    assert x.tolist() == [2.0, 2.0]
