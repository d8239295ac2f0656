"""Python inside forward.

`forward` is ordinary Python, run anew at every call: a condition is an `if`, a repetition a
`for`, an intermediate result is looked at by `print`, and a debugger stops in it as in other
Python code. Autograd records what this call did, so that the network may compute something else
for the next input.

What surprises: an `if` decides once per call for the whole batch, not per sample; and the layers
of the branch not taken get no gradient: `.grad` None stays None, not zeros
(`spec/autograd/test_gradients.py`). `if x > 0` on several elements raises RuntimeError:
`spec/tensors/test_comparing.py`.
"""

import io
import pdb
import sys

import pytest
import torch
from torch import nn


@pytest.mark.claim("path-plain-if")
@pytest.mark.parametrize(("value", "output"), [(3.0, 30.0), (-3.0, 3.0)])
def test_a_condition_in_a_model_is_an_if(value, output, device):
    """In eager mode an `if` in the `forward` of an `nn.Module` may depend on the values of the
    input, as in `if x.sum() > 0`: each call runs the branch that its own input chooses.

    The `if` turns the comparison into a Python bool, which on a GPU waits for the computation.
    `torch.vmap` refuses such an `if`; `torch.jit.trace` records one branch only:
    `spec/training/test_deployment.py`.
    """

    class Net(nn.Module):
        def forward(self, x):
            if x.sum() > 0:
                return x * 10
            return -x

    assert Net()(torch.tensor([value], device=device)).tolist() == [output]


def test_a_whole_batch_goes_one_way():
    """`if x.sum() > 0`, of a float32 `x`, in the `forward` of an `nn.Module` decides once per call
    and sends the whole batch the same way; `torch.where(x > 0, a, b)` chooses per element.
    """

    class Net(nn.Module):
        def forward(self, x):
            return x * 10 if x.sum() > 0 else -x

    x = torch.tensor([[5.0], [-3.0]])
    row_by_row = torch.where(x > 0, x * 10, -x)

    assert Net()(x).tolist() == [[50.0], [-30.0]]
    assert row_by_row.tolist() == [[50.0], [3.0]]


@pytest.mark.parametrize(
    ("times", "output", "gradient"), [(0, 5.0, None), (1, 10.0, 5.0), (3, 40.0, 60.0)]
)
def test_an_argument_may_say_how_deep_the_net_is(times, output, gradient):
    """For a new module `net` whose `forward(self, x, times)` returns `x` multiplied `times` times
    by `self.scale`, an `nn.Parameter(torch.tensor(2.0))`, `net(torch.tensor(5.0), 3).backward()`
    makes `net.scale.grad` 60.

    Because 5 * scale ** 3 has the derivative 15 * scale ** 2.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, x, times):
            for _ in range(times):
                x = x * self.scale
            return x

    net = Net()
    y = net(torch.tensor(5.0, requires_grad=True), times)
    y.backward()

    assert y.item() == output
    assert (net.scale.grad.item() if net.scale.grad is not None else None) == gradient


def test_forward_takes_what_python_takes():
    """The `forward` of an `nn.Module` may take a list and a keyword argument, which may be None,
    and may return a dict.

    In an `nn.Sequential` each module gets one input and returns one output:
    `spec/nn/test_sequential.py`.
    """

    class Net(nn.Module):
        def forward(self, xs, *, bias=None):
            total = sum(xs)
            return {"total": total, "shifted": total if bias is None else total + bias}

    net = Net()
    xs = [torch.ones(1), torch.ones(1)]

    assert net(xs)["shifted"].tolist() == [2.0]
    assert net(xs, bias=3)["shifted"].tolist() == [5.0]
    assert list(net(xs)) == ["total", "shifted"]


def test_a_result_kept_on_the_module_is_there_afterwards():
    """In grad mode `self.hidden = self.fc(x)` in the `forward` of an `nn.Module`, with a trainable
    `nn.Linear` `fc` and no buffer or parameter named `hidden`, keeps the result with its `grad_fn`
    until the next call, outside `state_dict()`.

    Keep `hidden.detach()` if only the values are wanted: the graph behind `grad_fn` holds memory.
    A `hidden` registered before by `register_buffer`, without `persistent=False`, stays in
    `state_dict()`; one that is an `nn.Parameter` refuses the result with a TypeError.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(1, 1, bias=False)

        def forward(self, x):
            self.hidden = self.fc(x)
            return self.hidden * 2

    net = Net()
    net.fc.weight.data.fill_(3.0)
    net(torch.ones(1))

    assert net.hidden.tolist() == [3.0]
    assert net.hidden.requires_grad is True
    assert net.hidden.is_leaf is False
    assert list(net.state_dict()) == ["fc.weight"]
    net = Net()
    net.register_buffer("hidden", torch.zeros(1))
    net(torch.ones(1))
    assert list(net.state_dict()) == ["hidden", "fc.weight"]


@pytest.mark.claim("blitz-dp-forward-print")
def test_a_print_in_forward_shows_the_sizes_of_every_call(capsys):
    """In eager mode `print(x.size())` in the `forward` of an `nn.Module` prints the size of
    this call's batch: `torch.Size([30, 5])` for 30 samples of 5 features and then
    `torch.Size([10, 5])` for 10.
    """

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 2)

        def forward(self, x):
            y = self.fc(x)
            print("in", x.size(), "out", y.size())
            return y

    model = Model()
    model(torch.zeros(30, 5))
    model(torch.zeros(10, 5))

    assert capsys.readouterr().out.splitlines() == [
        "in torch.Size([30, 5]) out torch.Size([30, 2])",
        "in torch.Size([10, 5]) out torch.Size([10, 2])",
    ]


@pytest.mark.claim("path-plain-print", "course-print-intermediate")
def test_an_intermediate_result_is_printed_with_its_values(capsys):
    """In eager mode `print(hidden)` in the `forward` of an `nn.Module` shows the rounded values of
    a small intermediate tensor and, if it requires grad, its `grad_fn`; the result of the call
    doesn't change.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(1, 1, bias=False)

        def forward(self, x):
            hidden = self.fc(x)
            print(hidden)
            return torch.relu(hidden)

    net = Net()
    net.fc.weight.data.fill_(2.0)
    y = net(torch.tensor([[-3.0]]))

    assert y.tolist() == [[0.0]]
    assert capsys.readouterr().out == "tensor([[-6.]], grad_fn=<MmBackward0>)\n"


@pytest.mark.claim("course-pdb-breakpoint")
def test_a_breakpoint_stops_inside_forward(monkeypatch):
    """In eager mode, without `torch.compile`, `breakpoint()` in the `forward` of an `nn.Module`
    calls `sys.breakpointhook`, by default the debugger pdb, which can print the local tensors with
    their values; when it returns, `forward` goes on.

    In pdb type `p hidden` to print the tensor `hidden`, and `c` to go on. On Python 3.11 pdb shows
    the line after `breakpoint()`.
    """
    seen = []
    monkeypatch.setattr(
        sys, "breakpointhook", lambda: seen.append(sys._getframe(1).f_locals["hidden"].tolist())
    )

    class Net(nn.Module):
        def forward(self, x):
            hidden = x * 2
            breakpoint()
            return hidden + 1

    y = Net()(torch.tensor([3.0]))

    assert seen == [[6.0]]
    assert y.tolist() == [7.0]


@pytest.mark.claim("course-pdb-breakpoint")
def test_pdb_prints_and_changes_tensors_in_forward():
    """In pdb, stopped right after the line `hidden = x * 2` in the `forward` of an
    `nn.Module`, `p hidden` prints this tensor and `hidden.mul_(10)` changes it in place;
    after `continue` the changed values are used.

    To train on, type `hidden = hidden * 10` instead: where autograd has saved `hidden`, as for
    the result of a ReLU, the in-place write makes `backward()` raise RuntimeError.
    """
    typed, shown = io.StringIO("p hidden\nhidden.mul_(10)\ncontinue\n"), io.StringIO()
    debugger = pdb.Pdb(stdin=typed, stdout=shown, readrc=False, nosigint=True)

    class Net(nn.Module):
        def forward(self, x):
            hidden = x * 2
            debugger.set_trace()
            return hidden + 1

    y = Net()(torch.tensor([3.0]))

    assert y.tolist() == [61.0]
    assert "tensor([6.])" in shown.getvalue()
