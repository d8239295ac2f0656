"""Gradient descent.

Training is one rule repeated: move every weight a little against its gradient. `torch.optim.SGD`
is that rule, `weight - lr * gradient`. "Stochastic" is only what the caller makes of it, by handing
over gradients of random batches.

What surprises newcomers: `step()` reads gradients and changes weights, never the other way round;
the old gradients stay; and the learning rate is not a maximum length of the step, a gradient of
1000 makes it a thousand times as long.
"""

import pytest
import torch
from torch import nn


@pytest.mark.claim("blitz-sgd-rule")
def test_sgd_subtracts_the_learning_rate_times_the_gradient(device):
    """Plain `SGD` moves a weight to `weight - lr * gradient`, and that is all it does."""
    weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0], device=device))
    weight.grad = torch.tensor([0.5, -1.0, 0.0], device=device)

    torch.optim.SGD([weight], lr=0.5).step()

    assert weight.tolist() == [0.75, 2.5, 3.0]


@pytest.mark.claim("blitz-manual-update-loop")
def test_a_loop_over_the_parameters_does_by_hand_what_sgd_does():
    """A loop that subtracts in place from each parameter's `.data` is plain SGD by hand."""
    net = nn.Linear(2, 1)
    net.weight.data = torch.tensor([[3.0, 4.0]])
    net.bias.data = torch.tensor([1.0])
    net(torch.tensor([100.0, 200.0])).backward()

    for parameter in net.parameters():
        parameter.data.sub_(parameter.grad.data * 0.01)

    assert net.weight.tolist() == [[2.0, 2.0]]
    assert net.bias.tolist() == pytest.approx([0.99])


def test_the_loop_by_hand_is_written_under_no_grad_today():
    """Today the loop by hand is written under `no_grad`, where parameters may be changed."""
    net = nn.Linear(2, 1, bias=False)
    net.weight.data = torch.tensor([[3.0, 4.0]])
    net(torch.tensor([8.0, 16.0])).backward()

    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= 0.125 * parameter.grad

    assert net.weight.tolist() == [[2.0, 2.0]]
    assert net.weight.requires_grad is True


def test_without_no_grad_the_loop_by_hand_is_refused():
    """Without `no_grad` the in-place update is refused, and the weight stays."""
    weight = nn.Parameter(torch.tensor(3.0))
    weight.grad = torch.tensor(8.0)

    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in"):
        weight -= 0.125 * weight.grad

    assert weight.item() == 3.0


def test_assigning_the_difference_makes_another_tensor_and_leaves_the_net_alone():
    """`weight = weight - lr * grad` only gives a name to a new tensor: the net stays as it was."""
    net = nn.Linear(1, 1)
    net.weight.data = torch.tensor([[3.0]])
    net.weight.grad = torch.tensor([[8.0]])

    weight = net.weight
    weight = weight - 0.125 * weight.grad

    assert weight.item() == 2.0
    assert weight.is_leaf is False
    assert net.weight.item() == 3.0


@pytest.mark.claim("blitz-workflow-updates-gradients")
def test_the_step_changes_the_weights_and_leaves_the_gradients():
    """`step()` updates the weights; the gradients it only reads, and leaves as they were."""
    weight = nn.Parameter(torch.tensor([4.0]))
    weight.grad = torch.tensor([1.0])

    torch.optim.SGD([weight], lr=0.5, momentum=0.5, weight_decay=0.25).step()

    assert weight.tolist() == [3.0]
    assert weight.grad.tolist() == [1.0]


def test_the_step_writes_into_the_parameter_itself():
    """`step()` works in place: the net holds the same Parameter object, in the same memory."""
    net = nn.Linear(1, 1)
    net.weight.data = torch.tensor([[4.0]])
    net.weight.grad = torch.tensor([[1.0]])
    weight, memory = net.weight, net.weight.data_ptr()

    torch.optim.SGD(net.parameters(), lr=0.5).step()

    assert net.weight is weight
    assert net.weight.data_ptr() == memory
    assert net.weight.item() == 3.5


@pytest.mark.parametrize(
    ("lr", "path"),
    [
        (0.25, [2.0, 1.0, 0.5]),
        (0.5, [0.0, 0.0, 0.0]),
        (1.0, [-4.0, 4.0, -4.0]),
        (1.5, [-8.0, 16.0, -32.0]),
    ],
)
def test_the_learning_rate_decides_whether_descent_arrives(lr, path):
    """On the parabola `w**2` a small rate creeps down, 0.5 arrives, 1 swings, more explodes."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=lr)

    seen = []
    for _ in range(3):
        optimizer.zero_grad()
        (weight**2).backward()
        optimizer.step()
        seen.append(weight.item())

    assert seen == path


def test_maximize_climbs():
    """`maximize=True` adds instead of subtracting: the objective grows."""
    weight = nn.Parameter(torch.tensor([1.0]))
    weight.grad = torch.tensor([0.5])

    torch.optim.SGD([weight], lr=0.5, maximize=True).step()

    assert weight.tolist() == [1.25]


@pytest.mark.claim("blitz-optim-algorithms")
@pytest.mark.parametrize(
    ("name", "options", "after"),
    [
        ("SGD", {}, 3.0),
        ("SGD", {"momentum": 0.5, "nesterov": True}, 2.5),
        ("Adam", {}, 3.875),
        ("RMSprop", {"alpha": 0.75}, 3.75),
    ],
)
def test_torch_optim_offers_sgd_nesterov_adam_and_rmsprop(name, options, after):
    """SGD, Nesterov's SGD, Adam and RMSprop are in `torch.optim`; Nesterov is an option of SGD."""
    weight = nn.Parameter(torch.tensor(4.0))
    weight.grad = torch.tensor(8.0)

    getattr(torch.optim, name)([weight], lr=0.125, **options).step()

    assert weight.item() == pytest.approx(after)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": -0.1}, "Invalid learning rate: -0.1"),
        ({"momentum": -1}, "Invalid momentum value: -1"),
        ({"weight_decay": -1}, "Invalid weight_decay value: -1"),
        ({"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, words):
    """Negative settings are refused, and so is Nesterov's rule without a momentum."""
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(ValueError, match=words):
        torch.optim.SGD([weight], **{"lr": 0.1} | options)


def test_a_learning_rate_read_as_text_is_refused():
    """A rate that came from a file or the command line as text is no number yet."""
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(TypeError, match="'<' not supported between instances of 'str' and 'float'"):
        torch.optim.SGD([weight], lr="0.1")

    assert torch.optim.SGD([weight], lr=float("0.1")).defaults["lr"] == 0.1


def test_the_learning_rate_is_called_lr():
    """The rate's name is `lr`; an option by another name is refused."""
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(TypeError, match="unexpected keyword argument 'learning_rate'"):
        torch.optim.SGD([weight], learning_rate=0.1)


@pytest.mark.torch("<2.2")
def test_sgd_wanted_a_learning_rate():
    """`SGD` had no default learning rate: leaving it out was an error."""
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(ValueError, match="didn't specify a value of required optimization param"):
        torch.optim.SGD([weight])


@pytest.mark.torch(">=2.3")
def test_sgd_has_a_small_default_learning_rate():
    """Without `lr`, `SGD` takes 0.001: forgetting it is no error any more, only slow."""
    weight = nn.Parameter(torch.tensor(0.0))

    assert torch.optim.SGD([weight]).param_groups[0]["lr"] == 0.001


def test_whole_numbers_cannot_be_trained():
    """A tensor of integers can be handed over, but the first step is an error."""
    weight = torch.tensor([1, 2])
    weight.grad = torch.tensor([1, 1])
    optimizer = torch.optim.SGD([weight], lr=0.5)

    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        optimizer.step()

    assert weight.tolist() == [1, 2]
