"""RMSprop, Adagrad and the rest of the family.

Before Adam there were Adagrad, which divides by the sum of all squared gradients, and RMSprop,
which divides by their running mean. After it came many variants. All of them have one interface:
to change the optimizer is to change a name.

What surprises newcomers: the learning rates of two rules cannot be compared. With the same `lr`
RMSprop's first step is ten times as long as Adam's, and Adadelta's three hundred times shorter.
"""

import pytest
import torch
from torch import nn


@pytest.mark.parametrize(("alpha", "after"), [(0.75, -2.0), (0.99, -10.0)])
def test_rmsprops_first_step_is_longer_than_the_learning_rate(alpha, after):
    """RMSprop's first step is `lr / sqrt(1 - alpha)`: ten times the rate with its default 0.99."""
    weight = nn.Parameter(torch.tensor(0.0))
    weight.grad = torch.tensor(0.5)

    torch.optim.RMSprop([weight], lr=1.0, alpha=alpha).step()

    assert weight.item() == pytest.approx(after)


def test_rmsprop_by_hand():
    """RMSprop divides each gradient by the root of a running mean of squared gradients."""
    gradients = [1.0, -2.0, 4.0, 0.5]
    weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    optimizer = torch.optim.RMSprop([weight], lr=0.1, alpha=0.9)
    by_hand, square = 2.0, 0.0

    for gradient in gradients:
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        square = 0.9 * square + 0.1 * gradient**2
        by_hand -= 0.1 * gradient / (square**0.5 + 1e-8)

    assert weight.item() == pytest.approx(by_hand)
    assert weight.item() == pytest.approx(1.65285606)


def test_centered_rmsprop_with_momentum_by_hand():
    """`centered` subtracts the squared mean before the root; `momentum` sums the divided steps."""
    gradients = [1.0, -2.0, 4.0, 0.5]
    weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    optimizer = torch.optim.RMSprop([weight], lr=0.1, alpha=0.9, centered=True, momentum=0.5)
    by_hand, square, mean, buffer = 2.0, 0.0, 0.0, 0.0

    for gradient in gradients:
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        square = 0.9 * square + 0.1 * gradient**2
        mean = 0.9 * mean + 0.1 * gradient
        buffer = 0.5 * buffer + gradient / ((square - mean**2) ** 0.5 + 1e-8)
        by_hand -= 0.1 * buffer

    assert weight.item() == pytest.approx(by_hand)
    assert weight.item() == pytest.approx(1.4139648)


def test_adagrads_steps_grow_shorter():
    """Adagrad divides by the root of the sum of all squares: even steps go 1, 1/√2, 1/√3."""
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    optimizer = torch.optim.Adagrad([weight], lr=1.0)
    weight.grad = torch.tensor(5.0, dtype=torch.float64)

    seen = []
    for _ in range(4):
        before = weight.item()
        optimizer.step()
        seen.append(before - weight.item())

    assert seen == pytest.approx([1.0, 0.7071068, 0.5773503, 0.5])


def test_adagrad_by_hand():
    """Adagrad's sum starts at `initial_accumulator_value`; `lr_decay` shortens steps further."""
    gradients = [1.0, -2.0, 4.0, 0.5]
    weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    optimizer = torch.optim.Adagrad([weight], lr=0.5, lr_decay=0.1, initial_accumulator_value=3.0)
    by_hand, total = 2.0, 3.0

    for step, gradient in enumerate(gradients):
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        total += gradient**2
        by_hand -= 0.5 / (1 + step * 0.1) * gradient / (total**0.5 + 1e-10)

    assert weight.item() == pytest.approx(by_hand)
    assert weight.item() == pytest.approx(1.69215349)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Adamax", [-1.0, -2.0, -3.0]),
        ("RAdam", [-1.0, -2.0, -3.0]),
        ("Adadelta", [-0.00316226, -0.00640667, -0.00970746]),
        ("ASGD", [-1.0, -1.999825, -2.999475]),
    ],
)
def test_other_rules_on_an_even_slope(name, path):
    """Adamax and RAdam begin with even steps of `lr`, Adadelta with tiny ones, ASGD decays."""
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    optimizer = getattr(torch.optim, name)([weight], lr=1.0)
    weight.grad = torch.tensor(1.0, dtype=torch.float64)

    seen = []
    for _ in range(3):
        optimizer.step()
        seen.append(weight.item())

    assert seen == pytest.approx(path, rel=1e-5)


@pytest.mark.torch("<2.0")
def test_nadams_step_had_a_wrong_factor():
    """NAdam multiplied one factor too many into its look ahead, and stepped too short."""
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    weight.grad = torch.tensor(1.0, dtype=torch.float64)

    torch.optim.NAdam([weight], lr=1.0).step()

    assert weight.item() == pytest.approx(-1.0495312)


@pytest.mark.torch(">=2.0")
def test_nadam_looks_one_step_ahead():
    """NAdam is Adam with Nesterov's look ahead: the first step is longer than `lr` already."""
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    weight.grad = torch.tensor(1.0, dtype=torch.float64)

    torch.optim.NAdam([weight], lr=1.0).step()

    now, ahead = (0.9 * (1 - 0.5 * 0.96 ** (step * 0.004)) for step in (1, 2))
    assert -weight.item() == pytest.approx(1 + ahead * 0.1 / (1 - now * ahead))
    assert weight.item() == pytest.approx(-1.0564518)


def test_rprop_looks_at_signs_only():
    """Rprop goes 1.2 times as far while the sign stays, stops where it turns, goes half as far."""
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    optimizer = torch.optim.Rprop([weight], lr=1.0)

    seen = []
    for gradient in [5.0, 0.1, -7.0, -0.3]:
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        seen.append(weight.item())

    assert seen == pytest.approx([-1.0, -2.2, -2.2, -1.6])


def test_adam_refuses_sparse_gradients_and_sparse_adam_dense_ones():
    """An embedding with `sparse=True` wants `SparseAdam`, all else `Adam`; each names the other."""
    table = nn.Embedding(3, 1, sparse=True)
    table(torch.tensor([1])).sum().backward()
    weight = nn.Parameter(torch.tensor(0.0))
    weight.grad = torch.tensor(1.0)

    with pytest.raises(RuntimeError, match="please consider SparseAdam instead"):
        torch.optim.Adam(table.parameters()).step()
    with pytest.raises(RuntimeError, match="please consider Adam instead"):
        torch.optim.SparseAdam([weight]).step()


def test_sparse_adam_moves_only_the_rows_that_were_looked_up():
    """`SparseAdam` moves the rows that the batch looked up; the others rest, moments and all."""
    table = nn.Embedding.from_pretrained(torch.zeros(3, 1), freeze=False, sparse=True)
    optimizer = torch.optim.SparseAdam(table.parameters(), lr=0.5)

    table(torch.tensor([1])).sum().backward()
    optimizer.step()
    table.zero_grad()
    table(torch.tensor([2])).sum().backward()
    optimizer.step()

    assert table.weight.tolist()[:2] == [[0.0], pytest.approx([-0.5])]


@pytest.mark.torch(">=2.9")
def test_muon_takes_matrices_only():
    """`Muon` is for matrices: a bias is refused by its shape."""
    with pytest.raises(ValueError, match="Muon only supports 2D parameters"):
        torch.optim.Muon([nn.Parameter(torch.zeros(3))])
