"""Streams and events.

A GPU works asynchronously: a call such as `x @ x` puts the work into a queue, called a stream, and
returns at once. Work in one stream runs in order; work in two streams may run at the same time,
unless one is told to wait for the other. An event is a mark in a stream: one can wait for it, or
ask by `query()` whether the GPU has come so far. Most programs use the default stream only.

What surprises: one hardly notices, since whatever needs the values, such as `item()` or `print`,
waits for them. But a clock that is read without `torch.cuda.synchronize()` measures only how long
it took to queue the work.
"""

import pytest
import torch


@pytest.mark.cuda
def test_a_call_returns_before_the_work_is_done():
    """Unless `CUDA_LAUNCH_BLOCKING=1` is set, `torch.cuda._sleep(10**9)`, a wait of 10**9 cycles
    on the GPU, returns before the wait ends: a `torch.cuda.Event` recorded next answers False to
    `query()`, and True after its `synchronize()`.

    Calls that need a value on the CPU, or a size that depends on values, wait for the GPU:
    `item()`, `nonzero()`, `x[mask]`.
    """
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
    """`torch.cuda.synchronize()` waits until the current GPU has done the work that was queued on
    it before: an event recorded earlier on this GPU then answers True to `query()`.

    Call it before you read a clock.
    """
    event = torch.cuda.Event()
    torch.cuda._sleep(10**8)
    event.record()

    torch.cuda.synchronize()

    assert event.query() is True


@pytest.mark.cuda
def test_item_waits_for_its_number():
    """`x.item()` of a tensor on the current GPU waits for the work queued in the current stream:
    an event recorded in this stream just before `x.item()` answers True to `query()` afterwards.

    Because Python needs the value, which this stream computes. So printing the loss in each step
    makes Python wait for the GPU in each step.
    """
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
    """Operations in one stream run in the order in which they were called: `x.mul_(3)` of a GPU
    tensor sees the result of an earlier `x.add_(1)` without `torch.cuda.synchronize()` between."""
    x = torch.zeros(1000, device="cuda")

    torch.cuda._sleep(10**7)
    x.add_(1)
    x.mul_(3)

    assert x.sum().item() == 3000.0


@pytest.mark.cuda
def test_outside_a_with_statement_the_stream_is_the_default_one():
    """Inside `with torch.cuda.stream(stream):` `torch.cuda.current_stream()` equals `stream`;
    after the block it equals the stream from before the block again, by default
    `torch.cuda.default_stream()`.
    """
    stream = torch.cuda.Stream()

    with torch.cuda.stream(stream):
        inside = torch.cuda.current_stream()
    outside = torch.cuda.current_stream()

    assert (inside == stream) is True
    assert (outside == torch.cuda.default_stream()) is True
    assert (outside == stream) is False


@pytest.mark.cuda
def test_another_stream_does_not_wait():
    """Work in one `torch.cuda.Stream` does not by itself wait for work in another: an event
    recorded in an idle stream is done while a long kernel in another stream still runs."""
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
    """After `second.wait_stream(first)` of two `torch.cuda.Stream`, what is queued in `second`
    runs after all that was queued in `first` before, and sees its results.

    Without it the second stream may read a tensor before the first has written it, and no error is
    raised.
    """
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
    """If `event`, a `torch.cuda.Event`, was recorded in another stream, what is queued in `stream`
    after `event.wait(stream)` runs only when that other stream has reached `event`.
    """
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
    """For two events `start` and `end`, made by `torch.cuda.Event(enable_timing=True)` and
    recorded in this order in one stream, `start.elapsed_time(end)` after `end.synchronize()`
    is the time in milliseconds that the GPU took between them.
    """
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    start.record()
    torch.cuda._sleep(10**8)
    end.record()
    end.synchronize()

    assert (start.elapsed_time(end) > 1.0) is True


@pytest.mark.cuda
def test_an_event_that_nobody_recorded_is_passed():
    """`torch.cuda.Event().query()` is True for an event that has not been recorded: there is no
    work to wait for."""
    event = torch.cuda.Event()

    assert event.query() is True


@pytest.mark.torch(">=2.1")
def test_the_cpu_has_no_queue():
    """`torch.cpu.current_stream()`, `torch.cpu.stream(stream)` and `torch.cpu.synchronize()` are
    called like the functions of the same names in `torch.cuda`, but the CPU has no queue:
    `x.add_(1)` of a CPU tensor is done when the call returns.

    So code that uses only these three can be written once for the CPU and for a GPU:
    `torch.cpu.synchronize()` has nothing to wait for. A `torch.cpu.Stream` has no method
    `synchronize()`.
    """
    x = torch.ones(2)
    stream = torch.cpu.current_stream()

    with torch.cpu.stream(stream):
        x.add_(1)
    torch.cpu.synchronize()

    assert type(stream) is torch.cpu.Stream
    assert x.tolist() == [2.0, 2.0]
