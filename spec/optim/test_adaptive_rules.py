"""Adam and AdamW.

Plain gradient descent takes long steps along steep directions and short ones along flat
directions. The adaptive rules divide each weight's gradient by a running measure of its own size,
so that every weight moves at about the same speed. Adam is the best known of them.

What surprises newcomers: for Adam the learning rate is, nearly, the length of a step, and the size
of the loss hardly matters; and its `weight_decay` is not what the papers mean by the words: `AdamW`
has that.
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
