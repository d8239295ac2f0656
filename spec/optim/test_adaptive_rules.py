"""Adam and AdamW.

Plain gradient descent takes long steps along steep directions and short ones along flat
directions. The adaptive rules divide the step of each weight by a running measure of the size of
its own gradients, so that every weight moves at about the same speed. Adam, the best known of
them, divides a running mean of the gradients by the root of a running mean of their squares; both
begin at 0, which a bias correction makes up for.

What surprises: for Adam the learning rate is, nearly, the length of the first step, and the size of
the loss hardly matters; its `weight_decay` is not what the papers mean by the words: `AdamW` has
that; and `AdamW` has a `weight_decay` of 0.01 without being asked. What Adam keeps for each
parameter is told in `spec/optim/test_optimizer_state.py`.
"""

import pytest
import torch
from torch import nn


def test_adams_first_step_has_the_length_of_the_learning_rate(device):
    """The first step of `torch.optim.Adam`, with no setting but `lr`, moves a float32
    weight of 0 by nearly `lr` against the sign of the gradient, be the gradient 1000 or
    -0.001; a gradient of 0 moves nothing.

    Because the mean of one gradient, divided by the root of the mean of one square, is its sign.
    Gradients near `eps`, 1e-8, or below move a weight less, and one of 1e25, for which even 0.001
    times the square overflows, doesn't move it.
    """
    weight = nn.Parameter(torch.zeros(3, device=device))
    weight.grad = torch.tensor([1000.0, -0.001, 0.0], device=device)

    torch.optim.Adam([weight], lr=0.5).step()

    assert weight.tolist() == pytest.approx([-0.5, 0.5, 0.0], rel=1e-4)


def test_a_gradient_whose_square_overflows_moves_nothing():
    """`torch.optim.Adam([weight], lr=0.5)` doesn't move a float32 `weight` for a gradient of 1e25:
    the running mean of the squares, by whose root the step is divided, becomes inf. Nor does a
    gradient of 1 move it in the next step.

    Because the mean stays inf, and the weight is stuck without an error: even a thousandth of the
    square, 1e47, is beyond the largest float32, about 3e38. Clip gradients before `step()` by
    `torch.nn.utils.clip_grad_value_`: for several gradients of 1e25 the norm is inf already, and
    `clip_grad_norm_` makes them 0. See `spec/optim/test_clipping.py`.
    """
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight], lr=0.5)

    weight.grad = torch.tensor([1e25])
    optimizer.step()
    weight.grad = torch.tensor([1.0])
    optimizer.step()

    assert weight.tolist() == [0.0]
    assert optimizer.state[weight]["exp_avg_sq"].tolist() == [float("inf")]


def test_adam_does_not_care_for_the_size_of_the_loss():
    """With `torch.optim.Adam`, given no setting but `lr`, two float64 weights that start at
    4, on the losses `w**2` and `1000 * w**2`, take nearly the same path, as long as the
    gradients are far larger than `eps`, 1e-8.

    Because numerator and divisor grow alike. A factor before the loss therefore doesn't act
    as a larger learning rate, as it does with `SGD`.
    """
    weights = nn.Parameter(torch.tensor([4.0, 4.0], dtype=torch.float64))
    optimizer = torch.optim.Adam([weights], lr=0.5)

    for _ in range(3):
        optimizer.zero_grad()
        (weights[0] ** 2 + 1000 * weights[1] ** 2).backward()
        optimizer.step()

    assert weights.tolist() == pytest.approx([2.5111003, 2.5111003])


def test_eps_shortens_the_step_of_a_tiny_gradient():
    """`torch.optim.Adam` adds `eps`, by default 1e-8, to the divisor: with no setting but
    `lr` a first gradient of 1e-8 moves a float64 weight of 0 by half of `lr`, one of 1e-6
    by 99 % of it.
    """
    weight = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    weight.grad = torch.tensor([1e-8, 1e-6], dtype=torch.float64)

    torch.optim.Adam([weight], lr=1.0).step()

    assert weight.tolist() == pytest.approx([-0.5, -0.990099])


def test_adam_by_hand():
    """Step t of `torch.optim.Adam([w], lr, (b1, b2), eps)` subtracts
    `lr * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)` from a float64 `w`, up to rounding:
    `m = b1 * m + (1 - b1) * w.grad`, `v = b2 * v + (1 - b2) * w.grad**2` start at 0.
    """
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
    """`torch.optim.Adam(amsgrad=True)` divides its step by the root of the largest running mean of
    squares so far: with `lr=1.0` and `betas=(0.5, 0.5)` the gradients 10, 1, 1 move a float32
    weight from 0 to -1.79; plain Adam moves it to -2.27.

    So after one large gradient its steps stay short.
    """
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


def test_adams_weight_decay_loses_its_strength_in_the_division():
    """`torch.optim.Adam` by default adds `weight_decay` times the weight to the gradient, then
    divides the sum by its root mean square: with `lr=0.5`, `weight_decay=0.001` the first step
    moves a float32 weight of 4 with gradient 0 to nearly 3.5.

    Because the division takes the size of the decay out again. For a decay whose strength
    can be chosen use `AdamW`.
    """
    weight = nn.Parameter(torch.tensor([4.0, 4.0]))
    weight.grad = torch.tensor([0.0, 1.0])

    torch.optim.Adam([weight], lr=0.5, weight_decay=0.001).step()

    assert weight.tolist() == pytest.approx([3.5, 3.5], rel=1e-4)


def test_adamw_shrinks_the_weight_by_a_fixed_part():
    """`torch.optim.AdamW` multiplies each float32 weight that has a gradient by
    `1 - lr * weight_decay` in each step, before Adam's own step. With the default `eps` nothing
    else moves the weight as long as each gradient so far was zero.

    The decay depends on `lr`: a schedule that lowers the rate lowers the decay with it. If each
    gradient so far was zero, Adam's own step is 0 / 0 with `eps=0`.
    """
    weight = nn.Parameter(torch.tensor([4.0, -4.0]))
    optimizer = torch.optim.AdamW([weight], lr=0.5, weight_decay=0.5)
    weight.grad = torch.tensor([0.0, 0.0])

    optimizer.step()
    once = weight.tolist()
    optimizer.step()

    assert once == [3.0, -3.0]
    assert weight.tolist() == [2.25, -2.25]


def test_adamw_by_hand():
    """In each step `torch.optim.AdamW` first multiplies a float64 weight that has a
    gradient by `1 - lr * weight_decay`, then takes Adam's step, whose running means contain
    no decay.
    """
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


@pytest.mark.spare("[weight]", reason="a parameter listed twice changes no default")
def test_adamw_decays_without_being_asked():
    """`torch.optim.AdamW` has a default `weight_decay` of 0.01; `SGD`, `Adam`, `RMSprop`
    and `Adagrad` have one of 0.

    `Muon`, since PyTorch 2.9, has a default of 0.1. Say `weight_decay=0.0` to have none.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    sgd = torch.optim.SGD([weight], lr=0.5)

    assert torch.optim.AdamW([weight]).defaults["weight_decay"] == 0.01
    assert sgd.defaults["weight_decay"] == 0
    assert torch.optim.Adam([weight]).defaults["weight_decay"] == 0
    assert torch.optim.RMSprop([weight]).defaults["weight_decay"] == 0
    assert torch.optim.Adagrad([weight]).defaults["weight_decay"] == 0


def test_each_beta_is_below_one():
    """`torch.optim.Adam([weight], betas=(1.0, 0.999))` raises ValueError, "Invalid beta
    parameter at index 0", and `betas=(0.9, 1.5)` raises it for index 1: each beta given as
    a keyword argument has to be below 1.

    Because a running mean with beta 1 would never take in a gradient. The defaults are 0.9
    and 0.999. In the dict of a group, betas aren't looked at.
    """
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(ValueError, match="Invalid beta parameter at index 0"):
        torch.optim.Adam([weight], betas=(1.0, 0.999))
    with pytest.raises(ValueError, match="Invalid beta parameter at index 1"):
        torch.optim.Adam([weight], betas=(0.9, 1.5))
    in_a_group = torch.optim.Adam([{"params": [weight], "betas": (1.0, 0.999)}])
    assert in_a_group.param_groups[0]["betas"] == (1.0, 0.999)


def test_betas_are_two_numbers():
    """`torch.optim.Adam(..., betas=0.9)`, one number instead of two, raises TypeError,
    "'float' object is not subscriptable".

    Write `betas=(0.9, 0.999)`.
    """
    with pytest.raises(TypeError, match="'float' object is not subscriptable"):
        torch.optim.Adam([nn.Parameter(torch.tensor(0.0))], betas=0.9)


@pytest.mark.torch("<2.6")
def test_a_whole_number_was_a_beta_too():
    """Before PyTorch 2.6, `torch.optim.Adam` accepted `betas=(0, 0.9)`, an int
    beside a float, as is common in the training of GANs.
    """
    optimizer = torch.optim.Adam([nn.Parameter(torch.tensor(0.0))], betas=(0, 0.9))

    assert optimizer.defaults["betas"] == (0, 0.9)


@pytest.mark.torch(">=2.6")
def test_a_whole_number_is_no_beta():
    """Since PyTorch 2.6, `torch.optim.Adam` raises ValueError for `betas=(0, 0.9)`, an int
    beside a float: both have to be floats, as in `(0.0, 0.9)`, or both tensors.

    Code for adversarial training often has 0 as the first beta: write `0.0`.
    """
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(ValueError, match="betas must be either both floats or both Tensors"):
        torch.optim.Adam([weight], betas=(0, 0.9))

    optimizer = torch.optim.Adam([weight], betas=(0.0, 0.9))
    as_tensors = torch.optim.Adam([weight], betas=(torch.tensor(0.0), torch.tensor(0.5)))
    assert list(optimizer.defaults["betas"]) == [0.0, 0.9]
    assert [beta.item() for beta in as_tensors.defaults["betas"]] == [0.0, 0.5]
