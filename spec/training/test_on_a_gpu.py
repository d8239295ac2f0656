"""Training on a GPU.

A training moves to the GPU by three calls of `to(device)`: the net once, inputs and labels at each
batch. The loop itself stays as it was. A string or a `torch.device` names the device; where no GPU
can be used it is the CPU, and the calls do nothing.

What surprises: `net.to(device)` changes the net itself, `x.to(device)` of a tensor returns another
one, so a batch that was moved and not assigned stays where it was. Most optimizers may be built
before the move to the GPU, for the parameters stay the same objects; Adagrad may not. A small net
gains little or nothing.

Device names are told in `spec/devices/test_device_objects.py`, tensors that move in
`spec/devices/test_moving.py`, plain tensor attributes, which `net.to(device)` leaves on the CPU, in
`spec/nn/test_parameters.py`, an optimizer and its state when its net is moved or converted in
`spec/optim/test_trained_parameters.py`, and mixed precision in
`spec/devices/test_mixed_precision.py`.
"""

import copy

import pytest
import torch
from torch import nn


@pytest.mark.claim("blitz-device-select-else")
def test_without_a_gpu_the_usual_choice_is_cpu(monkeypatch):
    """`print(torch.device("cuda:0" if torch.cuda.is_available() else "cpu"))` prints `cpu`
    where `torch.cuda.is_available()` is False.
    """
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

    assert str(device) == "cpu"


@pytest.mark.cuda
@pytest.mark.claim("blitz-device-select-cuda")
def test_with_a_gpu_the_usual_choice_is_the_first_one():
    """`device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")` prints as
    `cuda:0` where a CUDA GPU can be used, and a tensor made with `device=device` is there.
    """
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

    assert str(device) == "cuda:0"
    assert str(torch.zeros(1, device=device).device) == "cuda:0"


@pytest.mark.claim("blitz-device-idle")
def test_the_name_of_a_device_says_nothing_about_the_device():
    """`str(torch.device("cuda:63"))` is `cuda:63` on a machine without that GPU too:
    `torch.device("cuda:63")` does not check that the GPU exists.

    So `print(torch.device("cuda:0"))` does not say that this GPU is there: ask
    `torch.cuda.device_count()`. Whether it is idle, `nvidia-smi` shows.
    """
    device = torch.device("cuda:63")

    assert str(device) == "cuda:63"


@pytest.mark.cuda
@pytest.mark.claim("blitz-device-idle")
def test_a_busy_gpu_has_the_same_name():
    """`str(x.device)` of a tensor `x` on the first GPU is `cuda:0`, whether that GPU is
    idle or has work queued and memory allocated.
    """
    x = torch.rand(4096, 4096, device="cuda:0")

    product = x @ x @ x
    busy = torch.cuda.memory_allocated("cuda:0") > 67108864

    assert busy is True
    assert str(product.device) == "cuda:0"


@pytest.mark.claim("blitz-module-to-inplace")
def test_to_changes_a_net_and_makes_a_new_tensor():
    """`net.to(device, dtype)` with a floating-point `dtype` changes an `nn.Linear` itself
    and returns `net`: its parameters are moved and cast. `x.to(device, dtype)` of a tensor
    of another dtype returns a new tensor and leaves `x` as it was.

    So write `x = x.to(device)`. If nothing has to change, `x.to` returns `x` itself
    (`spec/devices/test_moving.py`). Parameters and buffers of an integer dtype are moved
    and not cast.
    """
    net, x = nn.Linear(2, 1), torch.zeros(2)

    returned = net.to("meta", torch.float64)
    moved = x.to("meta", torch.float64)

    assert returned is net
    assert [str(net.weight.device), net.weight.dtype] == ["meta", torch.float64]
    assert [str(moved.device), moved.dtype] == ["meta", torch.float64]
    assert [str(x.device), x.dtype] == ["cpu", torch.float32]


@pytest.mark.cuda
@pytest.mark.claim("blitz-net-to-device", "blitz-module-to-inplace")
def test_to_moves_all_parameters_of_a_net_to_the_gpu():
    """`net.to("cuda")` moves the parameters and buffers of all submodules to the GPU."""
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1)))

    net.to("cuda")

    assert {str(parameter.device) for parameter in net.parameters()} == {"cuda:0"}
    assert {str(buffer.device) for buffer in net.buffers()} == {"cuda:0"}


@pytest.mark.cuda
@pytest.mark.claim("blitz-move-net-and-data")
def test_a_batch_left_on_the_cpu_is_refused():
    """An `nn.Linear` on the GPU refuses inputs on the CPU, and `F.cross_entropy` of its
    outputs refuses labels on the CPU: RuntimeError, "Expected all tensors to be on the same
    device". Move both with `to("cuda")`.
    """
    net = nn.Linear(2, 3).to("cuda")
    inputs, labels = torch.ones(4, 2), torch.tensor([0, 1, 2, 0])

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        net(inputs)
    outputs = net(inputs.to("cuda"))
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        nn.functional.cross_entropy(outputs, labels)

    assert str(nn.functional.cross_entropy(outputs, labels.to("cuda")).device) == "cuda:0"


@pytest.mark.cuda
@pytest.mark.claim("blitz-move-net-and-data")
def test_a_net_left_on_the_cpu_refuses_a_moved_batch():
    """An `nn.Linear` on the CPU refuses inputs on the GPU: RuntimeError, "Expected all
    tensors to be on the same device". Move the net with `net.to("cuda")`.
    """
    net = nn.Linear(2, 3)

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        net(torch.ones(4, 2, device="cuda"))


@pytest.mark.claim("blitz-loop-same-with-device")
def test_the_loop_with_its_moves_is_the_loop_without(device):
    """A loop that moves an `nn.Linear`, inputs and labels by `to(device)` to a GPU or to
    the CPU computes the same gradients, up to rounding, as one without these calls: one
    loop serves both devices.
    """
    data = [
        (torch.tensor([[1.0]]), torch.tensor([[3.0]])),
        (torch.tensor([[2.0]]), torch.ones(1, 1)),
    ]
    plain = nn.Linear(1, 1, bias=False)
    plain.weight.data.zero_()
    moved = copy.deepcopy(plain).to(device)

    for inputs, labels in data:
        (plain(inputs) - labels).square().sum().backward()
    for inputs, labels in data:
        inputs, labels = inputs.to(device), labels.to(device)
        (moved(inputs) - labels).square().sum().backward()

    assert plain.weight.grad.tolist() == [[-10.0]]
    assert moved.weight.grad.tolist() == [[-10.0]]
    assert inputs.device == moved.weight.device


@pytest.mark.claim("blitz-optimizer-after-to")
def test_an_optimizer_made_before_the_move_has_the_moved_parameters():
    """`torch.optim.SGD(net.parameters(), lr=0.5)` built before `net.to(torch.float64)` holds and
    trains the cast parameters; after `net.to("meta")` of a net on the CPU it still holds the old
    ones.

    Because `to` keeps the Parameter objects and changes what they hold, on the way to the GPU too
    (`spec/optim/test_trained_parameters.py`); a meta tensor can't take the place of a CPU one, so
    `to("meta")` makes new Parameters.
    """
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(3.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.to(torch.float64)
    net(torch.ones(1, dtype=torch.float64)).backward()
    optimizer.step()

    assert optimizer.param_groups[0]["params"][0] is net.weight
    assert net.weight.dtype == torch.float64
    assert net.weight.tolist() == [[2.5]]
    assert optimizer.param_groups[0]["params"][0] is not net.to("meta").weight


@pytest.mark.cuda
@pytest.mark.claim("blitz-optimizer-after-to")
def test_an_optimizer_with_memory_of_its_own_keeps_it_on_the_cpu():
    """For `net = nn.Linear(1, 1)`, `Adagrad(net.parameters(), foreach=False)` makes its state when
    built. After `net.to("cuda")` this state is still on the CPU: `step()` after `backward()`
    raises "Expected all tensors to be on the same device".

    SGD and Adam make their state in the first `step()`. Building the optimizer after the move is
    right for all of them.
    """
    net = nn.Linear(1, 1)
    optimizer = torch.optim.Adagrad(net.parameters(), foreach=False)

    net.to("cuda")
    net(torch.ones(1, device="cuda")).backward()

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        optimizer.step()


@pytest.mark.cuda
@pytest.mark.claim("blitz-gpu-results-similar")
def test_a_gpu_trains_to_nearly_the_same_weights():
    """From the same initial weights and data, 20 steps of `SGD(lr=0.1)` on a net of two
    small `nn.Linear` and an `nn.Tanh` lead on the CPU and on the GPU to weights that are
    equal up to rounding.

    Because a GPU adds floats in another order; see `spec/training/test_reproducibility.py`.
    """
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    there = copy.deepcopy(net).to("cuda")
    x, y = torch.rand(32, 4), torch.rand(32, 1)

    for model, inputs, labels in ((net, x, y), (there, x.cuda(), y.cuda())):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(20):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), labels).backward()
            optimizer.step()

    assert torch.allclose(net[0].weight, there[0].weight.cpu(), rtol=1e-3, atol=1e-4) is True


@pytest.mark.cuda
@pytest.mark.claim("blitz-gpu-speeds-training")
def test_a_wide_net_trains_faster_on_a_gpu():
    """Measured by `torch.utils.benchmark.Timer`, forward and `backward()` of two
    `nn.Linear(2048, 2048)` with a batch of 1024 take less time on a data-centre GPU than on one
    CPU thread.

    Because large matrix products consist of many independent operations, which a GPU computes at
    the same time.
    """
    from torch.utils.benchmark import Timer

    net = nn.Sequential(nn.Linear(2048, 2048), nn.ReLU(), nn.Linear(2048, 2048))
    there = copy.deepcopy(net).cuda()
    x = torch.rand(1024, 2048)
    step = "net(x).square().mean().backward()"

    on_cpu = Timer(step, globals={"net": net, "x": x}).timeit(5).median
    on_gpu = Timer(step, globals={"net": there, "x": x.cuda()}).timeit(5).median

    assert (on_gpu < on_cpu) is True


@pytest.mark.cuda
@pytest.mark.claim("blitz-gpu-no-gain-small-net")
@pytest.mark.spare("3", reason="little or no speed-up, as a number")
def test_a_small_net_gains_little_or_nothing_from_a_gpu():
    """With `nn.Conv2d(3, 6, 5)`, `nn.Conv2d(6, 16, 5)` and three `nn.Linear`, forward and
    `backward()` of 4 images of 32 x 32, timed by `torch.utils.benchmark.Timer`, were at most 3
    times as fast on the GPUs tried as on one CPU thread.

    Because launching each operation on the GPU takes longer than computing it for so few
    numbers.
    """
    from torch.utils.benchmark import Timer

    net = nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.Linear(84, 10)),
    )
    there = copy.deepcopy(net).cuda()
    x = torch.rand(4, 3, 32, 32)
    step = "net(x).square().mean().backward()"

    on_cpu = Timer(step, globals={"net": net, "x": x}).timeit(100).median
    on_gpu = Timer(step, globals={"net": there, "x": x.cuda()}).timeit(100).median

    assert (on_gpu > on_cpu / 3) is True
