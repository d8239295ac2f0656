"""Deployment: a net that answers requests.

To answer, a net needs its parameters and its forward computation and no more: `eval()`,
`inference_mode()`, and a file that runs where the class of the net is not known. `torch.export`
writes such a file today; TorchScript (`torch.jit.trace`, `torch.jit.script`) did before, and newer
releases warn that it is deprecated. `torch.export` and `torch.jit.trace` record what the
computation does for an example; `torch.jit.script` compiles the code of `forward`.

Several requests may be answered at once, by threads that share one net or as the rows of one batch.

What surprises: an export keeps the batch size of its example, a trace the branch and the mode, and
threads do not share `no_grad`: each begins with gradients enabled. What the two modes of a net do
is told in `spec/nn/test_modes.py`, `inference_mode` in `spec/autograd/test_inference_mode.py`.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

# Deprecated since torch.export does the same; what it wrote is still in use.
torchscript = pytest.mark.filterwarnings("ignore:`torch.jit")


# PyTorch 2.9 warns of how its own `load` reads the file.
@pytest.mark.filterwarnings("ignore:The given buffer is not writable:UserWarning")
@pytest.mark.torch(">=2.1,!=2.4.*")
@pytest.mark.claim("course-deployment")
def test_an_exported_net_answers_without_its_class(tmp_path):
    """For a `net` of `nn.Linear` and `torch.relu`, `torch.export.save` writes
    `torch.export.export(net, (torch.zeros(1, 2),))` to a file; `torch.export.load(path).module()`
    runs it on inputs of shape (1, 2), without the class of `net`.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def forward(self, x):
            return torch.relu(self.layer(x)) + 1

    net = Net().eval()
    net.layer.weight.data = torch.tensor([[2.0, 3.0]])
    net.layer.bias.data.fill_(0.5)
    torch.export.save(torch.export.export(net, (torch.zeros(1, 2),)), tmp_path / "net.pt2")
    del Net

    program = torch.export.load(tmp_path / "net.pt2").module()

    assert program(torch.tensor([[1.0, 10.0]])).tolist() == [[33.5]]
    assert program(torch.tensor([[-1.0, 0.0]])).tolist() == [[1.0]]


@pytest.mark.torch(">=2.3")
def test_an_exported_net_takes_the_batch_of_its_example():
    """An `nn.Linear` exported with a batch of 4 by `torch.export.export(...).module()` refuses a
    batch of 7, but takes it if the export had `dynamic_shapes` with `torch.export.Dim("batch")`
    for that dimension.

    Because sizes are recorded as constants. Mark the batch dimension when you export, and
    give an example of two rows or more: with a batch of 1, `Dim("batch")` raises
    "Constraints violated".
    """
    net = nn.Linear(2, 1)
    example = (torch.zeros(4, 2),)
    fixed = torch.export.export(net, example).module()
    batch = torch.export.Dim("batch")
    open_ended = torch.export.export(net, example, dynamic_shapes=({0: batch},)).module()

    assert fixed(torch.ones(4, 2)).shape == (4, 1)
    assert open_ended(torch.ones(7, 2)).shape == (7, 1)
    with pytest.raises(Exception, match=r"\[0\] == 4|shape\[0\] to be equal to 4"):
        fixed(torch.ones(7, 2))
    with pytest.raises(Exception, match=r"Constraints violated \(batch\)"):
        torch.export.export(net, (torch.zeros(1, 2),), dynamic_shapes=({0: batch},))


@torchscript
@pytest.mark.claim("course-deployment")
def test_a_traced_net_answers_without_its_class(tmp_path):
    """For a `net` whose `forward` returns `2 * x.relu()`,
    `torch.jit.trace(net, torch.zeros(2)).save(path)` writes a program;
    `torch.jit.load(path)` needs no class of `net` and maps `torch.tensor([3.0, -3.0, 1.0])`
    to [6, 0, 2].
    """

    class Net(nn.Module):
        def forward(self, x):
            return 2 * x.relu()

    torch.jit.trace(Net(), torch.zeros(2)).save(str(tmp_path / "net.pt"))
    del Net

    program = torch.jit.load(str(tmp_path / "net.pt"))
    answer = program(torch.tensor([3.0, -3.0, 1.0]))

    assert answer.tolist() == [6.0, 0.0, 2.0]


@torchscript
def test_a_trace_keeps_the_branch_of_its_example():
    """`torch.jit.trace` keeps the branch that its example input took at `if x.sum() > 0`, with
    a TracerWarning, "Converting a tensor to a Python boolean"; `torch.jit.script` compiles both
    branches.

    Because a trace records only operations on tensors, and a Python `if` is not one. An
    `if self.training` is kept in the same way, without the warning.
    """

    class Net(nn.Module):
        def forward(self, x):
            if x.sum() > 0:
                return x
            return -x

    with pytest.warns(torch.jit.TracerWarning, match="Converting a tensor to a Python boolean"):
        traced = torch.jit.trace(Net(), torch.tensor([1.0]), check_trace=False)
    scripted = torch.jit.script(Net())

    assert traced(torch.tensor([-3.0])).tolist() == [-3.0]
    assert scripted(torch.tensor([-3.0])).tolist() == [3.0]


@torchscript
def test_a_trace_keeps_the_mode_of_its_example():
    """`torch.jit.trace(net, example)` keeps the mode that the net had: `nn.Dropout` traced
    in training mode goes on dropping after `eval()` of the trace. Call `net.eval()` before
    tracing.

    Because `training` is read while tracing, and the graph holds its value as a constant.
    """
    net = nn.Dropout(p=1.0)
    training = torch.jit.trace(net, torch.ones(2), check_trace=False)
    evaluation = torch.jit.trace(net.eval(), torch.ones(2))

    assert training.eval()(torch.ones(2)).tolist() == [0.0, 0.0]
    assert evaluation(torch.ones(2)).tolist() == [1.0, 1.0]


@pytest.mark.claim("course-concurrent-serving")
def test_threads_that_share_a_net_get_the_answers_of_single_calls():
    """Four threads may call one net of `nn.Linear` and `nn.ReLU` in `eval()` at the same time:
    each gets the output that its input gives alone, up to rounding.

    Because `forward` of these layers only reads the parameters, and each call makes tensors of its
    own. `torch.no_grad()` and `torch.autocast` hold only in the thread that enters them.
    """
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU()).eval()
    net[0].weight.data.fill_(2.0)
    net[0].bias.data.fill_(0.5)
    all_inside = threading.Barrier(4, timeout=60)

    def wait_for_the_others(module, inputs):
        all_inside.wait()

    net[1].register_forward_pre_hook(wait_for_the_others)
    requests = torch.tensor([[0.0], [1.0], [2.0], [3.0]])

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(net, requests))

    assert [answer.item() for answer in answers] == [0.5, 2.5, 4.5, 6.5]


def test_a_forward_that_remembers_mixes_requests_up():
    """A `forward` that stores its input in an attribute, `self.x = x`, and reads it later
    can return another thread's tensor when two threads share the `nn.Module`.

    Because all threads share the attributes of the module. Keep intermediate results in
    local variables.
    """
    both_inside = threading.Barrier(2, timeout=60)

    class Net(nn.Module):
        def forward(self, x):
            self.x = x
            both_inside.wait()
            return self.x

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(Net(), [torch.tensor(1.0), torch.tensor(2.0)])

    assert (first is second) is True


def test_each_thread_begins_with_gradients():
    """While the main thread is under `torch.no_grad()`, a trainable `nn.Linear` called in a
    new thread of a `ThreadPoolExecutor` has outputs that require grad. Put
    `inference_mode()` inside the function that the thread runs.

    Because grad mode belongs to each thread, and is on in a new one.
    """
    net = nn.Linear(1, 1)
    x = torch.ones(1)

    def answer_without_gradients(x):
        with torch.inference_mode():
            return net(x)

    with ThreadPoolExecutor(1) as thread, torch.no_grad():
        here = net(x)
        there = thread.submit(net, x).result()
        careful = thread.submit(answer_without_gradients, x).result()

    assert here.requires_grad is False
    assert there.requires_grad is True
    assert careful.requires_grad is False


@pytest.mark.claim("course-concurrent-serving")
def test_the_rows_of_a_batch_are_answered_each_by_itself():
    """In `eval()`, an `nn.Linear` and an `nn.BatchNorm1d` with running statistics compute each row
    of a 2-D batch as in a batch of this row alone, `x[i : i + 1]`, up to rounding: several
    requests may be stacked into one batch.

    The matrix product of a larger batch may add in another order. BatchNorm made with
    `track_running_stats=False` normalises with the batch in `eval()` too.
    """
    net = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1, eps=1.0)).eval()
    net[0].weight.data.fill_(2.0)
    net[0].bias.data.zero_()
    net[1].running_mean.fill_(1.0)
    net[1].running_var.zero_()

    batch = net(torch.tensor([[1.0], [2.0], [3.0]]))
    alone = net(torch.tensor([[2.0]]))

    assert batch.tolist() == [[1.0], [3.0], [5.0]]
    assert alone.tolist() == [[3.0]]
    without = nn.BatchNorm1d(1, eps=3.0, track_running_stats=False).eval()
    assert without(torch.tensor([[1.0], [3.0]])).tolist() == [[-0.5], [0.5]]


def test_in_training_mode_requests_change_each_others_answers():
    """In training mode `net = nn.BatchNorm1d(1)` normalises with the batch: the first row
    of `net(torch.tensor([[2.0], [4.0]]))` is nearly -1, that of
    `net(torch.tensor([[2.0], [0.0]]))` nearly 1. Call `net.eval()` before you use a trained
    model.
    """
    net = nn.BatchNorm1d(1)

    with_a_larger_one = net(torch.tensor([[2.0], [4.0]]))[0]
    with_a_smaller_one = net(torch.tensor([[2.0], [0.0]]))[0]

    assert with_a_larger_one.item() == pytest.approx(-1.0, abs=1e-4)
    assert with_a_smaller_one.item() == pytest.approx(1.0, abs=1e-4)
