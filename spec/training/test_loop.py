"""The training loop.

Learning is the same few lines over and over: feed a batch forward, take the loss, clear the old
gradients, go backward, take a step. Most facts of this page train a net of one weight: it sees 2
and should answer 8, so the weight has to become 4; with a rate of 1/16 each step goes half the way.

PyTorch has no function that trains: the loop is yours to write. Each line of it does one thing
only, and says nothing when its neighbour is missing; what happens then is told on the next page.
"""

import argparse

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset


@pytest.mark.claim("blitz-workflow-runs")
def test_training_takes_six_steps(device):
    """Define a net, bring data, feed it forward, take the loss, go backward, update: six steps."""
    net = nn.Linear(1, 1, bias=False, device=device)
    nn.init.zeros_(net.weight)
    x, y = torch.tensor([[2.0]], device=device), torch.tensor([[8.0]], device=device)
    prediction = net(x)
    loss = F.mse_loss(prediction, y)
    loss.backward()
    torch.optim.SGD(net.parameters(), lr=1 / 16).step()

    assert prediction.item() == 0.0
    assert loss.item() == 64.0
    assert net.weight.grad.item() == -32.0
    assert net.weight.item() == 2.0


@pytest.mark.claim("blitz-optim-step-sequence")
def test_an_optimizer_with_rate_0_01_goes_a_hundredth_of_the_gradient():
    """Clear, forward, loss, backward, `step()`: at rate 0.01 a gradient of -32 moves by 0.32."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

    optimizer.zero_grad()
    output = net(torch.tensor([[2.0]]))
    loss = nn.MSELoss()(output, torch.tensor([[8.0]]))
    loss.backward()
    optimizer.step()

    assert net.weight.item() == pytest.approx(0.32)


@pytest.mark.torch(">=2.0")
def test_each_line_of_the_loop_does_one_thing():
    """Forward changes nothing, backward the gradient, `step()` the weight, `zero_grad()` clears."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=1 / 16)
    loss = (2 * w - 8) ** 2
    states = [(w.grad, w.item())]
    loss.backward()
    states.append((w.grad.item(), w.item()))
    optimizer.step()
    states.append((w.grad.item(), w.item()))
    optimizer.zero_grad()
    states.append((w.grad, w.item()))

    assert states == [(None, 0.0), (-32.0, 0.0), (-32.0, 2.0), (None, 2.0)]


@pytest.mark.torch("<2.0")
def test_zero_grad_left_a_zero():
    """Before PyTorch 2.0 `zero_grad()` filled the gradient with zeros instead of dropping it."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=1 / 16)
    ((2 * w - 8) ** 2).backward()

    optimizer.zero_grad()

    assert w.grad.item() == 0.0


@pytest.mark.claim("course-update-parameters")
def test_step_updates_every_parameter_in_place():
    """`step()` updates the net's own tensors, weight and bias alike: nothing has to be put back."""
    net = nn.Linear(1, 1)
    weight, bias = net.weight, net.bias
    nn.init.zeros_(weight)
    nn.init.zeros_(bias)
    F.mse_loss(net(torch.tensor([[2.0]])), torch.tensor([[8.0]])).backward()
    torch.optim.SGD(net.parameters(), lr=1 / 16).step()

    assert net.weight is weight
    assert net.bias is bias
    assert [weight.item(), bias.item()] == [2.0, 1.0]


def test_every_round_comes_closer():
    """With half of the way left after each round the loss falls to a quarter, again and again."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=1 / 16)

    losses = []
    for _ in range(4):
        loss = (2 * w - 8) ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses == [64.0, 16.0, 4.0, 1.0]


def test_the_loss_of_a_round_is_that_of_the_weights_before_it():
    """The loss is taken before the step; the weights that the round leaves are better already."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=1 / 16)
    loss = (2 * w - 8) ** 2
    loss.backward()
    optimizer.step()

    assert loss.item() == 64.0
    assert ((2 * w - 8) ** 2).item() == 16.0


@pytest.mark.claim("summary-training-order")
@pytest.mark.parametrize(
    "order",
    [
        "zero_grad forward backward step",
        "forward zero_grad backward step",
        "forward backward step zero_grad",
    ],
)
def test_gradients_may_be_cleared_anywhere_outside_backward_to_step(order):
    """Where `zero_grad()` stands is free, but for the stretch from `backward()` to `step()`."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=1 / 16)
    loss = [None]
    lines = {
        "zero_grad": optimizer.zero_grad,
        "forward": lambda: loss.append((2 * w - 8) ** 2),
        "backward": lambda: loss[-1].backward(),
        "step": optimizer.step,
    }

    path = []
    for _ in range(3):
        for line in order.split():
            lines[line]()
        path.append(w.item())

    assert path == [2.0, 3.0, 3.5]


@pytest.mark.claim("summary-training-order")
def test_a_round_sets_the_mode_and_now_and_then_monitors():
    """Mode, data, clear, loss, backward, update, and every second round a look at the loss."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Dropout(0.0)).eval()
    nn.init.zeros_(net[0].weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=1 / 16)
    data = [(torch.tensor([[2.0]]), torch.tensor([[8.0]]))] * 6

    seen = []
    net.train()
    for round_number, (x, y) in enumerate(data, 1):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        seen += [(round_number, loss.item())] * (round_number % 2 == 0)

    assert net.training is True
    assert seen == [(2, 16.0), (4, 1.0), (6, 0.0625)]


@pytest.mark.claim("summary-gradient-reset")
def test_without_a_reset_each_step_repeats_all_before_it():
    """Reset, the weight nears 4; not reset, all old gradients push again, and it runs past."""
    reset, kept = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([reset, kept], lr=1 / 16)

    path = []
    for _ in range(3):
        reset.grad = None
        ((2 * reset - 8) ** 2 + (2 * kept - 8) ** 2).backward()
        optimizer.step()
        path.append((reset.item(), kept.item()))

    assert path == [(2.0, 2.0), (3.0, 5.0), (3.5, 7.5)]


def test_an_epoch_is_one_step_a_batch():
    """An epoch takes each batch once: 10 samples in batches of 4 are 3 steps, two epochs 6."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=1.0)

    sizes = []
    for _ in range(2):
        for batch in DataLoader(torch.zeros(10), batch_size=4):
            optimizer.zero_grad()
            (w + batch.sum()).backward()
            optimizer.step()
            sizes.append(len(batch))

    assert sizes == [4, 4, 2, 4, 4, 2]
    assert w.item() == -6.0


@pytest.mark.claim("summary-train-then-test")
def test_a_net_learns_from_one_set_and_is_measured_on_another():
    """Trained on 1 and 2, each tripled, the net is tested on a 5 that it has not seen: 15."""
    train = TensorDataset(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [6.0]]))
    test = TensorDataset(torch.tensor([[5.0]]), torch.tensor([[15.0]]))
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.125)
    for x, y in DataLoader(train, batch_size=1):
        optimizer.zero_grad()
        F.mse_loss(net(x), y).backward()
        optimizer.step()
    with torch.no_grad():
        answers = [(net(x).item(), y.item()) for x, y in DataLoader(test)]

    assert net.weight.item() == 3.0
    assert answers == [(15.0, 15.0)]


@pytest.mark.claim("blitz-loss-item-float")
def test_item_makes_a_plain_number_of_the_loss(device):
    """`loss.item()` is a Python `float` without graph or device; floats add up to a float."""
    w = torch.tensor(0.0, requires_grad=True, device=device)
    loss = (2 * w - 8) ** 2
    total = 0.0
    total += loss.item()
    total += loss.item()

    assert type(loss.item()) is float
    assert type(total) is float
    assert total == 128.0


@pytest.mark.torch(">=2.9")
def test_float_of_a_loss_warns():
    """`float(loss)` gives the number too, with a warning that the graph is left: use `item()`."""
    loss = torch.tensor(3.0, requires_grad=True) * 2

    with pytest.warns(UserWarning, match="Converting a tensor with requires_grad=True to a scalar"):
        number = float(loss)

    assert number == 6.0


@pytest.mark.claim("blitz-print-every-2000")
def test_a_counter_from_0_leaves_1999_at_every_2000th_batch():
    """Counted from 0, the 2000th batch is number 1999; leaving 0 would report the first one."""
    leaving_1999 = [i + 1 for i in range(9000) if i % 2000 == 1999]
    leaving_0 = [i + 1 for i in range(9000) if i % 2000 == 0]

    assert leaving_1999 == [2000, 4000, 6000, 8000]
    assert leaving_0 == [1, 2001, 4001, 6001, 8001]


@pytest.mark.claim("blitz-six-reports-per-epoch")
def test_50000_images_in_batches_of_4_make_six_reports():
    """50,000 images in fours are 12,500 batches: reports at 2000 to 12000, and 500 in silence."""
    batches = len(DataLoader(range(50000), batch_size=4))
    reports = [i + 1 for i in range(batches) if i % 2000 == 1999]

    assert batches == 12500
    assert reports == [2000, 4000, 6000, 8000, 10000, 12000]
    assert batches % 2000 == 500


@pytest.mark.claim("blitz-print-average")
def test_a_report_averages_the_batches_since_the_last_one():
    """The running sum over 2000, reset after each report, is the mean of those batches alone."""
    losses = torch.arange(5000.0)

    running, reports = 0.0, []
    for i, loss in enumerate(losses):
        running += loss.item()
        if i % 2000 == 1999:
            reports.append(running / 2000)
            running = 0.0

    assert reports == [999.5, 2999.5]
    assert [losses[:2000].mean().item(), losses[2000:4000].mean().item()] == [999.5, 2999.5]


def test_a_sum_that_is_not_reset_makes_the_loss_seem_to_grow():
    """Without the reset each report contains all before it: a constant loss of 1 reads 1, 2, 3."""
    running, reports = 0.0, []
    for i, loss in enumerate(torch.ones(6000)):
        running += loss.item()
        if i % 2000 == 1999:
            reports.append(running / 2000)

    assert reports == [1.0, 2.0, 3.0]


def test_the_mean_of_an_epoch_counts_the_samples_of_each_batch():
    """A short last batch counts less: weigh each loss by `len(batch)`, or the mean is another."""
    samples = torch.tensor([1.0, 1.0, 1.0, 1.0, 4.0, 4.0])
    batches = list(DataLoader(samples, batch_size=4))

    assert sum(batch.mean().item() for batch in batches) / len(batches) == 2.5
    assert sum(batch.mean().item() * len(batch) for batch in batches) / 6 == 2.0
    assert samples.mean().item() == 2.0


@pytest.mark.claim("path-mnist-covers-parts")
def test_the_simplest_example_meets_dataset_module_optimizer_and_loss():
    """A classifier needs a `Dataset`, a `Module`, an optimizer and a loss, whatever its size."""

    class Signs(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            number = float(i - 2) + 0.5
            return torch.tensor([number]), int(number > 0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 2)

        def forward(self, x):
            return self.layer(x)

    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    loss_of = nn.CrossEntropyLoss()
    for _ in range(10):
        for x, label in DataLoader(Signs(), batch_size=2):
            optimizer.zero_grad()
            loss_of(net(x), label).backward()
            optimizer.step()

    assert [net(Signs()[i][0]).argmax().item() for i in range(4)] == [0, 0, 1, 1]


@pytest.mark.claim("path-example-template")
def test_the_examples_share_one_pattern():
    """One `train` and one `test` serve any net and any data: this pair learns both AND and OR."""

    def train(net, loader, optimizer):
        net.train()
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()

    def test(net, loader):
        net.eval()
        with torch.no_grad():
            return sum((net(x).argmax(1) == y).sum().item() for x, y in loader)

    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    right = []
    for labels in ([0, 0, 0, 1], [0, 1, 1, 1]):
        loader = DataLoader(TensorDataset(x, torch.tensor(labels)), batch_size=2, shuffle=True)
        net = nn.Linear(2, 2)
        optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
        for _ in range(50):
            train(net, loader, optimizer)
        right.append(test(net, loader))

    assert right == [4, 4]


@pytest.mark.claim("path-skip-argument-parsing")
def test_command_line_handling_only_fills_in_numbers():
    """The arguments of an example are plain values: write them in, and the training is the same."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.0625)
    args = parser.parse_args([])

    weights = []
    for lr in (args.lr, 0.0625):
        w = nn.Parameter(torch.tensor(0.0))
        optimizer = torch.optim.SGD([w], lr=lr)
        ((2 * w - 8) ** 2).backward()
        optimizer.step()
        weights.append(w.item())

    assert weights == [2.0, 2.0]


@pytest.mark.claim("summary-optim-library")
@pytest.mark.parametrize(
    ("name", "arrives"),
    [
        ("SGD", 0.0),
        ("Adam", 3.5),
        ("AdamW", 3.48),
        ("Adagrad", 3.5),
        ("RMSprop", -1.0),
        ("Rprop", 3.5),
    ],
)
def test_optimisation_methods_come_from_torch_optim(name, arrives):
    """`torch.optim` has the methods by name; from 4, down the same slope, each goes its own way."""
    w = nn.Parameter(torch.tensor(4.0))
    optimizer = getattr(torch.optim, name)([w], lr=0.5)
    (w**2).backward()
    optimizer.step()

    assert w.item() == pytest.approx(arrives)


@pytest.mark.claim("summary-training-libraries")
def test_training_uses_module_functional_and_optim():
    """The net is an `nn.Module`, its steps are functions, its updates come from `optim`."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1, bias=False)

        def forward(self, x):
            return F.relu(self.layer(x))

    net = Net()
    nn.init.ones_(net.layer.weight)
    F.mse_loss(net(torch.tensor([[2.0]])), torch.tensor([[8.0]])).backward()
    torch.optim.SGD(net.parameters(), lr=1 / 16).step()

    assert net.layer.weight.item() == 2.5


def test_none_of_the_three_is_needed():
    """Module, functional and optim are a convenience: tensors and `backward()` train by hand."""
    w = torch.tensor(0.0, requires_grad=True)

    for _ in range(3):
        ((2 * w - 8) ** 2).backward()
        with torch.no_grad():
            w -= w.grad / 16
        w.grad = None

    assert w.item() == 3.5


def test_there_is_no_fit():
    """PyTorch has no `fit` as other libraries have: a module trains in a loop that you write."""
    net = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'fit'"):
        net.fit(torch.ones(1, 1), torch.ones(1, 1))
