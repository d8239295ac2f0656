"""RMSprop, Adagrad and the rest of the family.

Before Adam there were Adagrad, which divides by the root of the sum of all squared gradients,
and RMSprop, which divides by the root of their running mean. With Adam came Adamax, after it
NAdam, RAdam, and Muon for matrices. `SparseAdam` is for embeddings whose gradients are
sparse. Except for LBFGS, which needs a closure, `SparseAdam` and `Muon`, they are used alike:
to change the rule is to change the name of the class, and then to look for a good learning rate
anew.

What surprises: the learning rates of two rules cannot be compared. With the same `lr` and else the
defaults, RMSprop's first step is ten times as long as Adam's, Adadelta's some three hundred times
shorter; and a rule may refuse gradients or parameters of a kind that another takes.
"""

import pytest
import torch
from torch import nn


@pytest.mark.parametrize(("alpha", "after"), [(0.75, -2.0), (0.99, -10.0)])
def test_rmsprops_first_step_is_longer_than_the_learning_rate(alpha, after):
    """The first step of `torch.optim.RMSprop([weight], lr=1.0)` takes a `weight` of 0.0
    whose gradient is 0.5 to about -10: ten times `lr`, with the default `alpha` of 0.99.
    With `alpha=0.75` the same weight goes from 0.0 to about -2.

    Because its running mean of the squared gradients begins at 0 and, unlike Adam's, isn't
    corrected for it. Start with a smaller rate than for Adam.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    weight.grad = torch.tensor(0.5)

    torch.optim.RMSprop([weight], lr=1.0, alpha=alpha).step()

    assert weight.item() == pytest.approx(after)


def test_rmsprop_by_hand():
    """`RMSprop` with no settings but `lr`, `alpha` and `eps` subtracts from a float64 weight
    `lr * gradient / (sqrt(square) + eps)`, where
    `square = alpha * square + (1 - alpha) * gradient**2` begins at 0.
    """
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
    """For a float64 weight `RMSprop(centered=True, momentum=0.5)` keeps
    `buffer = 0.5 * buffer + gradient / (sqrt(square - mean**2) + eps)` and subtracts
    `lr * buffer`: `square` is the running mean of squared gradients, `mean` that of gradients.

    Both running means start at 0; a step makes `mean` into
    `alpha * mean + (1 - alpha) * gradient`. If the gradient stays the same, `square - mean**2`
    comes close to 0, and rounding can make it negative: the weight becomes nan.
    """
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
    """`torch.optim.Adagrad([w], lr=1.0)` divides the gradient by the root of the sum of its
    squares so far: with `w` at 0 and `w.grad` at 5 in each step, the first four steps lower
    `w` by about 1, 1/√2, 1/√3 and 1/2.

    The sum never shrinks, so that in a long training the steps become very small; RMSprop's
    running mean was made to mend that. `eps`, 1e-10 by default, is added to the root and shortens
    the steps of tiny gradients.
    """
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
    """`torch.optim.Adagrad([w])` starts the sum of the squared gradients of a floating-point `w`
    at `initial_accumulator_value`; if `w` was updated by `n` steps so far, the next step has the
    rate `lr / (1 + n * lr_decay)`.
    """
    gradients = [1.0, -2.0, 4.0, 0.5]
    weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    optimizer = torch.optim.Adagrad([weight], lr=0.5, lr_decay=0.1, initial_accumulator_value=3.0)
    start = optimizer.state[weight]["sum"].item()
    by_hand, total = 2.0, 3.0

    for step, gradient in enumerate(gradients):
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        total += gradient**2
        by_hand -= 0.5 / (1 + step * 0.1) * gradient / (total**0.5 + 1e-10)

    assert start == 3.0
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
def test_other_rules_under_a_constant_gradient(name, path):
    """For a float64 weight of 0 and a constant gradient of 1, with `lr=1.0` and the other
    defaults, the first three steps of `Adamax` and `RAdam` are nearly 1, those of `Adadelta` about
    0.003, and those of `ASGD` shrink slowly from 1.
    """
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
    """Before PyTorch 2.0, the first step of `NAdam` with its default settings was, for a
    gradient of 1, 1.0495 times `lr`; since then it is 1.0565 times.

    Because the product of the momenta up to the next step held the momentum of the present step
    twice. Results of the two releases differ.
    """
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    weight.grad = torch.tensor(1.0, dtype=torch.float64)

    torch.optim.NAdam([weight], lr=1.0).step()

    assert weight.item() == pytest.approx(-1.0495312)


@pytest.mark.torch(">=2.0")
def test_nadam_looks_one_step_ahead():
    """`NAdam` is Adam with Nesterov's momentum: since PyTorch 2.0 its first step with the
    default settings is nearly 1.0565 times `lr` for a gradient of 1, where that of `Adam`
    is nearly `lr`.
    """
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    weight.grad = torch.tensor(1.0, dtype=torch.float64)

    torch.optim.NAdam([weight], lr=1.0).step()

    other = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    other.grad = torch.tensor(1.0, dtype=torch.float64)
    torch.optim.Adam([other], lr=1.0).step()

    now, ahead = (0.9 * (1 - 0.5 * 0.96 ** (step * 0.004)) for step in (1, 2))
    assert -weight.item() == pytest.approx(1 + ahead * 0.1 / (1 - now * ahead))
    assert weight.item() == pytest.approx(-1.0564518)
    assert other.item() == pytest.approx(-1.0)


def test_rprop_looks_at_signs_only():
    """`Rprop([weight], lr=1.0)` of a weight of 0 uses only the signs of the gradients 5, 0.1, -7,
    -0.3. Its first step is -1; the sign stays, and the next is -1.2; the sign changes, and the
    next is 0; then it is 0.6, half of 1.2.

    The rule is meant for the gradient of the whole data set, whose sign doesn't change by
    chance from batch to batch.
    """
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    optimizer = torch.optim.Rprop([weight], lr=1.0)

    seen = []
    for gradient in [5.0, 0.1, -7.0, -0.3]:
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        seen.append(weight.item())

    assert seen == pytest.approx([-1.0, -2.2, -2.2, -1.6])


def test_adam_refuses_sparse_gradients_and_sparse_adam_dense_ones():
    """`Adam.step()` raises RuntimeError, "please consider SparseAdam instead", for the
    sparse gradient of an `nn.Embedding` with `sparse=True`; `SparseAdam.step()` raises
    RuntimeError, "please consider Adam instead", for a dense gradient.

    With the defaults `SGD` and `Adagrad` take both kinds of gradient (in 2.0 `Adagrad` fails if
    the embedding was called without ids); with weight decay or `fused=True` they take dense
    gradients only.
    """
    table = nn.Embedding.from_pretrained(torch.zeros(2, 2), freeze=False, sparse=True)
    table(torch.tensor([1])).sum().backward()
    weight = nn.Parameter(torch.tensor(0.0))
    weight.grad = torch.tensor(1.0)

    with pytest.raises(RuntimeError, match="please consider SparseAdam instead"):
        torch.optim.Adam(table.parameters()).step()
    with pytest.raises(RuntimeError, match="please consider Adam instead"):
        torch.optim.SparseAdam([weight]).step()
    torch.optim.SGD(table.parameters(), lr=0.5).step()
    assert table.weight.tolist() == [[0.0, 0.0], [-0.5, -0.5]]


def test_sparse_adam_moves_only_the_rows_that_were_looked_up():
    """With `table = nn.Embedding(3, 1, sparse=True)`, after a step for row 1 and
    `table.zero_grad()`, `table(torch.tensor([2])).sum().backward()` and `step()` of the same
    `SparseAdam` move only row 2; row 1 and its running mean stay as they are.

    `Adam` with a dense gradient goes on moving a row by its old mean after its last
    look-up.
    """
    table = nn.Embedding.from_pretrained(torch.zeros(3, 1), freeze=False, sparse=True)
    optimizer = torch.optim.SparseAdam(table.parameters(), lr=0.5)

    table(torch.tensor([1])).sum().backward()
    optimizer.step()
    table.zero_grad()
    table(torch.tensor([2])).sum().backward()
    optimizer.step()

    assert table.weight.tolist()[:2] == [[0.0], pytest.approx([-0.5])]
    mean = optimizer.state[table.weight]["exp_avg"]
    assert mean.tolist() == [[0.0], pytest.approx([0.1]), pytest.approx([0.1])]


@pytest.mark.torch(">=2.9")
def test_muon_takes_matrices_only():
    """`torch.optim.Muon`, since PyTorch 2.9, takes parameters with two dimensions: one of
    shape (3,), as a bias has, raises ValueError, "Muon only supports 2D parameters".

    Because its step makes the update matrix roughly orthogonal. Give biases, and the weights of
    convolutions, to a second optimizer such as `AdamW`.
    """
    with pytest.raises(ValueError, match="Muon only supports 2D parameters"):
        torch.optim.Muon([nn.Parameter(torch.zeros(3))])
    optimizer = torch.optim.Muon([nn.Parameter(torch.zeros(3, 2))])
    assert optimizer.param_groups[0]["weight_decay"] == 0.1


@pytest.mark.torch(">=2.5")
def test_adafactor_keeps_a_row_and_a_column_instead_of_a_matrix():
    """Since PyTorch 2.5: after a step on a float32 parameter of shape (3, 4),
    `torch.optim.Adafactor` holds 3 numbers as `row_var` and 4 as `col_var`; `torch.optim.Adam`
    without `amsgrad` holds two matrices of shape (3, 4).

    So the state of Adafactor is small for large matrices. For a vector it keeps one `variance` of
    the parameter's shape.
    """
    weight, other = nn.Parameter(torch.ones(3, 4)), nn.Parameter(torch.ones(3, 4))
    factored, adam = torch.optim.Adafactor([weight]), torch.optim.Adam([other])
    for parameter, optimizer in ((weight, factored), (other, adam)):
        parameter.grad = torch.ones(3, 4)
        optimizer.step()

    state = factored.state[weight]
    assert [state["row_var"].numel(), state["col_var"].numel()] == [3, 4]
    assert [adam.state[other][name].numel() for name in ("exp_avg", "exp_avg_sq")] == [12, 12]
