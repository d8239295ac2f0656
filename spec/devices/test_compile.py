"""Compiled functions.

`torch.compile` turns a function into one that computes the same, faster, once it has seen it run:
Dynamo records the operations, a backend makes code of them. Nothing is compiled before the first
call. The surprise is that recorded means recorded for this kind of input: another dtype or number
of axes is compiled anew, and what Python alone can do is done in between.
"""

import pytest
import torch
from torch import nn

# The backend "eager" records and runs the operations as they are, and needs no C++ compiler.
pytestmark = [pytest.mark.slow, pytest.mark.torch(">=2.1")]


@pytest.fixture(autouse=True)
def fresh_compiler():
    """Forget what was compiled."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def test_a_compiled_function_gives_the_same_values(device):
    """`torch.compile(f)(x)` is `f(x)`."""
    compiled = torch.compile(lambda x: (x * 2 + 1).sum(), backend="eager")

    result = compiled(torch.tensor([1.0, 2.0], device=device))

    assert result.item() == 8.0


def test_compile_decorates_a_function():
    """As a decorator it keeps the name, and the function it was made of can be had back."""

    @torch.compile(backend="eager")
    def double(x):
        """Twice as much."""
        return x * 2

    assert double(torch.tensor(3.0)).item() == 6.0
    assert double.__name__ == "double"
    assert double.__doc__ == "Twice as much."


def test_gradients_pass_through_compiled_code():
    """A compiled function records its history as any other does."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    compiled = torch.compile(lambda x: (x**2).sum(), backend="eager")

    compiled(x).backward()

    assert x.grad.tolist() == [2.0, 4.0]


def test_a_compiled_module_shares_its_parameters():
    """`torch.compile(model)` wraps the model: its parameters, with `_orig_mod.` in their keys."""
    model = nn.Linear(2, 1, bias=False)

    compiled = torch.compile(model, backend="eager")

    assert compiled.weight is model.weight
    assert list(compiled.state_dict()) == ["_orig_mod.weight"]
    assert list(model.state_dict()) == ["weight"]


@pytest.mark.torch(">=2.2")
def test_a_module_compiled_in_place_keeps_its_keys():
    """`model.compile()` compiles the forward of `model` itself; its keys stay as they are."""
    model = nn.Linear(2, 1, bias=False)
    nn.init.ones_(model.weight)

    model.compile(backend="eager")

    assert model(torch.tensor([1.0, 2.0])).tolist() == [3.0]
    assert list(model.state_dict()) == ["weight"]


def test_nothing_is_compiled_before_the_first_call():
    """A backend gets the recorded operations when the function is first called, and once."""
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
    """What was recorded for float32 isn't used for float64."""
    dtypes = []

    def backend(graph, inputs):
        dtypes.append(inputs[0].dtype)
        return graph.forward

    compiled = torch.compile(lambda x: x + 1, backend=backend)
    compiled(torch.ones(2))
    compiled(torch.ones(2, dtype=torch.float64))
    compiled(torch.ones(2))

    assert dtypes == [torch.float32, torch.float64]


def test_the_data_still_decides_which_way_to_go():
    """An `if` on a value splits the recording, and each call takes the branch of its own data."""

    @torch.compile(backend="eager")
    def f(x):
        if x.sum() > 0:
            return x + 1
        return x - 1

    assert f(torch.tensor([1.0])).tolist() == [2.0]
    assert f(torch.tensor([-1.0])).tolist() == [-2.0]


@pytest.mark.torch(">=2.7")
def test_fullgraph_refuses_to_be_split():
    """With `fullgraph=True` what can't be recorded whole is an error."""

    def f(x):
        if x.sum() > 0:
            return x + 1
        return x - 1

    compiled = torch.compile(f, backend="eager", fullgraph=True)

    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"[Dd]ata-dependent"):
        compiled(torch.tensor([1.0]))


def test_an_error_in_compiled_code_is_the_error_of_the_function():
    """An exception that the function raises itself comes out as it is."""

    @torch.compile(backend="eager")
    def f(x):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        f(torch.ones(2))


def test_compile_can_be_switched_off():
    """With `disable=True` the function that comes back is not compiled at all."""
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    compiled = torch.compile(lambda x: x + 1, backend=backend, disable=True)

    assert compiled(torch.ones(2)).tolist() == [2.0, 2.0]
    assert calls == []
