"""A module as a graph that can be edited: `torch.fx`.

`torch.fx.symbolic_trace(module)` calls `forward` with a stand-in, a `Proxy`, that records what is
done to it. The result is a `GraphModule`: a module of the same parameters whose `forward` is
Python code made from a list of nodes. The list can be read (which layers, which functions), edited
(another activation everywhere) and turned into code again; quantisation and feature extraction are
built on it.

What surprises: an `if` or a loop over the values of a tensor is refused, since a proxy has no
values; an `if self.training:` and a random number that does not depend on the input are computed
once and frozen into the graph; and a node that was given another function computes with it only
after `recompile()`. `torch.export` also records a graph, of tensor operations instead of calls of
layers.
"""

import operator

import pytest
import torch
from torch import fx, nn

# What PyTorch 2.1 says of a call of its own.
pytestmark = pytest.mark.filterwarnings(
    "ignore:'has_(cuda|cudnn|mps|mkldnn)' is deprecated:UserWarning"
)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return torch.relu(self.layer(x)) + 1


def test_symbolic_trace_records_a_module_as_a_list_of_nodes():
    """For a `net` that returns `torch.relu(self.layer(x)) + 1`, with an `nn.Linear` as
    `self.layer`, `node.op` of the five `torch.fx.symbolic_trace(net).graph.nodes` is
    "placeholder", "call_module", "call_function", "call_function" and "output".

    A call of a tensor's method, as in `x.relu()`, is a "call_method", a parameter used directly a
    "get_attr". An `nn.Sequential` or a module class of your own gives no node: its `forward` is
    traced into.
    """
    traced = fx.symbolic_trace(Net())

    assert [(node.op, node.target) for node in traced.graph.nodes] == [
        ("placeholder", "x"),
        ("call_module", "layer"),
        ("call_function", torch.relu),
        ("call_function", operator.add),
        ("output", "output"),
    ]


def test_a_traced_module_computes_the_same_with_the_same_parameters():
    """For a `net` that returns `torch.relu(self.layer(x)) + 1`, with an `nn.Linear` as
    `self.layer`, `torch.fx.symbolic_trace(net)` is a `GraphModule`, an `nn.Module` that gives the
    same output and holds the same `Parameter` objects as `net`.
    """
    net = Net()
    x = torch.randn(3, 2)

    traced = fx.symbolic_trace(net)

    assert isinstance(traced, fx.GraphModule) is True
    assert isinstance(traced, nn.Module) is True
    assert torch.equal(traced(x), net(x)) is True
    assert traced.layer.weight is net.layer.weight


def test_the_graph_is_python_code():
    """For a `net` whose `forward` returns `torch.relu(self.layer(x)) + 1`, with an
    `nn.Linear` as `self.layer`, `torch.fx.symbolic_trace(net).code` is Python source that
    contains `layer = self.layer(x)` and `relu = torch.relu(layer)`.
    """
    traced = fx.symbolic_trace(Net())

    assert "layer = self.layer(x)" in traced.code
    assert "relu = torch.relu(layer)" in traced.code


def test_a_function_can_be_replaced_in_the_graph():
    """For a `net` whose `forward` calls `torch.relu`, let `traced = torch.fx.symbolic_trace(net)`
    and set `node.target = torch.tanh` on its `torch.relu` node: `traced(x)` computes ReLU until
    `traced.recompile()` is called, then tanh.
    """
    net = Net()
    traced = fx.symbolic_trace(net)
    x = torch.randn(3, 2)

    for node in traced.graph.nodes:
        if node.target is torch.relu:
            node.target = torch.tanh
    unchanged = torch.equal(traced(x), net(x))
    traced.graph.lint()
    traced.recompile()

    assert unchanged is True
    assert torch.equal(traced(x), torch.tanh(net.layer(x)) + 1) is True


@pytest.mark.torch(">=2.0")
def test_replace_pattern_exchanges_a_piece_of_the_graph():
    """If the module `traced` made by `torch.fx.symbolic_trace` calls `torch.relu(y)`,
    `torch.fx.replace_pattern(traced, lambda x: torch.relu(x), lambda x: torch.sigmoid(x))` changes
    it to `torch.sigmoid(y)` and returns a list of the matches.

    Because it compares traced graphs, the call has to be written alike: `torch.add(a, b)` as a
    pattern does not find `a + b`.
    """
    net = Net()
    traced = fx.symbolic_trace(net)
    x = torch.randn(3, 2)

    matches = fx.replace_pattern(traced, lambda x: torch.relu(x), lambda x: torch.sigmoid(x))

    assert len(matches) == 1
    assert torch.equal(traced(x), torch.sigmoid(net.layer(x)) + 1) is True
    one = fx.symbolic_trace(lambda a, b: a + b)
    assert fx.replace_pattern(one, lambda a, b: torch.add(a, b), lambda a, b: a - b) == []


def test_an_if_on_a_value_is_refused():
    """`torch.fx.symbolic_trace(f)` raises `torch.fx.proxy.TraceError`, "symbolically traced
    variables cannot be used as inputs to control flow", where the function `f` asks
    `if x.sum() > 0` of its input `x`.

    A proxy has no value. Write `torch.where`, or use `torch.compile`; an argument that is a flag
    and no tensor is fixed by `concrete_args`, and each call must still pass the same flag.
    """

    def f(x):
        return x if x.sum() > 0 else -x

    with pytest.raises(
        fx.proxy.TraceError, match="symbolically traced variables cannot be used as"
    ):
        fx.symbolic_trace(f)

    traced = fx.symbolic_trace(lambda x: torch.where(x.sum() > 0, x, -x))
    assert traced(torch.tensor([-3.0])).tolist() == [3.0]


def test_a_loop_over_a_tensor_is_refused():
    """`torch.fx.symbolic_trace` raises `TraceError`, "Proxy object cannot be iterated", for
    `for row in x` over a traced tensor `x`, and TypeError for `range(x.size(0))`: the
    length is not known.
    """

    def over_rows(x):
        return sum(row for row in x)

    def over_length(x):
        for _ in range(x.size(0)):
            x = x + 1
        return x

    with pytest.raises(fx.proxy.TraceError, match="Proxy object cannot be iterated"):
        fx.symbolic_trace(over_rows)
    with pytest.raises(TypeError, match="'Proxy' object cannot be interpreted as an integer"):
        fx.symbolic_trace(over_length)


def test_len_and_int_of_a_proxy_are_refused():
    """In a function that `torch.fx.symbolic_trace` traces, `len(x)` of its argument `x`
    raises RuntimeError, "'len' is not supported in symbolic tracing by default", and
    `int(x)` TypeError; `x.shape[0]` in place of `len(x)` is recorded.
    """
    with pytest.raises(RuntimeError, match="'len' is not supported in symbolic tracing by default"):
        fx.symbolic_trace(lambda x: x / len(x))

    with pytest.raises(TypeError, match=r"int\(\) argument must be"):
        fx.symbolic_trace(lambda x: x * int(x))

    traced = fx.symbolic_trace(lambda x: x / x.shape[0])
    assert traced(torch.tensor([2.0, 4.0])).tolist() == [1.0, 2.0]


def test_the_mode_of_a_module_is_frozen_into_the_graph():
    """`torch.fx.symbolic_trace` decides an `if self.training:` in `forward` once, while it
    traces: `eval()` of the traced module does not change the branch.

    A layer that stays a layer in the graph, such as `nn.Dropout`, does follow `eval()`.
    """

    class Doubling(nn.Module):
        def forward(self, x):
            return x * 2 if self.training else x

    traced = fx.symbolic_trace(Doubling()).eval()

    dropping = fx.symbolic_trace(nn.Sequential(nn.Dropout(1.0)))
    x = torch.tensor([3.0])

    assert traced(x).tolist() == [6.0]
    assert dropping(x).tolist() == [0.0]
    assert dropping.eval()(x).tolist() == [3.0]


def test_what_does_not_depend_on_the_input_is_a_constant():
    """`torch.fx.symbolic_trace(lambda x: x + torch.rand(1))` draws the number once, while tracing,
    and stores it as a constant: each call of the traced function adds the same number.

    `torch.rand_like(x)` depends on the input and is recorded.
    """
    frozen = fx.symbolic_trace(lambda x: x + torch.rand(1))
    drawn = fx.symbolic_trace(lambda x: x + torch.rand_like(x))
    x = torch.zeros(1)

    assert (frozen(x) == frozen(x)).tolist() == [True]
    assert (drawn(x) == drawn(x)).tolist() == [False]


def test_concrete_args_fix_an_argument():
    """For `def f(x, flag): return x if flag else -x` and
    `traced = torch.fx.symbolic_trace(f, concrete_args={"flag": False})`, `traced(x, False)` is
    `-x`; `traced(x, True)` raises AssertionError, "specialized to have value False".

    By keyword the second argument has another name: `traced(x, flag=False)` raises
    TypeError.
    """

    def f(x, flag):
        return x if flag else -x

    traced = fx.symbolic_trace(f, concrete_args={"flag": False})

    assert traced(torch.tensor([3.0]), False).tolist() == [-3.0]
    with pytest.raises(AssertionError, match="flag has been specialized to have value False"):
        traced(torch.tensor([3.0]), True)
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'flag'"):
        traced(torch.tensor([3.0]), flag=False)


def test_shapes_are_found_by_running_the_graph():
    """With `traced = torch.fx.symbolic_trace(net)`, `ShapeProp(traced).propagate(x)` of
    `torch.fx.passes.shape_prop` runs the graph on the input `x`; then
    `node.meta["tensor_meta"].shape` is the shape of the tensor that the node computed.
    """
    from torch.fx.passes.shape_prop import ShapeProp

    traced = fx.symbolic_trace(Net())

    ShapeProp(traced).propagate(torch.ones(3, 2))

    shapes = {node.name: node.meta["tensor_meta"].shape for node in traced.graph.nodes}
    assert shapes["relu"] == (3, 2)


def test_an_interpreter_runs_a_graph_node_by_node():
    """`torch.fx.Interpreter(traced).run(x)` executes the graph of
    `traced = torch.fx.symbolic_trace(f)` node by node; the `run_node` of a subclass is called
    for each node in turn, inputs and output included.
    """
    seen = []

    class Watching(fx.Interpreter):
        def run_node(self, node):
            seen.append(node.name)
            return super().run_node(node)

    answer = Watching(fx.symbolic_trace(lambda x: torch.relu(x) + 1)).run(torch.tensor([-2.0]))

    assert answer.tolist() == [1.0]
    assert seen == ["x", "relu", "add", "output"]
