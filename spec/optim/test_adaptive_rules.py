"""Steps that adapt to each weight: Adam and its relatives.

Plain gradient descent takes long steps along steep directions and short ones along flat
directions. The adaptive rules divide each weight's gradient by a running measure of its own size,
so that every weight moves at about the same speed. For these rules the learning rate is, nearly,
the length of a step.

What surprises newcomers: the size of the loss hardly matters to Adam; its `weight_decay` is not
what the papers mean by the words, `AdamW` has that; and a rule's small print (`eps`, `alpha`,
`betas`) decides how long the very first step is.
"""

import pytest
import torch
from torch import nn


def test_adams_first_step_has_the_length_of_the_learning_rate(device):
    """Adam's first step is `lr` against the gradient's sign, whether it is huge or tiny."""
    weight = nn.Parameter(torch.zeros(3, device=device))
    weight.grad = torch.tensor([1000.0, -0.001, 0.0], device=device)

    torch.optim.Adam([weight], lr=0.5).step()

    assert weight.tolist() == pytest.approx([-0.5, 0.5, 0.0], rel=1e-4)


def test_adam_does_not_care_for_the_size_of_the_loss():
    """A loss a thousand times as large leads Adam along the same path."""
    weights = nn.Parameter(torch.tensor([4.0, 4.0], dtype=torch.float64))
    optimizer = torch.optim.Adam([weights], lr=0.5)

    for _ in range(3):
        optimizer.zero_grad()
        (weights[0] ** 2 + 1000 * weights[1] ** 2).backward()
        optimizer.step()

    assert weights.tolist() == pytest.approx([2.5111003, 2.5111003])


def test_eps_shortens_the_step_of_a_tiny_gradient():
    """`eps`, 1e-8, is added to the gradient's size: a gradient just as small moves half a step."""
    weight = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    weight.grad = torch.tensor([1e-8, 1e-6], dtype=torch.float64)

    torch.optim.Adam([weight], lr=1.0).step()

    assert weight.tolist() == pytest.approx([-0.5, -0.990099])


def test_adam_by_hand():
    """Adam divides a running mean of gradients by the root of a running mean of their squares."""
    gradients = [1.0, -2.0, 4.0, 0.5]
    weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], lr=0.1, betas=(0.9, 0.999), eps=1e-8)
    by_hand, mean, square = 2.0, 0.0, 0.0

    for step, gradient in enumerate(gradients, 1):
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        # Both began at 0 and are too small at first, which is what the divisions make up for.
        unbiased = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        by_hand -= 0.1 * unbiased[0] / (unbiased[1] ** 0.5 + 1e-8)

    assert weight.item() == pytest.approx(by_hand)
    assert weight.item() == pytest.approx(1.85416499)


def test_amsgrad_never_forgets_the_largest_gradient():
    """With `amsgrad=True` the divisor never shrinks: after one large gradient steps stay short."""
    adam = nn.Parameter(torch.tensor(0.0))
    cautious = nn.Parameter(torch.tensor(0.0))
    first = torch.optim.Adam([adam], lr=1.0, betas=(0.5, 0.5))
    second = torch.optim.Adam([cautious], lr=1.0, betas=(0.5, 0.5), amsgrad=True)

    for gradient in [10.0, 1.0, 1.0]:
        adam.grad = cautious.grad = torch.tensor(gradient)
        first.step()
        second.step()

    assert adam.item() == pytest.approx(-2.2733729)
    assert cautious.item() == pytest.approx(-1.7922695)


def test_adams_weight_decay_is_swallowed_by_its_own_division():
    """Adam's `weight_decay` goes through the division: its strength is lost in the first step."""
    weight = nn.Parameter(torch.tensor([4.0, 4.0]))
    weight.grad = torch.tensor([0.0, 1.0])

    torch.optim.Adam([weight], lr=0.5, weight_decay=0.001).step()

    assert weight.tolist() == pytest.approx([3.5, 3.5], rel=1e-4)


def test_adamw_shrinks_the_weight_by_a_fixed_part():
    """`AdamW` multiplies the weight by `1 - lr * weight_decay`, whatever the gradient is."""
    weight = nn.Parameter(torch.tensor([4.0, -4.0]))
    optimizer = torch.optim.AdamW([weight], lr=0.5, weight_decay=0.5)
    weight.grad = torch.tensor([0.0, 0.0])

    optimizer.step()
    once = weight.tolist()
    optimizer.step()

    assert once == [3.0, -3.0]
    assert weight.tolist() == [2.25, -2.25]


def test_adamw_by_hand():
    """`AdamW` is Adam's step after the weight was shrunk; Adam's moments never see the decay."""
    gradients = [1.0, -2.0, 4.0, 0.5]
    weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    optimizer = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.5)
    by_hand, mean, square = 2.0, 0.0, 0.0

    for step, gradient in enumerate(gradients, 1):
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        by_hand *= 1 - 0.1 * 0.5
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        unbiased = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        by_hand -= 0.1 * unbiased[0] / (unbiased[1] ** 0.5 + 1e-8)

    assert weight.item() == pytest.approx(by_hand)
    assert weight.item() == pytest.approx(1.49596876)


def test_only_adamw_decays_without_being_asked():
    """`AdamW` decays by 0.01 unless told otherwise, `Adam` and the rest don't decay."""
    weight = nn.Parameter(torch.tensor(0.0))

    assert torch.optim.AdamW([weight]).defaults["weight_decay"] == 0.01
    assert torch.optim.Adam([weight]).defaults["weight_decay"] == 0
    assert torch.optim.RMSprop([weight]).defaults["weight_decay"] == 0


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


def test_each_beta_is_below_one():
    """Each of the two `betas` is below 1; the error says which is not."""
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(ValueError, match="Invalid beta parameter at index 0"):
        torch.optim.Adam([weight], betas=(1.0, 0.999))
    with pytest.raises(ValueError, match="Invalid beta parameter at index 1"):
        torch.optim.Adam([weight], betas=(0.9, 1.5))


def test_betas_are_two_numbers():
    """A single number for `betas` is a TypeError about a subscript."""
    with pytest.raises(TypeError, match="'float' object is not subscriptable"):
        torch.optim.Adam([nn.Parameter(torch.tensor(0.0))], betas=0.9)


@pytest.mark.torch("<2.6")
def test_a_whole_number_was_a_beta_too():
    """`betas=(0, 0.9)`, common in adversarial training, was accepted."""
    optimizer = torch.optim.Adam([nn.Parameter(torch.tensor(0.0))], betas=(0, 0.9))

    assert optimizer.defaults["betas"] == (0, 0.9)


@pytest.mark.torch(">=2.6")
def test_a_whole_number_is_no_beta():
    """`betas=(0, 0.9)` is refused: both have to be floats, as in `(0.0, 0.9)`."""
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(ValueError, match="betas must be either both floats or both Tensors"):
        torch.optim.Adam([weight], betas=(0, 0.9))

    optimizer = torch.optim.Adam([weight], betas=(0.0, 0.9))
    assert list(optimizer.defaults["betas"]) == [0.0, 0.9]
