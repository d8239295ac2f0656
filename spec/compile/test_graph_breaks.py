"""Graph breaks: code that cannot be recorded.

`torch.compile` records the operations on tensors as a graph. Where a function does something that
no graph can hold, such as an `if` on the value of a tensor, a `print` or a call into most other
libraries, the graph ends: Python runs that place, and a new graph begins behind it. This is a graph
break. The result stays right; what is lost is speed, because nothing is fused across the break.

`torch._dynamo.explain(f)(x)` counts graphs and breaks and says why; the environment variable
`TORCH_LOGS="graph_breaks"` prints the reasons while a program runs; `fullgraph=True` makes the
first break an error.

What surprises: an `if` on a shape is no break, a loop over `range` is unrolled into the graph, and
a break inside a loop leaves the function to Python. Graphs are counted here with
`torch._dynamo.testing.CompileCounter`, a backend that runs the operations as they are. When a graph
is recorded again is told in `spec/compile/test_recompilation.py`.
"""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

CompileCounter = pytest.importorskip(
    "torch._dynamo.testing", reason="there is no torch.compile before 2.0"
).CompileCounter

pytestmark = [
    pytest.mark.torch(">=2.1"),
    pytest.mark.slow,
    pytest.mark.usefixtures("fresh_compiler"),
]


def test_the_data_still_decides_which_way_to_go():
    """`if x.sum() > 0:` is still decided at each call of a function compiled by
    `torch.compile` without `fullgraph=True`: the same function takes one branch for
    `torch.tensor([1.0])` and the other for `torch.tensor([-1.0])`.

    Because the graph is split there, and Python decides between the two parts.
    """

    @torch.compile(backend="eager")
    def f(x):
        if x.sum() > 0:
            return x + 1
        return x - 1

    assert f(torch.tensor([1.0])).tolist() == [2.0]
    assert f(torch.tensor([-1.0])).tolist() == [-2.0]


def test_a_condition_on_a_value_splits_the_graph():
    """Under `torch.compile` without `fullgraph=True`, the first call of a function with the
    body `if x.sum() > 0: return x + 1` and `return x - 1` makes two graphs: one that
    computes the condition and one for the branch taken."""
    counter = CompileCounter()

    @torch.compile(backend=counter)
    def f(x):
        if x.sum() > 0:
            return x + 1
        return x - 1

    f(torch.tensor([1.0]))

    assert counter.frame_count == 2


def test_a_break_in_a_loop_leaves_the_function_to_python():
    """Under `torch.compile` without `fullgraph=True`, the graph break in `for _ in range(2):`
    around `if x.sum() > 0: x = turn(x)` leaves the whole function `f(x)` to Python: no graph of
    `f` is made; `turn` is compiled when Python calls it.

    Because `torch.compile` does not support graph breaks in loops: it does not resume in the
    middle of one. Write `torch.where` in place of the `if`, or move the whole body of the loop,
    with the `if`, into a function, which is then compiled, with a break.
    """
    counter = CompileCounter()

    @torch.compile(backend=counter)
    def f(x):
        for _ in range(2):
            if x.sum() > 0:
                x = x + 1
        return x

    assert f(torch.tensor([1.0])).tolist() == [3.0]
    assert counter.frame_count == 0

    def turn(x):
        return x * 2

    @torch.compile(backend=counter)
    def g(x):
        for _ in range(2):
            if x.sum() > 0:
                x = turn(x)
        return x

    assert g(torch.tensor([1.0])).tolist() == [4.0]
    assert counter.frame_count == 1


def test_explain_counts_graphs_and_tells_reasons():
    """`torch._dynamo.explain(f)(x)` runs `f`; for the body `if x.sum() > 0: return x + 1`
    and `return x - 1` the result has a `graph_count` of 2, a `graph_break_count` of 1, and
    `break_reasons` with a reason and the line of the `if`."""

    def f(x):
        if x.sum() > 0:
            return x + 1
        return x - 1

    explanation = torch._dynamo.explain(f)(torch.ones(3))
    (reason,) = explanation.break_reasons

    assert explanation.graph_count == 2
    assert explanation.graph_break_count == 1
    assert "generic_jump" in reason.reason
    assert reason.user_stack[0].line == "if x.sum() > 0:"


@pytest.mark.torch(">=2.7")
def test_fullgraph_refuses_to_be_split():
    """For a new function `f` with `if x.sum() > 0:`, not compiled before, the first call of
    `torch.compile(f, fullgraph=True)` raises Unsupported, "Data-dependent branching".

    With `.item()` in the condition the error is another one. Use `torch.where` or `torch.cond`
    instead of the `if`, or leave `fullgraph` out.
    """

    def f(x):
        if x.sum() > 0:
            return x + 1
        return x - 1

    compiled = torch.compile(f, backend="eager", fullgraph=True)

    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"[Dd]ata-dependent branching"):
        compiled(torch.tensor([1.0]))


@pytest.mark.torch("<2.7")
def test_before_2_7_dynamic_control_flow_was_refused():
    """Before PyTorch 2.7 `if x.sum() > 0:` in a function under `torch.compile(f, fullgraph=True)`
    raises RuntimeError in the first call, "Dynamic control flow is not supported at the moment".
    """

    def f(x):
        if x.sum() > 0:
            return x + 1
        return x - 1

    compiled = torch.compile(f, backend="eager", fullgraph=True)

    with pytest.raises(RuntimeError, match="Dynamic control flow is not supported at the moment"):
        compiled(torch.tensor([1.0]))


def test_where_keeps_a_condition_in_the_graph():
    """`torch.where(x.sum() > 0, x + 1, x - 1)` of a float tensor `x` in place of an `if` keeps a
    function under `torch.compile` one graph: `x + 1` and `x - 1` are both computed, and the
    condition chooses between them.
    """
    graphs = []

    def keep(graph, inputs):
        graphs.append([getattr(node.target, "__name__", "") for node in graph.graph.nodes])
        return graph

    @torch.compile(backend=keep, fullgraph=True)
    def f(x):
        return torch.where(x.sum() > 0, x + 1, x - 1)

    assert f(torch.tensor([1.0])).tolist() == [2.0]
    assert f(torch.tensor([-1.0])).tolist() == [-2.0]
    (names,) = graphs
    assert {"add", "sub", "where"} <= set(names)


@pytest.mark.torch(">=2.5")
def test_cond_keeps_two_branches_in_the_graph():
    """Under `torch.compile`, `torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))` of
    a float32 `x` puts both branches into one graph, and each call runs the branch that the value
    of `x.sum() > 0` chooses.

    The tensors that the two functions return must have the same dtype and number of dimensions, in
    PyTorch 2.5 and 2.6 the same shape. From 2.8 on neither function may return its argument itself
    or a view of it: return `x.clone()`.
    """

    @torch.compile(backend="eager", fullgraph=True)
    def f(x):
        return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))

    assert f(torch.tensor([1.0])).tolist() == [2.0]
    assert f(torch.tensor([-1.0])).tolist() == [-2.0]


def test_a_condition_on_a_shape_is_no_break():
    """`x + 1 if x.shape[0] > 2 else x - 1` of an input vector `x` under `torch.compile` is
    no graph break: 3 elements make one graph with the addition, and 2 elements make another
    with the subtraction.
    """
    counter = CompileCounter()

    @torch.compile(backend=counter, fullgraph=True)
    def f(x):
        return x + 1 if x.shape[0] > 2 else x - 1

    assert f(torch.zeros(3)).tolist() == [1.0, 1.0, 1.0]
    assert f(torch.zeros(2)).tolist() == [-1.0, -1.0]
    assert counter.frame_count == 2


def test_a_loop_over_a_range_is_unrolled():
    """Under `torch.compile` a Python loop `for _ in range(3): x = x + 1` of a tensor `x` is
    recorded as three additions in one graph: long loops make large graphs that take long to
    compile."""
    counter = CompileCounter()

    @torch.compile(backend=counter, fullgraph=True)
    def f(x):
        for _ in range(3):
            x = x + 1
        return x

    assert f(torch.zeros(1)).tolist() == [3.0]
    assert counter.op_count == 3


def test_print_splits_the_graph(capsys):
    """A `print("between")` between `x + 1` and `x * 2` of a tensor `x` splits a function under
    `torch.compile` without `fullgraph=True` into two graphs, and prints at every call, as in
    Python.
    """
    counter = CompileCounter()

    @torch.compile(backend=counter)
    def f(x):
        x = x + 1
        print("between")
        return x * 2

    f(torch.ones(1))
    f(torch.ones(1))

    assert counter.frame_count == 2
    assert capsys.readouterr().out == "between\nbetween\n"


@pytest.mark.torch(">=2.7")
def test_fullgraph_refuses_print():
    """Since PyTorch 2.7 a call of `torch.compile(f, fullgraph=True)`, where `f` calls `print`,
    raises Unsupported, "Failed to trace builtin operator".

    Print outside the compiled function, or remove the print. (With `print` in the set
    `torch._dynamo.config.reorderable_logging_functions`, empty by default, a `print` of tensors,
    strings and numbers, without keyword arguments such as `end`, runs after the graph instead.)
    """

    @torch.compile(backend="eager", fullgraph=True)
    def f(x):
        print("between")
        return x * 2

    with pytest.raises(torch._dynamo.exc.Unsupported, match="Failed to trace builtin operator"):
        f(torch.ones(1))


@pytest.mark.torch(">=2.3")
def test_item_splits_the_graph():
    """The first call of `lambda x: x * x.sum().item()` with a float32 `x` under `torch.compile`
    without `fullgraph=True` makes two graphs; with
    `torch._dynamo.config.capture_scalar_outputs = True` it makes one.

    Because `item` needs a value, and a recording has none. Keep the value a tensor: `x * x.sum()`
    is one graph.
    """
    split = CompileCounter()
    whole = CompileCounter()

    split_result = torch.compile(lambda x: x * x.sum().item(), backend=split)(torch.ones(3))
    whole_result = torch.compile(lambda x: x * x.sum(), backend=whole)(torch.ones(3))

    assert split.frame_count == 2
    assert whole.frame_count == 1
    scalar = CompileCounter()
    with torch._dynamo.config.patch(capture_scalar_outputs=True):
        torch.compile(lambda x: x * x.sum().item(), backend=scalar)(torch.ones(3))
    assert scalar.frame_count == 1
    assert split_result.tolist() == [3.0, 3.0, 3.0]
    assert whole_result.tolist() == [3.0, 3.0, 3.0]


@pytest.mark.torch(">=2.10")
def test_fullgraph_records_item():
    """Since PyTorch 2.10
    `torch.compile(lambda x: x * x.sum().item(), backend="eager", fullgraph=True)` runs for
    `torch.ones(3)`: the graph records `.item()` as an operation.
    """
    compiled = torch.compile(lambda x: x * x.sum().item(), backend="eager", fullgraph=True)

    assert compiled(torch.ones(3)).tolist() == [3.0, 3.0, 3.0]


@pytest.mark.torch("<2.10")
def test_before_2_10_fullgraph_refused_item():
    """Before PyTorch 2.10
    `torch.compile(lambda x: x * x.sum().item(), backend="eager", fullgraph=True)` by default
    raises Unsupported when it is called with `torch.ones(3)`; the message names "Tensor.item".
    """
    compiled = torch.compile(lambda x: x * x.sum().item(), backend="eager", fullgraph=True)

    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"Tensor\.item"):
        compiled(torch.ones(3))


@pytest.mark.torch(">=2.3")
def test_a_result_of_unknown_size_splits_the_graph():
    """With Dynamo's default settings the first call of `lambda x: x[x > 0] + 1` under
    `torch.compile` without `fullgraph=True` makes two graphs: the size of `x[x > 0]` depends on
    the values of `x`.

    `torch.where(x > 0, x + 1, 0.0)` keeps the size and is one graph.
    """
    split = CompileCounter()
    whole = CompileCounter()

    selected = torch.compile(lambda x: x[x > 0] + 1, backend=split)(torch.tensor([1.0, -1.0]))
    masked = torch.compile(lambda x: torch.where(x > 0, x + 1, 0.0), backend=whole)(
        torch.tensor([1.0, -1.0])
    )

    assert selected.tolist() == [2.0]
    assert masked.tolist() == [2.0, 0.0]
    assert split.frame_count == 2
    assert whole.frame_count == 1


@pytest.mark.torch(">=2.5")
def test_numpy_code_is_recorded():
    """`torch.from_numpy(x.numpy() * 2)` of a float32 CPU tensor that requires no grad, under
    `torch.compile`, is one graph: the compiler records this NumPy product as an operation on
    tensors.
    """
    counter = CompileCounter()
    compiled = torch.compile(
        lambda x: torch.from_numpy(x.numpy() * 2), backend=counter, fullgraph=True
    )

    assert compiled(torch.ones(2)).tolist() == [2.0, 2.0]
    assert counter.frame_count == 1


def test_what_a_function_does_to_python_objects_is_done_at_each_call():
    """In a function under `torch.compile` with `fullgraph=True`, `results.append(x + 1)`, with a
    list `results` made outside of the function, is no graph break: each of the first two calls
    appends its tensor.

    The function is compiled anew for each length of the list, up to the limit of recompilations,
    beyond which `fullgraph=True` raises an error: return the value instead.
    """
    results = []

    @torch.compile(backend="eager", fullgraph=True)
    def f(x):
        results.append(x + 1)
        return x

    f(torch.tensor(1.0))
    f(torch.tensor(5.0))

    assert [result.item() for result in results] == [2.0, 6.0]


@pytest.mark.torch(">=2.3")
def test_a_disabled_function_is_run_by_python():
    """With `@torch.compiler.disable` on `middle`, `torch.compile` without `fullgraph=True`
    splits `middle(x + 1) + 1` into two graphs, one before and one after `middle`. Python
    runs `middle`, and `torch.compiler.is_compiling()` is False there.

    One break around such a function is better than many breaks in it.
    """
    counter = CompileCounter()
    seen = []

    @torch.compiler.disable
    def middle(x):
        seen.append(torch.compiler.is_compiling())
        return x * 2

    @torch.compile(backend=counter)
    def f(x):
        return middle(x + 1) + 1

    assert f(torch.ones(1)).tolist() == [5.0]
    assert counter.frame_count == 2
    assert seen == [False]


@pytest.mark.torch(">=2.7")
def test_fullgraph_refuses_a_disabled_function():
    """Since PyTorch 2.7 `torch.compile(lambda x: middle(x) + 1, fullgraph=True)(torch.ones(1))`,
    `middle` being a function decorated with `@torch.compiler.disable`, raises Unsupported, "Skip
    calling `torch.compiler.disable()`d function".

    Remove the decorator, or leave `fullgraph` out.
    """

    @torch.compiler.disable
    def middle(x):
        return x * 2

    compiled = torch.compile(lambda x: middle(x) + 1, backend="eager", fullgraph=True)

    with pytest.raises(
        torch._dynamo.exc.Unsupported, match=r"Skip calling `torch\.compiler\.disable\(\)`d"
    ):
        compiled(torch.ones(1))


@pytest.mark.torch(">=2.3")
def test_code_can_tell_whether_it_is_compiled():
    """`torch.compiler.is_compiling()` is True in code that `torch.compile` records and False when
    the function is called directly: `if not torch.compiler.is_compiling():` before a print keeps
    the print from breaking the graph.
    """

    def f(x):
        y = x * 2
        if not torch.compiler.is_compiling():
            print(y)
            return y - 1
        return y + 1

    x = torch.tensor(1.0)

    assert f(x).item() == 1.0
    assert torch.compile(f, backend="eager")(x).item() == 3.0
    assert torch._dynamo.explain(f)(x).graph_break_count == 0


def test_a_module_is_recorded_through_its_submodules():
    """The first call of `torch.compile(net, fullgraph=True)`, with `net` an `nn.Sequential` of two
    linear layers and a ReLU, compiles one graph: calls of submodules are recorded with the rest.
    """
    counter = CompileCounter()
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))

    torch.compile(net, backend=counter, fullgraph=True)(torch.ones(1, 2))

    assert counter.frame_count == 1


@pytest.mark.slow
@pytest.mark.torch(">=2.7")
def test_torch_logs_prints_the_reasons(tmp_path):
    """With the environment variable `TORCH_LOGS="graph_breaks"` a program that calls
    `torch.compile(f)(torch.ones(1))` for `def f(x): print(x); return x + 1` writes "Graph break in
    user code at" with file, line and reason to stderr.

    `TORCH_LOGS="recompiles"` does the same for recompilations; several are joined by commas. A
    `print` that the call doesn't reach writes nothing. For a `print` in a `try` block PyTorch 2.7
    to 2.9 writes "Graph break: skip: from user code at" instead, and 2.10 "Graph break:
    torch.compile cannot properly resume from this graph break".
    """
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n"
        "@torch.compile(backend='eager')\n"
        "def f(x):\n"
        "    print(x)\n"
        "    return x + 1\n"
        "f(torch.ones(1))\n"
    )

    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "TORCH_LOGS": "graph_breaks"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"Graph break in user code at {script}:4" in done.stderr
