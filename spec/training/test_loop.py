"""The training loop.

PyTorch has no function that trains: you write the loop. For each batch it clears the old gradients,
runs the model forward, computes the loss, calls `backward()` and lets the optimizer take a step;
one pass over the data set is an epoch. Most facts of this page train a model of one weight that
sees 2 and should answer 8, so the weight has to become 4; with a learning rate of 1/16 each step
goes half of the way.

What surprises: each line does one thing only, and hardly any of them notices when its neighbour is
missing or in the wrong place. What happens then is told in `spec/training/test_wrong_orders.py`;
what `zero_grad()` leaves behind in `spec/optim/test_zero_grad.py`, what the optimizers compute in
`spec/optim/test_update_rules.py`.
"""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset


@pytest.mark.claim("blitz-workflow-runs", "summary-training-libraries")
def test_the_loop_is_five_lines(device):
    """A training loop is five lines: `for x, y in data`, `optimizer.zero_grad()`,
    `loss = F.mse_loss(net(x), y)`, `loss.backward()`, `optimizer.step()`. With weight 0, no bias,
    input 2, target 8 and `SGD` at `lr=1/16` the losses are 64, 16, 4, 1.

    Because `backward()` fills `.grad` of the parameters and `step()` reads it: net, loss and
    optimizer meet in the parameters that were given to the optimizer.
    """
    net = nn.Linear(1, 1, bias=False, device=device)
    nn.init.zeros_(net.weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=1 / 16)
    data = [(torch.tensor([[2.0]], device=device), torch.tensor([[8.0]], device=device))] * 4

    losses, weights = [], []
    for x, y in data:
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        weights.append(net.weight.item())

    assert losses == [64.0, 16.0, 4.0, 1.0]
    assert weights == [2.0, 3.0, 3.5, 3.75]


def test_there_is_no_fit():
    """`nn.Linear` has no method `fit`: `net.fit(x, y)` raises AttributeError, "'Linear'
    object has no attribute 'fit'".

    Because `nn.Module` has none. Libraries such as Lightning or Keras bring one; with
    PyTorch alone write the loop.
    """
    net = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'fit'"):
        net.fit(torch.ones(1, 1), torch.ones(1, 1))


@pytest.mark.claim("blitz-optim-step-sequence")
def test_an_optimizer_with_rate_0_01_goes_a_hundredth_of_the_gradient():
    """`SGD(net.parameters(), lr=0.01).step()`, with its other arguments left at their
    defaults, subtracts 0.01 times the gradient: a gradient of -32 moves a weight from 0
    to 0.32, up to rounding.
    """
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
    """For `w = nn.Parameter(torch.tensor(0.0))`, `SGD([w], lr=1/16)` and loss
    `(2 * w - 8)**2` a forward pass changes neither `w` nor `w.grad`, `backward()` fills
    `w.grad`, `step()` changes `w`, not `w.grad`, `zero_grad()` sets `w.grad` to None.

    Buffers are another matter: the forward pass of `nn.BatchNorm1d` in training mode
    updates its running statistics. Before PyTorch 2.0 `zero_grad()` filled `.grad` with
    zeros.
    """
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


@pytest.mark.claim("course-update-parameters")
def test_step_updates_every_parameter_in_place():
    """After `backward()`, `torch.optim.SGD(net.parameters(), lr=1/16).step()` changes the
    parameters of an `nn.Linear` `net` in place: `net.weight` and `net.bias` stay the same
    Parameter objects, and a weight of 0 with gradient -32 becomes 2.

    Because the optimizer holds the very tensors that `net.parameters()` yielded: nothing is
    returned and nothing has to be assigned. A parameter whose `grad` is None is left as it is.
    """
    net = nn.Linear(1, 1)
    weight, bias = net.weight, net.bias
    memory = weight.data_ptr()
    nn.init.zeros_(weight)
    nn.init.zeros_(bias)
    F.mse_loss(net(torch.tensor([[2.0]])), torch.tensor([[8.0]])).backward()
    torch.optim.SGD(net.parameters(), lr=1 / 16).step()

    assert net.weight is weight
    assert net.bias is bias
    assert weight.data_ptr() == memory
    assert [weight.item(), bias.item()] == [2.0, 1.0]


def test_the_loss_of_a_round_is_that_of_the_weights_before_it():
    """The loss computed before `optimizer.step()` is that of the old weights: 64 for a
    weight of 0 and the loss `(2 * w - 8)**2`, and 16 when it is computed again after a step
    of `SGD(lr=1/16)`.

    So the training loss that a loop prints lags one step behind; for the loss of the
    trained weights evaluate once more after the loop.
    """
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=1 / 16)
    loss = (2 * w - 8) ** 2
    loss.backward()
    optimizer.step()

    assert loss.item() == 64.0
    assert ((2 * w - 8) ** 2).item() == 16.0


def test_none_of_the_three_is_needed():
    """Three times `((2 * w - 8) ** 2).backward()`, `w -= w.grad / 16` under
    `torch.no_grad()` and `w.grad = None` train `w = torch.tensor(0.0, requires_grad=True)`
    to 3.5, without `nn.Module` or `torch.optim`.

    Without `no_grad` the update `w -= ...` is refused, for an in-place operation on a leaf
    that requires grad can't be recorded (`spec/autograd/test_changing_leaves.py`).
    """
    w = torch.tensor(0.0, requires_grad=True)

    for _ in range(3):
        ((2 * w - 8) ** 2).backward()
        with torch.no_grad():
            w -= w.grad / 16
        w.grad = None

    assert w.item() == 3.5


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
    """With `zero_grad()` before the forward pass, between it and `backward()`, or after
    `step()`, three rounds of `SGD(lr=1/16)` on the loss `(2 * w - 8)**2` lead `w` from
    0 to the same 2, 3 and 3.5, if no gradient is left from before.

    Because each of the three clears the old gradient before the next `backward()`. Between
    `backward()` and `step()` it would clear the new one
    (`spec/training/test_wrong_orders.py`).
    """
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


@pytest.mark.claim("summary-training-order", "summary-monitor")
def test_an_epoch_sets_the_mode_and_now_and_then_reports():
    """`net.train()` before the loop over the batches ends the evaluation mode that
    `net.eval()` set on an `nn.Sequential` `net`; in
    `for number, (x, y) in enumerate(data, 1)`, `if number % 2 == 0` picks every second
    batch for a report.

    Because `net.eval()` lasts until `net.train()`. `loss.item()` is the number to report.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Dropout(0.0)).eval()
    nn.init.zeros_(net[0].weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=1 / 16)
    data = [(torch.tensor([[2.0]]), torch.tensor([[8.0]]))] * 6

    seen = []
    net.train()
    for number, (x, y) in enumerate(data, 1):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        if number % 2 == 0:
            seen.append((number, loss.item()))

    assert net.training is True
    assert seen == [(2, 16.0), (4, 1.0), (6, 0.0625)]


def test_an_epoch_takes_one_step_per_batch():
    """One pass over `DataLoader(data, batch_size=4)` is an epoch: 10 samples make 3 batches
    of 4, 4 and 2 samples, and so 3 steps per epoch if each batch takes one.

    Because the default samplers yield each sample once. With `drop_last=True` the short
    last batch is left out, and 10 samples make 2 steps.
    """
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=1.0)

    sizes = []
    for _ in range(2):
        for batch in DataLoader(torch.zeros(10), batch_size=4):
            optimizer.zero_grad()
            (w + batch.sum()).backward()
            optimizer.step()
            sizes.append(len(batch))

    dropping = DataLoader(torch.zeros(10), batch_size=4, drop_last=True)

    assert sizes == [4, 4, 2, 4, 4, 2]
    assert w.item() == -6.0
    assert [len(batch) for batch in dropping] == [4, 4]


@pytest.mark.claim("summary-train-then-test")
def test_a_net_learns_from_one_set_and_is_measured_on_another():
    """One epoch of `optim.SGD`, `lr=0.125`, with `zero_grad()` at each step, on the
    `F.mse_loss` of float32 pairs (1, 3) and (2, 6), one per batch, takes the weight of
    `nn.Linear(1, 1, bias=False)` from 0 to 3: the layer then gives 15 for 5.

    5 is not among the training samples: whether a net has learnt the rule shows in its outputs
    for data that it was not trained on.
    """
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
    """`loss.item()` of a float32 loss of one element on the CPU or a GPU is a Python
    `float` without graph or device, so a sum of such numbers is a `float` too.

    Add up `loss.item()`, not `loss`: a sum of loss tensors keeps the graphs of all rounds
    (`spec/training/test_wrong_orders.py`).
    """
    w = torch.tensor(0.0, requires_grad=True, device=device)
    loss = (2 * w - 8) ** 2
    total = 0.0
    total += loss.item()
    total += loss.item()

    assert type(loss.item()) is float
    assert type(total) is float
    assert total == 128.0


@pytest.mark.torch(">=2.8")
def test_float_of_a_loss_warns():
    """Since PyTorch 2.8, with grad mode on, `float(loss)` of a 0-d loss that requires grad returns
    the number and warns, by default once per process: "Converting a tensor with requires_grad=True
    to a scalar may lead to unexpected behavior".

    Write `loss.item()` or `float(loss.detach())`: neither warns. Under `no_grad`
    `float(loss)` does not warn either.
    """
    loss = torch.tensor(3.0, requires_grad=True) * 2

    with pytest.warns(UserWarning, match="Converting a tensor with requires_grad=True to a scalar"):
        number = float(loss)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("error")
        silently = float(loss)

    assert number == 6.0
    assert silently == 6.0


@pytest.mark.claim("blitz-print-every-2000", "blitz-six-reports-per-epoch")
def test_a_counter_from_0_reports_at_remainder_1999():
    """`for i, batch in enumerate(DataLoader(data, batch_size=4))` over 50,000 samples
    counts 12,500 batches from 0: `i % 2000 == 1999` is true six times, in the 2000th batch,
    the 4000th and so on.

    `i % 2000 == 0` would report after the very first batch and then after batch 2001.
    """
    batches = len(DataLoader(range(50000), batch_size=4))

    assert batches == 12500
    assert [i + 1 for i in range(batches) if i % 2000 == 1999] == [
        *(2000, 4000, 6000, 8000, 10000, 12000)
    ]
    assert [i + 1 for i in range(batches) if i % 2000 == 0] == [
        *(1, 2001, 4001, 6001, 8001, 10001, 12001)
    ]


@pytest.mark.claim("blitz-print-average")
def test_a_report_averages_the_batches_since_the_last_one():
    """Divide a running sum of `loss.item()` by the number of batches since the last
    report, then set the sum back to 0: each report is the mean loss of its batches, 2
    and 6 for the losses 1, 3, 5, 7 and a report every 2 batches.

    Without the reset each report contains all earlier batches as well, and the second one
    reads 8.
    """
    running, since_the_start, reports, not_reset = 0.0, 0.0, [], []
    for i, loss in enumerate(torch.tensor([1.0, 3.0, 5.0, 7.0])):
        running += loss.item()
        since_the_start += loss.item()
        if i % 2 == 1:
            reports.append(running / 2)
            not_reset.append(since_the_start / 2)
            running = 0.0

    assert reports == [2.0, 6.0]
    assert not_reset == [2.0, 8.0]


def test_the_mean_of_an_epoch_counts_the_samples_of_each_batch():
    """If `F.mse_loss` is 1.0 for a batch of 4 samples and 4.0 for the last batch of 2, the
    mean over all samples is (1.0 * 4 + 4.0 * 2) / 6 = 2.0, not (1.0 + 4.0) / 2 = 2.5:
    weight each loss by the number of samples in its batch.

    Because `reduction="mean"`, the default, has averaged over one batch already. `cross_entropy`
    of class indices divides by the sum of the class weights of the targets that are not ignored,
    which with `weight=` or `ignore_index=` may differ from `len(x)`.
    """
    samples = torch.tensor([1.0, 1.0, 1.0, 1.0, 2.0, 2.0])
    losses = [(F.mse_loss(x, 0 * x).item(), len(x)) for x in DataLoader(samples, batch_size=4)]

    assert losses == [(1.0, 4), (4.0, 2)]
    assert sum(loss for loss, _ in losses) / 2 == 2.5
    assert sum(loss * count for loss, count in losses) / 6 == 2.0
    assert F.mse_loss(samples, 0 * samples).item() == 2.0


@pytest.mark.claim("path-mnist-covers-parts")
def test_the_simplest_example_meets_dataset_module_optimizer_and_loss():
    """A small training script can consist of a `Dataset` with `__len__` and `__getitem__`,
    an `nn.Module` with `forward`, an optimizer such as `SGD` and a loss such as
    `nn.CrossEntropyLoss`; `DataLoader` makes batches of the samples.
    """

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
    """The same `train(net, loader, optimizer)`, with `zero_grad`, `F.cross_entropy`, `backward`
    and `step`, and the same `test(net, loader)`, which counts correct predictions, fit two tasks:
    one `nn.Linear(2, 2)` learns AND, another one OR.

    Because both tasks call `net(x)`, `cross_entropy`, `backward()` and `step()` in the same
    way. PyTorch's own MNIST example is built so; the ImageNet one calls the second
    `validate`.
    """

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
    """From a float32 weight `w` of 4, with the loss `w**2` and `lr=0.5`, the first step of
    `torch.optim.SGD` leads to 0, of `Adam`, `Adagrad` and `Rprop` nearly to 3.5, of `AdamW` nearly
    to 3.48 and of `RMSprop` nearly to -1.

    Because `SGD` steps by `lr` times the gradient, 8, whereas `Adam`, `Adagrad` and `Rprop` here
    step by nearly `lr`. `AdamW` does so too and takes half a percent off the weight; `RMSprop`
    divides `lr * 8` by the root of 0.01 * 64.
    """
    w = nn.Parameter(torch.tensor(4.0))
    optimizer = getattr(torch.optim, name)([w], lr=0.5)
    (w**2).backward()
    optimizer.step()

    assert w.item() == pytest.approx(arrives)
