"""Monitoring: watching a training run.

While a net learns you look at a few numbers now and then: the loss, the rate, the size of
gradients. PyTorch draws nothing itself. It hands out plain numbers, for a log, a file or a plot,
and it has a writer for TensorBoard, a program that is installed apart. To look must not change
what one looks at: a logged tensor that is the weight itself, or still holds its graph, is a trap.
"""

import csv
import importlib.metadata
import importlib.util
import json
import logging
import math
import sys
import types

import pytest
import torch
from torch import nn


@pytest.mark.claim("summary-monitor")
def test_every_hundredth_step_is_looked_at():
    """A report every so many steps is an `if` in your loop: here at steps 100, 200 and 300."""
    w = torch.tensor(0.0)

    seen = []
    for step in range(1, 351):
        w += 1
        if step % 100 == 0:
            seen.append((step, w.item()))

    assert seen == [(100, 100.0), (200, 200.0), (300, 300.0)]


@pytest.mark.claim("course-visualise-training")
def test_a_history_of_numbers_is_all_that_a_plot_needs():
    """PyTorch draws no curve: it gives the numbers, for a plotting program of your choice."""
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
    with pytest.raises(AttributeError, match="has no attribute 'plot'"):
        torch.plot(history)


@pytest.mark.claim("course-visualise-training")
def test_the_tensorboard_writer_needs_a_package_of_its_own(monkeypatch):
    """`torch.utils.tensorboard` is there, but without the package `tensorboard` not importable."""
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)

    assert importlib.util.find_spec("torch.utils.tensorboard").parent == "torch.utils.tensorboard"
    with pytest.raises(ModuleNotFoundError, match="tensorboard"):
        importlib.import_module("torch.utils.tensorboard")


@pytest.mark.filterwarnings("ignore:distutils Version classes:DeprecationWarning")
def test_an_old_tensorboard_is_refused(monkeypatch):
    """A `tensorboard` older than 1.15 is refused by its version number."""
    old = types.ModuleType("tensorboard")
    old.__version__ = "1.14.0"
    monkeypatch.setitem(sys.modules, "tensorboard", old)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)

    with pytest.raises(ImportError, match=r"requires TensorBoard version 1\.15 or above"):
        importlib.import_module("torch.utils.tensorboard")


@pytest.mark.slow
def test_an_event_file_holds_what_was_logged(tmp_path):
    """`SummaryWriter` writes an event file; TensorBoard's own reader gives the numbers back."""
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


def test_installing_torch_does_not_install_tensorboard():
    """`tensorboard` and `matplotlib` are not among the packages that torch asks for."""
    required = " ".join(importlib.metadata.requires("torch"))

    names = ["typing-extensions", "tensorboard", "matplotlib"]

    assert [name for name in names if name in required] == ["typing-extensions"]


def test_the_logging_module_takes_numbers(caplog):
    """`logging` formats what it is given: `item()` and a format make a readable line."""
    loss = torch.tensor(0.123456, requires_grad=True) * 1
    with caplog.at_level(logging.INFO):
        logging.getLogger("train").info("epoch %d loss %.3f", 2, loss.item())

    assert caplog.messages == ["epoch 2 loss 0.123"]


def test_a_tensor_in_a_message_prints_like_a_tensor():
    """`f"{loss}"` prints the number of a tensor without dimensions, `str` the whole tensor."""
    loss = torch.tensor(0.5)

    assert f"{loss}" == "0.5"
    assert f"{loss:.2f}" == "0.50"
    assert str(loss) == "tensor(0.5000)"


def test_a_format_takes_one_number():
    """`f"{losses:.3f}"` of several numbers is refused: take the mean first."""
    losses = torch.tensor([1.0, 2.0])

    with pytest.raises(TypeError, match=r"unsupported format string passed to Tensor\.__format__"):
        _ = f"{losses:.3f}"
    assert f"{losses.mean():.3f}" == "1.500"


def test_json_lines_are_a_log_that_reads_back(tmp_path):
    """One JSON object a line, appended and read back: an event file that needs no package."""
    log = tmp_path / "log.jsonl"
    for step, loss in enumerate(torch.tensor([2.0, 0.5]), 1):
        with log.open("a") as file:
            file.write(json.dumps({"step": step, "loss": loss.item()}) + "\n")
    events = [json.loads(line) for line in log.read_text().splitlines()]

    assert events == [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 0.5}]


def test_json_does_not_take_tensors():
    """A tensor is no JSON value; `item()` or `tolist()` is."""
    loss = torch.tensor(0.5)

    with pytest.raises(TypeError, match="Object of type Tensor is not JSON serializable"):
        json.dumps({"loss": loss})
    assert json.dumps({"loss": loss.item()}) == '{"loss": 0.5}'


def test_json_writes_a_loss_that_is_nan_as_other_programs_cannot_read_it():
    """A NaN is written as `NaN`, which is no JSON; `allow_nan=False` refuses it at once."""
    loss = torch.tensor(math.nan).item()

    assert json.dumps(loss) == "NaN"
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        json.dumps(loss, allow_nan=False)


def test_csv_takes_a_tensor_for_its_print(tmp_path):
    """A CSV file takes anything, a tensor as its printed words: again, `item()` first."""
    log = tmp_path / "log.csv"
    loss = torch.tensor(0.5)
    with log.open("w", newline="") as file:
        csv.writer(file).writerows([["step", "loss"], [1, loss], [2, loss.item()]])
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert rows == [{"step": "1", "loss": "tensor(0.5000)"}, {"step": "2", "loss": "0.5"}]


def test_a_logged_parameter_is_the_parameter_itself():
    """A list of `w` holds one tensor many times, as it is today; `clone()` or `item()` is kept."""
    w = nn.Parameter(torch.tensor([0.0]))

    aliases, copies = [], []
    for _ in range(3):
        with torch.no_grad():
            w += 1
        aliases.append(w)
        copies.append(w.detach().clone())

    assert [entry.item() for entry in aliases] == [3.0, 3.0, 3.0]
    assert [entry.item() for entry in copies] == [1.0, 2.0, 3.0]


def test_detach_alone_is_no_copy():
    """`detach()` shares the memory: what was logged follows the weight; `tolist()` does not."""
    w = nn.Parameter(torch.tensor([1.0]))
    detached, listed = w.detach(), w.tolist()
    with torch.no_grad():
        w += 1

    assert detached.tolist() == [2.0]
    assert listed == [1.0]


def test_the_norm_of_all_gradients():
    """The size of a step in one number: the root of all squared entries, over all parameters."""
    net = nn.Linear(2, 1)
    net.weight.grad = torch.tensor([[2.0, 3.0]])
    net.bias.grad = torch.tensor([6.0])
    norms = torch.stack([p.grad.norm() for p in net.parameters()])

    assert norms.norm().item() == pytest.approx(7.0)
    assert norms.tolist() == pytest.approx([13**0.5, 6.0])


def test_clipping_tells_the_norm_that_it_met():
    """`clip_grad_norm_` returns the norm before clipping; with an infinite limit it only looks."""
    w = nn.Parameter(torch.zeros(2))
    w.grad = torch.tensor([3.0, 4.0])
    looked = nn.utils.clip_grad_norm_([w], math.inf).item()
    untouched = w.grad.tolist()
    clipped = nn.utils.clip_grad_norm_([w], 2.5).item()

    assert looked == 5.0
    assert untouched == [3.0, 4.0]
    assert clipped == 5.0
    assert w.grad.tolist() == pytest.approx([1.5, 2.0])


def test_a_forward_hook_watches_activations():
    """A hook on a layer sees each of its outputs: here the share of ReLUs that are silent."""
    net = nn.Sequential(nn.Identity(), nn.ReLU())
    silent = []
    handle = net[1].register_forward_hook(
        lambda module, args, output: silent.append((output == 0).float().mean().item())
    )
    net(torch.tensor([[-1.0, -2.0, -3.0, 4.0]]))
    handle.remove()
    net(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))

    assert silent == [0.75]


def test_a_tensor_hook_watches_gradients():
    """A hook on a parameter sees its gradient in each `backward()`, before it is added up."""
    w = nn.Parameter(torch.tensor(1.0))
    seen = []
    w.register_hook(lambda gradient: seen.append(gradient.item()))
    (3 * w).backward()
    (5 * w).backward()

    assert seen == [3.0, 5.0]
    assert w.grad.item() == 8.0


def test_a_hook_that_returns_changes_what_it_watches():
    """A hook that only watches returns nothing; what it returns becomes the gradient."""
    w = nn.Parameter(torch.tensor(1.0))
    w.register_hook(lambda gradient: gradient * 0)
    (3 * w).backward()

    assert w.grad.item() == 0.0


def test_the_rate_is_read_from_the_optimizer():
    """`param_groups` has the rate in use, after a schedule too."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)

    rates = []
    for _ in range(3):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()

    assert rates == [0.5, 0.25, 0.125]


def test_a_moving_average_smooths_a_noisy_loss():
    """Half of the old and half of the new: `lerp` draws the curve nearer to its past."""
    smooth = torch.tensor(0.0)

    curve = []
    for loss in torch.tensor([8.0, 0.0, 8.0]):
        smooth = smooth.lerp(loss, 0.5)
        curve.append(smooth.item())

    assert curve == [4.0, 2.0, 5.0]


def test_how_far_a_step_went():
    """A clone of the weights before the step shows how far they went, layer by layer."""
    net = nn.Linear(2, 1)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    net.weight.grad = torch.tensor([[3.0, 4.0]])
    torch.optim.SGD(net.parameters(), lr=1.0).step()
    went = {name: (p - before[name]).norm().item() for name, p in net.named_parameters()}

    assert went == pytest.approx({"weight": 5.0, "bias": 0.0})


def test_the_best_loss_keeps_its_weights_only_as_a_copy():
    """`state_dict()` is no snapshot: the best weights train on, unless they are cloned."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)
    best = net.state_dict()
    kept = {name: tensor.clone() for name, tensor in best.items()}
    nn.init.zeros_(net.weight)

    assert best["weight"].item() == 0.0
    assert kept["weight"].item() == 1.0
