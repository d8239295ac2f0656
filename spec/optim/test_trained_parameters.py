"""Which parameters are trained.

An optimizer is given the parameters that it is to train when it is made: `net.parameters()`, or
a list of leaf tensors. From then on it holds these very objects. It knows nothing of the net, of
its layers or of its `forward`.

What surprises: an optimizer made before a parameter is replaced, or for a net that is copied
afterwards, does not train the new one; it goes on holding the parameters of a net that is moved
or converted in place, but state that it has made stays on the old device and in the old dtype,
which `Adam` refuses in its next step; and `net.parameters()` is a generator that can be read only
once. Settings for a part of the parameters are the subject of `spec/optim/test_param_groups.py`,
layers that hide in a plain list that of `spec/nn/test_containers.py`.
"""

import copy
import pickle

import pytest
import torch
from torch import nn


def test_parameters_can_be_read_only_once():
    """`net.parameters()` returns a generator: `torch.optim.SGD`, given one that has been
    read to its end, raises ValueError, "optimizer got an empty parameter list".

    Call `net.parameters()` anew for each use, or keep `list(net.parameters())`.
    """
    parameters = nn.Linear(2, 1).parameters()

    assert sum(parameter.numel() for parameter in parameters) == 3
    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        torch.optim.SGD(parameters, lr=0.5)


def test_a_tensor_in_place_of_a_list_is_refused():
    """`torch.optim.SGD(weight, lr=0.5)` of an `nn.Parameter` named `weight` raises TypeError,
    "should be an iterable of Tensors or dicts"; `torch.optim.SGD([weight], lr=0.5)` takes the
    parameter in a list.

    Because iterating over a tensor would give its rows, which are no parameters.
    """
    weight = nn.Parameter(torch.zeros(2))

    with pytest.raises(TypeError, match="should be an iterable of Tensors or dicts, but got torch"):
        torch.optim.SGD(weight, lr=0.5)

    optimizer = torch.optim.SGD([weight], lr=0.5)
    assert len(optimizer.param_groups[0]["params"]) == 1


def test_the_net_itself_and_the_method_are_no_list():
    """`torch.optim.SGD(net)` with an `nn.Linear`, and `SGD(net.parameters)` without `()`
    after the method, raise TypeError, "object is not iterable": write
    `SGD(net.parameters(), lr=0.1)`.

    A non-empty `nn.Sequential` can be iterated over, and is refused because its layers are no
    tensors.
    """
    net = nn.Linear(2, 1)

    with pytest.raises(TypeError, match="'Linear' object is not iterable"):
        torch.optim.SGD(net, lr=0.5)
    with pytest.raises(TypeError, match="'method' object is not iterable"):
        torch.optim.SGD(net.parameters, lr=0.5)
    with pytest.raises(
        TypeError, match="can only optimize Tensors, but one of the params is torch"
    ):
        torch.optim.SGD(nn.Sequential(net), lr=0.5)


def test_the_parameters_of_two_models_go_into_one_list():
    """`Adam([*encoder.parameters(), *decoder.parameters()])` is one optimizer for two
    models that share no parameter; `encoder.parameters() + decoder.parameters()` raises
    TypeError.

    Because `parameters()` is a generator, "unsupported operand type(s) for +"; two
    generators in a list are refused too, "one of the params is Module.parameters".
    `itertools.chain` joins them.
    """
    encoder, decoder = nn.Linear(2, 2), nn.Linear(2, 1)

    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])

    assert len(optimizer.param_groups[0]["params"]) == 4
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \+: 'generator'"):
        encoder.parameters() + decoder.parameters()
    with pytest.raises(TypeError, match=r"but one of the params is Module\.parameters"):
        torch.optim.Adam([encoder.parameters(), decoder.parameters()])


def test_the_result_of_a_calculation_is_refused():
    """`torch.optim.SGD([weight * 1])`, with grad mode on and a trainable `nn.Parameter`
    `weight`, raises ValueError, "can't optimize a non-leaf Tensor".

    Because `backward()` stores gradients in leaves. Hand over `weight`, or make a leaf of
    the result with `detach().requires_grad_()`.
    """
    weight = nn.Parameter(torch.zeros(2))

    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        torch.optim.SGD([weight * 1], lr=0.5)


def test_a_tensor_without_requires_grad_is_taken_and_rests():
    """`torch.optim.SGD` accepts a tensor that doesn't require grad; `backward()` gives it
    no gradient, and `step()` skips it while its `grad` is None.

    `SGD` doesn't say that such a tensor isn't trained. Frozen parameters may therefore be handed
    over with the others. An old gradient would still move it: see `spec/optim/test_zero_grad.py`.
    """
    weight, constant = nn.Parameter(torch.tensor(4.0)), torch.tensor(4.0)
    optimizer = torch.optim.SGD([weight, constant], lr=0.25)

    (weight * constant).backward()
    optimizer.step()

    assert constant.grad is None
    assert weight.item() == 3.0
    assert constant.item() == 4.0


def test_a_shared_weight_is_one_parameter():
    """A weight that two layers share, as after `net[1].weight = net[0].weight`, is listed
    once by `net.parameters()`, so `torch.optim.SGD(net.parameters(), lr=0.5)` holds one
    parameter for it and updates it once per step.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    net[1].weight = net[0].weight
    net[0].weight.data.fill_(4.0)
    net[0].weight.grad = torch.tensor([[1.0]])

    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    optimizer.step()

    assert len(optimizer.param_groups[0]["params"]) == 1
    assert net[1].weight.item() == 3.5


def test_converting_a_net_keeps_its_parameters():
    """`net.double()` on an `nn.Linear` by default replaces the `data` of the parameters and keeps
    the `nn.Parameter` objects, so `SGD(net.parameters(), lr=0.5)`, made before, trains the
    converted net.

    The same holds for a move with `net.to("cuda")`. Better convert before the optimizer is made:
    state that it has made keeps its old dtype, and `Adagrad` makes its state at once.
    """
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    weight = net.weight
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.double()
    net(torch.ones(1, 1).double()).sum().backward()
    optimizer.step()

    assert net.weight is weight
    assert net.weight.dtype == torch.float64
    assert net.weight.item() == 3.5


def test_state_made_before_the_conversion_keeps_its_dtype():
    """The `momentum_buffer` that `SGD(momentum=0.5, foreach=False)` made before
    `net.double()` stays float32 beside its float64 parameter, also after the next `step()`.

    Because `net.double()` converts what the net holds, and the state belongs to the
    optimizer. Move and convert the net first, then make the optimizer.
    """
    net = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.5, foreach=False)
    net(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)

    net.double()
    net(torch.ones(1, 1).double()).sum().backward()
    optimizer.step()

    assert net.weight.dtype == torch.float64
    assert optimizer.state[net.weight]["momentum_buffer"].dtype == torch.float32


@pytest.mark.cuda
def test_an_optimizer_made_before_the_move_follows_to_the_gpu():
    """`net.to("cuda")` by default keeps the `nn.Parameter` objects: an `SGD` made before
    the move, without momentum, trains them on the GPU.
    """
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    weight = net.weight
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.to("cuda")
    net(torch.ones(1, 1, device="cuda")).sum().backward()
    optimizer.step()

    assert net.weight is weight
    assert net.weight.device.type == "cuda"
    assert net.weight.item() == 3.5


@pytest.mark.cuda
def test_state_made_before_the_move_stays_behind():
    """If `SGD(net.parameters(), lr=0.5, momentum=0.5, foreach=False)` has taken a step on
    the CPU, its momentum stays there after `net.to("cuda")`, and the next `step()` with a
    gradient raises RuntimeError.

    Because the move reaches the parameters and not the optimizer's state. Move the net
    before the first step, or reload the state with `load_state_dict`.
    """
    net = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.5, foreach=False)
    net(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)

    net.to("cuda")
    net(torch.ones(1, 1, device="cuda")).sum().backward()

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        optimizer.step()


def test_a_replaced_parameter_is_not_the_optimizers():
    """An optimizer made from `net.parameters()` of an `nn.Linear` doesn't train a new
    `nn.Parameter` that is assigned to `net.weight` later: the optimizer still holds the old
    one.

    It matters when a head is replaced for fine-tuning. Make the optimizer afterwards, or call
    `add_param_group`. `LBFGS` can't use a second group, and `Adagrad` can't in older releases: in
    2.8 its `step()` raises KeyError, "sum".
    """
    net = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.weight = nn.Parameter(torch.tensor([[4.0]]))
    net(torch.ones(1, 1)).sum().backward()
    optimizer.step()

    assert net.weight.item() == 4.0
    assert optimizer.param_groups[0]["params"][0] is not net.weight


def test_a_copied_net_is_not_the_optimizers():
    """`copy.deepcopy(net)` of `net = nn.Linear(1, 1, bias=False)` has a weight of its own: an
    optimizer made for `net` doesn't train the copy.
    """
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    copied = copy.deepcopy(net)
    copied(torch.ones(1, 1)).sum().backward()
    optimizer.step()

    assert copied.weight.item() == 4.0
    assert copied.weight.grad.item() == 1.0
    assert net.weight.grad is None


def test_a_pickled_optimizer_has_parameters_of_its_own():
    """An optimizer pickled without its net, by `pickle.loads(pickle.dumps(optimizer))`,
    comes back with copies of the parameters, which belong to no net.

    Save `optimizer.state_dict()` instead, and load it into an optimizer made for the net.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.5)

    again = pickle.loads(pickle.dumps(optimizer))
    again.param_groups[0]["params"][0].grad = torch.tensor(1.0)
    again.step()

    assert again.param_groups[0]["params"][0].item() == 3.5
    assert weight.item() == 4.0
