"""The profiler.

`torch.profiler.profile` records the operations that run inside its `with` block: how often each was
called, how long it took on the CPU and on the GPU, and, if asked, with which shapes and how much
memory it allocated. `key_averages()` sums up by operation, `.table(sort_by=...)` prints the sums,
`export_chrome_trace(path)` writes a time line for a browser (chrome://tracing, ui.perfetto.dev).

"Self" times leave out the operations that an operation calls: `aten::matmul` spends its time in
`aten::mm`. A loop is profiled by a schedule, which skips the first steps, where memory is allocated
and kernels are chosen, and records a few.

What surprises: the names are those of ATen, `x @ y` is `aten::matmul` and `aten::mm`; the results
are there only after the block; profiling with shapes and stacks costs time itself.
"""

import json

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function, schedule

pytestmark = [
    pytest.mark.torch(">=2.0"),
    # What PyTorch 2.12 says of its own defaults.
    pytest.mark.filterwarnings("ignore:Warning. Profiler clears events:UserWarning"),
]

CPU = [ProfilerActivity.CPU]


def test_calls_are_counted_by_operation():
    """`torch.profiler.profile(activities=[ProfilerActivity.CPU])` counts the calls of an
    operation under its ATen name: `x + x` of `x = torch.ones(4)`, evaluated twice, is two
    calls of `aten::add`.
    """
    x = torch.ones(4)

    with profile(activities=CPU) as p:
        x + x
        x + x
    counts = {event.key: event.count for event in p.key_averages()}

    assert counts["aten::add"] == 2


def test_an_operation_contains_those_that_it_calls():
    """`torch.profiler.profile` records `x @ x` of `x = torch.ones(4, 4)` as `aten::matmul`,
    which calls `aten::mm`: both have a count of 1, and the `cpu_time_total` of
    `aten::matmul` contains that of `aten::mm`.

    Sort by `self_cpu_time_total` to find the operations that spend the time themselves.
    """
    x = torch.ones(4, 4)

    with profile(activities=CPU) as p:
        x @ x
    events = {event.key: event for event in p.key_averages()}
    product, inner = events["aten::matmul"], events["aten::mm"]

    assert (product.count, inner.count) == (1, 1)
    assert (product.cpu_time_total >= inner.cpu_time_total) is True


def test_the_table_is_text():
    """After operations in `with torch.profiler.profile() as p:`,
    `p.key_averages().table(sort_by="self_cpu_time_total", row_limit=2)` is a string with a row per
    name of an operation, at most 2, and columns such as "Self CPU" and "# of Calls".
    """
    x = torch.ones(4)

    with profile(activities=CPU) as p:
        x.sin() + x.cos()
    table = p.key_averages().table(sort_by="self_cpu_time_total", row_limit=2)

    assert table.count("aten::") == 2
    assert "Self CPU" in table
    assert "# of Calls" in table


def test_an_unknown_column_is_refused():
    """If a `torch.profiler.profile` `p` recorded an operation,
    `p.key_averages().table(sort_by="nope")` raises AttributeError, "'FunctionEventAvg'
    object has no attribute 'nope'".

    Write `cpu_time_total`, `self_cpu_time_total` or `count`; of a GPU `device_time_total`, in
    old releases such as 2.0 `cuda_time_total`.
    """
    with profile(activities=CPU) as p:
        torch.ones(4) + 1

    with pytest.raises(AttributeError, match="'FunctionEventAvg' object has no attribute 'nope'"):
        p.key_averages().table(sort_by="nope")


def test_a_part_of_a_program_gets_a_name():
    """Inside `torch.profiler.profile(activities=[ProfilerActivity.CPU])`,
    `with torch.profiler.record_function("encoder"):` adds a row `encoder` to the profiler's
    `key_averages()`, beside the rows of the operations in its block.
    """
    x = torch.ones(4)

    with profile(activities=CPU) as p:
        with record_function("encoder"):
            x + x
        x * x
    counts = {event.key: event.count for event in p.key_averages()}

    assert counts["encoder"] == 1
    assert counts["aten::add"] == 1
    assert counts["aten::mul"] == 1


def test_shapes_are_recorded_if_asked():
    """After `with torch.profiler.profile(record_shapes=True) as p:`,
    `p.key_averages(group_by_input_shape=True)` has one row for each operation and input shapes:
    `mm` of 2 x 2 and of 3 x 3 matrices are two rows of `aten::mm`.
    """
    with profile(activities=CPU, record_shapes=True) as p:
        for size in (2, 3, 3):
            torch.ones(size, size).mm(torch.ones(size, size))
    rows = {
        str(event.input_shapes): event.count
        for event in p.key_averages(group_by_input_shape=True)
        if event.key == "aten::mm"
    }

    assert rows == {"[[2, 2], [2, 2]]": 1, "[[3, 3], [3, 3]]": 2}


def test_memory_is_counted_if_asked():
    """With `profile_memory=True`, `torch.profiler.profile` counts the bytes that an operation
    allocates: `x + x` of a CPU tensor of 1000 float32 elements gives `aten::add` a
    `self_cpu_memory_usage` of 4000.

    The bytes that an operation frees are subtracted, so the number may be below 0: `x.add_(1)`
    frees a small tensor that is made for the 1.
    """
    x = torch.ones(1000)

    with profile(activities=CPU, profile_memory=True) as p:
        y = x + x
    events = {event.key: event for event in p.key_averages()}

    assert events["aten::add"].self_cpu_memory_usage == 4000
    assert y.untyped_storage().nbytes() == 4000


def test_flops_are_estimated_if_asked():
    """`torch.profiler.profile(with_flops=True)` estimates the floating-point operations of some
    operations, such as `aten::mm`, as `flops` of the events of `p.key_averages()`: 128 for the
    product `x @ x` of a float32 4 x 4 matrix.

    `torch.nn.Conv1d` is not among them, `nn.Conv2d` is, and `x + x` with one for each element.
    `FlopCounterMode`, since PyTorch 2.1, counts both convolutions, but not `x + x`:
    `spec/performance/test_flops.py`.
    """
    x = torch.ones(4, 4)

    with profile(activities=CPU, with_flops=True) as p:
        x @ x
        x + x
    events = {event.key: event for event in p.key_averages()}

    assert events["aten::mm"].flops == 128
    assert events["aten::add"].flops == 16


def test_the_backward_pass_is_recorded_with_its_nodes():
    """`torch.profiler.profile` records the backward pass of `w.mm(x).sum()` under the names of
    the graph's nodes, such as `MmBackward0`, and two more calls of `aten::mm` inside it if `w`
    and `x` both require grad.
    """
    w = torch.ones(2, 2, requires_grad=True)
    x = torch.ones(2, 2, requires_grad=True)

    with profile(activities=CPU) as p:
        w.mm(x).sum().backward()
    counts = {event.key: event.count for event in p.key_averages()}

    assert counts["MmBackward0"] == 1
    assert counts["aten::mm"] == 3


def test_a_schedule_says_which_steps_are_recorded():
    """`torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)` skips step 0, warms up in
    step 1, records steps 2 and 3 and then nothing more.

    Without `repeat` the cycle goes on for ever.
    """
    actions = schedule(wait=1, warmup=1, active=2, repeat=1)

    names = [actions(step).name for step in range(6)]

    assert names == ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE", "NONE", "NONE"]


@pytest.mark.filterwarnings("ignore:Profiler clears events:UserWarning")
def test_a_loop_calls_step():
    """With `profile(schedule=schedule(wait=1, warmup=1, active=2, repeat=1),
    on_trace_ready=f) as p` and `p.step()` at the end of each of six steps, `f` gets the
    profiler once, with the recordings of the third and the fourth step.
    """
    ready = []

    def on_trace_ready(p):
        ready.append(sorted(event.key for event in p.key_averages() if "round" in event.key))

    x = torch.ones(4)
    steps = schedule(wait=1, warmup=1, active=2, repeat=1)
    with profile(activities=CPU, schedule=steps, on_trace_ready=on_trace_ready) as p:
        for step in range(6):
            with record_function(f"round {step}"):
                x + x
            p.step()

    assert ready == [["round 2", "round 3"]]


def test_a_trace_file_is_json(tmp_path):
    """`p.export_chrome_trace("trace.json")`, after `with torch.profiler.profile() as p:` has
    ended, writes a JSON file with an event for each recorded call of an operation, such as
    `aten::add`, under the key `traceEvents`.

    Open it at ui.perfetto.dev. A trace is written once: a second `p.export_chrome_trace` raises
    RuntimeError. `torch.profiler.tensorboard_trace_handler(folder)` as `on_trace_ready` names the
    files itself.
    """
    with profile(activities=CPU) as p:
        torch.ones(4) + 1
    p.export_chrome_trace(str(tmp_path / "trace.json"))

    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]

    assert [event["name"] for event in events if event.get("name") == "aten::add"] == ["aten::add"]


def test_there_is_nothing_to_read_before_the_block():
    """`key_averages()` of a `torch.profiler.profile` that never started raises AssertionError; read
    the results after the `with` block.

    A profile with a `schedule` whose recording phase was not reached raises the same error, after
    the block too.
    """
    p = profile(activities=CPU)
    waiting = profile(activities=CPU, schedule=schedule(wait=1, warmup=1, active=1))

    with pytest.raises(AssertionError):
        p.key_averages()
    with waiting:
        torch.ones(2)
    with pytest.raises(AssertionError):
        waiting.key_averages()


@pytest.mark.spare("'Linear'", reason="what is absent is absent in other words too")
def test_a_module_is_seen_as_its_operations():
    """`torch.profiler.profile` records a call of `nn.Linear` with a bias and a 2-D input on
    the CPU as `aten::linear` and, inside it, `aten::addmm`; by default no key of its
    `key_averages()` holds the name `Linear`.

    Put `with record_function("encoder"):` around the call to see it by a name.
    """
    layer = nn.Linear(2, 3)

    with profile(activities=CPU) as p:
        layer(torch.ones(4, 2))
    keys = {event.key for event in p.key_averages()}

    assert ("aten::linear" in keys, "aten::addmm" in keys) == (True, True)
    assert any("Linear" in key for key in keys) is False


def test_the_activities_that_can_be_recorded_are_listed():
    """`torch.profiler.supported_activities()` contains `ProfilerActivity.CPU`, and `CUDA` where a
    CUDA device is there; `profile()` without `activities=` records all of them.
    """
    supported = torch.profiler.supported_activities()

    assert (ProfilerActivity.CPU in supported) is True
    assert profile().activities == supported


@pytest.mark.cuda
@pytest.mark.torch(">=2.6")
def test_kernels_are_recorded_with_the_cuda_activity():
    """With the activities `ProfilerActivity.CPU` and `ProfilerActivity.CUDA`,
    `torch.profiler.profile` records the kernels of a GPU, and the operations that started them
    have a `device_time_total` above 0.

    Without `ProfilerActivity.CUDA` only the time on the CPU is recorded: for an operation that
    doesn't wait for the GPU, that is the time to start its kernels.
    """
    x = torch.ones(64, 64, device="cuda")
    x @ x

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as p:
        x @ x
        torch.cuda.synchronize()
    events = {event.key: event for event in p.key_averages()}

    assert events["aten::mm"].count == 1
    assert (events["aten::mm"].device_time_total > 0) is True
