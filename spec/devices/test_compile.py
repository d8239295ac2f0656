"""Compiled functions.

`torch.compile(f)` returns a function that computes what `f` computes, up to rounding, and is meant
to be faster. In its first call Dynamo records the operations on tensors as a graph, and a backend
turns the graph into code: "inductor", the default, generates and compiles C++ or Triton kernels.
The backend of this page is "eager", which runs the recorded operations as they are, so that no
compiler is needed; what is said here about recording holds for the other backends too, and nothing
is said about speed.

What surprises: what was recorded holds for one kind of input only, so another dtype is compiled
anew; and where Python has to look at a value, as in an `if`, the graph is split.
"""

import pytest
import torch
from torch import nn

pytestmark = [pytest.mark.slow, pytest.mark.torch(">=2.1")]


@pytest.fixture(autouse=True)
def fresh_compiler():
    """Forget what was compiled."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def test_a_compiled_function_gives_the_same_values(device):
    """`torch.compile(f, backend="eager")(x)` equals `f(x)`: for `f(x) = (x * 2 + 1).sum()` and
    the input [1, 2] both are 8.

    With the default backend the two may differ by rounding, since it fuses and reorders
    operations.
    """

    def f(x):
        return (x * 2 + 1).sum()

    x = torch.tensor([1.0, 2.0], device=device)
    compiled = torch.compile(f, backend="eager")

    assert f(x).item() == 8.0
    assert compiled(x).item() == 8.0


def test_compile_decorates_a_function():
    """`torch.compile` can be used as a decorator, as in `@torch.compile(backend="eager")`; the
    function keeps its name and docstring."""

    @torch.compile(backend="eager")
    def double(x):
        """Twice as much."""
        return x * 2

    assert double(torch.tensor(3.0)).item() == 6.0
    assert double.__name__ == "double"
    assert double.__doc__ == "Twice as much."


def test_gradients_pass_through_compiled_code():
    """Autograd works through a compiled function: `compiled(x).backward()` fills `x.grad`."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    compiled = torch.compile(lambda x: (x**2).sum(), backend="eager")

    compiled(x).backward()

    assert x.grad.tolist() == [2.0, 4.0]


def test_a_compiled_module_shares_its_parameters():
    """`torch.compile(model)` returns a wrapper with the same Parameter objects as `model`; the
    keys of its `state_dict()` begin with `_orig_mod.`.

    Save `model.state_dict()`, or use `model.compile()`, to keep plain keys in a checkpoint.
    """
    model = nn.Linear(2, 1, bias=False)

    compiled = torch.compile(model, backend="eager")

    assert compiled.weight is model.weight
    assert list(compiled.state_dict()) == ["_orig_mod.weight"]
    assert list(model.state_dict()) == ["weight"]


@pytest.mark.torch(">=2.2")
def test_a_module_compiled_in_place_keeps_its_keys():
    """`model.compile()` compiles the `forward` of `model` in place, and the keys of
    `model.state_dict()` stay as they are."""
    model = nn.Linear(2, 1, bias=False)
    nn.init.ones_(model.weight)

    model.compile(backend="eager")

    assert model(torch.tensor([1.0, 2.0])).tolist() == [3.0]
    assert list(model.state_dict()) == ["weight"]


def test_nothing_is_compiled_before_the_first_call():
    """`torch.compile(f)` compiles nothing yet: the backend is called in the first call of the
    result, and not again for a second input that differs in its values only.

    So the first call of a compiled function is slow; leave it out when you measure.
    """
    recorded = []

    def backend(graph, inputs):
        recorded.append([node.op for node in graph.graph.nodes])
        return graph.forward

    compiled = torch.compile(lambda x: x + 1, backend=backend)
    before = len(recorded)
    compiled(torch.ones(2))
    compiled(torch.zeros(2))

    assert before == 0
    assert recorded == [["placeholder", "call_function", "output"]]


def test_another_dtype_is_compiled_anew():
    """A function from `torch.compile` that has seen float32 is compiled again when it is called
    with float64; the code for float32 is kept for later calls.
    """
    dtypes = []

    def backend(graph, inputs):
        dtypes.append(inputs[0].dtype)
        return graph.forward

    compiled = torch.compile(lambda x: x + 1, backend=backend)
    compiled(torch.ones(2))
    compiled(torch.ones(2, dtype=torch.float64))
    compiled(torch.ones(2))

    assert dtypes == [torch.float32, torch.float64]


@pytest.mark.parametrize(
    "other",
    [
        lambda: torch.ones(3),
        lambda: torch.ones(2, requires_grad=True),
        lambda: torch.ones(4)[::2],
    ],
)
def test_another_layout_or_size_is_compiled_anew(other):
    """A compiled function that has seen `torch.ones(2)` is compiled again for `torch.ones(3)`,
    for `torch.ones(2, requires_grad=True)`, and for `torch.ones(4)[::2]`, which has another
    stride.

    Because all of these were guarded when the code was made. From the second size on, the code
    is made for any size.
    """
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    compiled = torch.compile(lambda x: x + 1, backend=backend)
    compiled(torch.ones(2))
    compiled(other())

    assert len(calls) == 2


def test_the_data_still_decides_which_way_to_go():
    """An `if` on the value of a tensor works in a function that is compiled without
    `fullgraph=True`: each call takes the branch of its own input.

    The graph is split there (a graph break), which costs speed; `torch.where` keeps it whole.
    """

    @torch.compile(backend="eager")
    def f(x):
        if x.sum() > 0:
            return x + 1
        return x - 1

    assert f(torch.tensor([1.0])).tolist() == [2.0]
    assert f(torch.tensor([-1.0])).tolist() == [-2.0]


@pytest.mark.torch(">=2.7")
def test_fullgraph_refuses_to_be_split():
    """With `torch.compile(f, fullgraph=True)` an `if` on the value of a tensor raises
    Unsupported in the first call instead of splitting the graph.

    So one learns where a function would be split; write `torch.where` or `torch.cond` there.
    """

    def f(x):
        if x.sum() > 0:
            return x + 1
        return x - 1

    compiled = torch.compile(f, backend="eager", fullgraph=True)

    with pytest.raises(torch._dynamo.exc.Unsupported, match="Data-dependent branching"):
        compiled(torch.tensor([1.0]))


def test_an_error_in_compiled_code_is_the_error_of_the_function():
    """An exception that a function compiled without `fullgraph=True` raises itself, such as
    `ValueError("no negative sizes here")`, comes out with the same type and message."""

    @torch.compile(backend="eager")
    def f(x):
        raise ValueError("no negative sizes here")

    with pytest.raises(ValueError, match="no negative sizes here"):
        f(torch.ones(2))


def test_compile_can_be_switched_off():
    """With `torch.compile(f, disable=True)` nothing is compiled: the backend is never called.

    So a program can keep the line and switch it by an option.
    """
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    compiled = torch.compile(lambda x: x + 1, backend=backend, disable=True)

    assert compiled(torch.ones(2)).tolist() == [2.0, 2.0]
    assert calls == []
