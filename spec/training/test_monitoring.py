"""Monitoring a training run.

While a net learns you look at a few numbers now and then: the loss, the learning rate, the norm of
the gradients, the share of units that are silent. PyTorch draws nothing itself. It hands out plain
numbers for a log, a file or a plot, and it has a writer for TensorBoard, which is installed apart.

What surprises: what is logged without a copy changes later. A tensor in a list is the weight
itself, `detach()` shares its memory, and a loss keeps its graph; keep `item()`, `tolist()` or
`detach().clone()`. When to report is told in `spec/training/test_loop.py`, losses that keep their
graphs in `spec/training/test_wrong_orders.py`, how tensors print in
`spec/tensors/test_printing.py`, hooks on gradients in `spec/autograd/test_hooks.py`, and the norm
that clipping returns in `spec/optim/test_clipping.py`.
"""

import importlib.metadata
import importlib.util
import math
import sys
import types

import pytest
import torch
from torch import nn


@pytest.mark.claim("course-visualise-training")
def test_a_history_of_numbers_is_all_that_a_plot_needs():
    """`torch.plot` does not exist (AttributeError): a list of `loss.item()`, one float per
    step, is what a plotting library such as matplotlib takes.
    """
    w = nn.Parameter(torch.tensor(0.0))

    history = []
    for _ in range(4):
        loss = (w - 4) ** 2
        w.grad = None
        loss.backward()
        with torch.no_grad():
            w -= 0.25 * w.grad
        history.append(loss.item())

    assert history == [16.0, 4.0, 1.0, 0.25]
    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'plot'"):
        torch.plot(history)


def test_a_logged_parameter_is_the_parameter_itself():
    """After a loop in which `SGD` steps the parameter `w`, a list to which `w` or `w.detach()` was
    appended in each round shows the last weight in all entries; `w.detach().clone()` and
    `w.tolist()` keep the weight of the round.

    Because `optimizer.step()` writes in place, `append` copies nothing, and `detach()`
    shares the storage (`spec/autograd/test_detach.py`).
    """
    w = nn.Parameter(torch.tensor([0.0]))
    optimizer = torch.optim.SGD([w], lr=0.25)

    aliases, detached, copies, listed = [], [], [], []
    for _ in range(3):
        optimizer.zero_grad()
        ((w - 4) ** 2).sum().backward()
        optimizer.step()
        aliases.append(w)
        detached.append(w.detach())
        copies.append(w.detach().clone())
        listed.append(w.tolist())

    assert [entry.item() for entry in aliases] == [3.5, 3.5, 3.5]
    assert [entry.item() for entry in detached] == [3.5, 3.5, 3.5]
    assert [entry.item() for entry in copies] == [2.0, 3.0, 3.5]
    assert listed == [[2.0], [3.0], [3.5]]


def test_a_moving_average_smooths_a_noisy_loss():
    """`smooth = smooth.lerp(loss, 0.5)` of float32 tensors is an exponential moving
    average: from a start of 0 the losses 8, 0, 8 become 4, 2, 5.

    Because `lerp(end, weight)` is `start + weight * (end - start)`, up to rounding. Give it
    `loss.detach()`, or the graphs of all losses are kept.
    """
    smooth = torch.tensor(0.0)

    curve = []
    for loss in torch.tensor([8.0, 0.0, 8.0]):
        smooth = smooth.lerp(loss, 0.5)
        curve.append(smooth.item())

    assert curve == [4.0, 2.0, 5.0]


def test_the_rate_is_read_from_the_optimizer():
    """`optimizer.param_groups[0]["lr"]` is the learning rate of the first group; a
    scheduler writes its new rate there, so a rate given as a `float` can be logged in each
    epoch.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)

    rates = []
    for _ in range(3):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()

    assert rates == [0.5, 0.25, 0.125]


@pytest.mark.torch(">=2.4")
def test_a_rate_that_is_a_tensor_is_logged_by_item():
    """In PyTorch 2.4 and later, `StepLR` writes each rate into `lr=torch.tensor(0.5)`: a list to
    which each step appends `optimizer.param_groups[0]["lr"]` has the last rate in all entries.
    Append `optimizer.param_groups[0]["lr"].item()`.

    Because each entry is the same tensor, which the scheduler changes in place and which keeps its
    dtype: with `gamma=0.5` the int64 rate `torch.tensor(1)` becomes 0.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=torch.tensor(0.5))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)

    tensors, numbers = [], []
    for _ in range(3):
        tensors.append(optimizer.param_groups[0]["lr"])
        numbers.append(optimizer.param_groups[0]["lr"].item())
        optimizer.step()
        scheduler.step()

    whole = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=torch.tensor(1))
    falling = torch.optim.lr_scheduler.StepLR(whole, step_size=1, gamma=0.5)
    whole.step()
    falling.step()

    assert [rate.item() for rate in tensors] == [0.0625, 0.0625, 0.0625]
    assert numbers == [0.5, 0.25, 0.125]
    assert whole.param_groups[0]["lr"].item() == 0


def test_the_norm_of_all_gradients():
    """With `net = nn.Linear(2, 1)`, weight gradient [[2, 3]] and bias gradient [6],
    `torch.stack([p.grad.norm() for p in net.parameters()]).norm()` is 7, up to rounding:
    the norm of all gradients, the root of the sum of their squares.

    It is, up to rounding, the number that `clip_grad_norm_` compares with `max_norm` and
    returns. A parameter whose `.grad` is None has to be left out.
    """
    net = nn.Linear(2, 1)
    net.weight.grad = torch.tensor([[2.0, 3.0]])
    net.bias.grad = torch.tensor([6.0])
    norms = torch.stack([p.grad.norm() for p in net.parameters()])

    returned = nn.utils.clip_grad_norm_(net.parameters(), math.inf)

    assert norms.norm().item() == pytest.approx(7.0)
    assert norms.tolist() == pytest.approx([13**0.5, 6.0])
    assert returned.item() == pytest.approx(7.0)


def test_how_far_a_step_went():
    """For each `name, p` of `net.named_parameters()`, `(p - before[name]).norm()` with
    `before[name] = p.detach().clone()` taken before `SGD.step()` shows how far the step moved `p`;
    without the `clone()`, `before[name]` would change with `p`.
    """
    net = nn.Linear(2, 1)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    same_memory = net.weight.detach()
    net.weight.grad = torch.tensor([[3.0, 4.0]])
    torch.optim.SGD(net.parameters(), lr=1.0).step()
    went = {name: (p - before[name]).norm().item() for name, p in net.named_parameters()}

    assert went == pytest.approx({"weight": 5.0, "bias": 0.0})
    assert (net.weight - same_memory).norm().item() == 0.0


def test_a_forward_hook_watches_activations():
    """After `handle = relu.register_forward_hook(f)` each call `relu(x)` of that
    `nn.ReLU` calls `f(module, args, output)`, for instance to record the share of
    outputs that are 0; `handle.remove()` ends it.

    A hook that only watches must return None: another value would replace the output
    (`spec/nn/test_hooks.py`). The function `F.relu` calls no hook.
    """
    net = nn.Sequential(nn.Identity(), nn.ReLU())
    silent = []
    handle = net[1].register_forward_hook(
        lambda module, args, output: silent.append((output == 0).float().mean().item())
    )
    net(torch.tensor([[-1.0, -2.0, -3.0, 4.0]]))
    handle.remove()
    net(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))

    assert silent == [0.75]


@pytest.mark.claim("course-visualise-training")
def test_the_tensorboard_writer_needs_a_package_of_its_own(monkeypatch):
    """`torch.utils.tensorboard` is part of torch, but importing it without the package
    `tensorboard` raises ModuleNotFoundError; `pip install tensorboard` mends it.

    Because `tensorboard` is not among the requirements of `torch`; nor is `matplotlib`.
    """
    required = " ".join(importlib.metadata.requires("torch"))
    names = ["typing-extensions", "tensorboard", "matplotlib"]
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)

    assert [name for name in names if name in required] == ["typing-extensions"]
    assert importlib.util.find_spec("torch.utils.tensorboard").parent == "torch.utils.tensorboard"
    with pytest.raises(
        ModuleNotFoundError, match=r"No module named 'tensorboard'|import of tensorboard halted"
    ):
        importlib.import_module("torch.utils.tensorboard")


@pytest.mark.filterwarnings("ignore:distutils Version classes:DeprecationWarning")
def test_an_old_tensorboard_is_refused(monkeypatch):
    """Importing `torch.utils.tensorboard` with a `tensorboard` package older than 1.15 raises
    ImportError, "TensorBoard logging requires TensorBoard version 1.15 or above"; upgrade the
    package.
    """
    old = types.ModuleType("tensorboard")
    old.__version__ = "1.14.0"
    monkeypatch.setitem(sys.modules, "tensorboard", old)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)

    with pytest.raises(
        ImportError, match=r"TensorBoard logging requires TensorBoard version 1\.15 or above"
    ):
        importlib.import_module("torch.utils.tensorboard")


@pytest.mark.slow
def test_an_event_file_holds_what_was_logged(tmp_path):
    """`SummaryWriter.add_scalar(name, value, global_step=step)` takes a Python float or a 0-d
    float32 tensor; after `close()` TensorBoard reads the step and the value, rounded to float32,
    from the event file.

    `EventAccumulator` keeps 10,000 values of a name at most; with `size_guidance={"scalars": 0}`
    all. Beyond the range of float32 a value becomes inf or -inf.
    """
    tensorboard = pytest.importorskip(
        "torch.utils.tensorboard", reason="needs tensorboard, which the extra `examples` brings"
    )
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with tensorboard.SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", 2.5, global_step=10)
        writer.add_scalar("loss", torch.tensor(1.25), global_step=20)
        writer.add_scalar("rate", 0.5, global_step=20)
    events = EventAccumulator(str(tmp_path)).Reload()

    (path,) = tmp_path.iterdir()
    assert path.name.startswith("events.out.tfevents.")
    assert sorted(events.Tags()["scalars"]) == ["loss", "rate"]
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [
        (10, 2.5),
        (20, 1.25),
    ]
    assert [event.value for event in events.Scalars("rate")] == [0.5]
