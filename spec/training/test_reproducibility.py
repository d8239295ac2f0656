"""Reproducibility: the same numbers again.

`torch.manual_seed` fixes what is drawn afterwards: the initial weights, the order of a shuffle,
what Dropout drops. On one machine, with one release, one number of threads and the same order of
draws, a training on the CPU usually repeats to the last bit. PyTorch does not promise the same
numbers on another machine, with another release, or on a GPU.

What surprises: a seed does not fix everything. One more draw shifts all that follow, floats added
in another order give another sum, some operations leave that order to chance, and memory from
`torch.empty` holds arbitrary values. `torch.use_deterministic_algorithms` refuses operations that
are known to vary. Seeds and generators are told in `spec/tensors/test_random.py`, the seeds of the
workers of a `DataLoader` in `spec/data/test_workers.py`.
"""

import pytest
import torch
from torch import nn


def test_the_same_seed_gives_the_same_training():
    """On the CPU, two runs that call `torch.manual_seed(1)`, build two `nn.Linear` with
    `nn.Dropout` between them and train on `torch.rand(16, 4)` end with the same weights,
    bit for bit; a third run without seeding ends with other weights.
    """

    def train():
        net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 1))
        for _ in range(3):
            x = torch.rand(16, 4)
            grads = torch.autograd.grad(net(x).square().mean(), list(net.parameters()))
            with torch.no_grad():
                for parameter, grad in zip(net.parameters(), grads, strict=True):
                    parameter -= 0.5 * grad
        return net[0].weight

    torch.manual_seed(1)
    first = train()
    torch.manual_seed(1)
    second = train()
    third = train()

    assert torch.equal(first, second) is True
    assert torch.equal(first, third) is False


def test_a_seed_comes_before_the_net():
    """`nn.Linear(2, 2)` draws its weights when it is built: `torch.manual_seed(1)` before
    that line fixes them, a seed set afterwards doesn't.

    Seed on the first lines of the script, before the net is built and the data are
    shuffled.
    """
    torch.manual_seed(1)
    before = nn.Linear(2, 2)
    torch.manual_seed(1)
    again = nn.Linear(2, 2)
    late = nn.Linear(2, 2)
    torch.manual_seed(1)

    assert torch.equal(before.weight, again.weight) is True
    assert torch.equal(before.weight, late.weight) is False


def test_one_more_draw_shifts_all_that_follow():
    """On the CPU an `nn.Linear(2, 2)` built between `torch.manual_seed(1)` and a second
    `nn.Linear(2, 2)` changes the initial weights of the second; an `nn.ReLU()` built there
    doesn't.

    Because both `nn.Linear` draw from one generator in turn, and `nn.ReLU` draws nothing. To
    compare two nets, copy the weights of each common layer:
    `new_layer.load_state_dict(old_layer.state_dict())`.
    """
    torch.manual_seed(1)
    plain = nn.Sequential(nn.Linear(2, 2))
    torch.manual_seed(1)
    longer = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    torch.manual_seed(1)
    with_relu = nn.Sequential(nn.ReLU(), nn.Linear(2, 2))

    assert torch.equal(plain[0].weight, longer[0].weight) is True
    assert torch.equal(plain[0].weight, longer[1].weight) is False
    assert torch.equal(plain[0].weight, with_relu[1].weight) is True


def test_a_generator_of_its_own_keeps_the_order_of_the_samples():
    """`torch.randperm(6, generator=own)` after `own = torch.Generator().manual_seed(7)` is
    the same whether or not `nn.Dropout()(torch.ones(3))` ran in between;
    `torch.randperm(6)` after `torch.manual_seed(7)` is not.

    So give a `DataLoader` with `shuffle=True` a `generator` of its own: the order of the
    samples then doesn't depend on the net.
    """
    own = torch.Generator().manual_seed(7)
    torch.manual_seed(7)
    by_own, by_default = torch.randperm(6, generator=own), torch.randperm(6)

    own.manual_seed(7)
    torch.manual_seed(7)
    nn.Dropout()(torch.ones(3))
    by_own_again, by_default_again = torch.randperm(6, generator=own), torch.randperm(6)

    assert torch.equal(by_own, by_own_again) is True
    assert torch.equal(by_default, by_default_again) is False


def test_a_sum_depends_on_its_order():
    """Addition of float32 tensors rounds after each step, so the order matters: with
    `x = torch.tensor([1e8, 1.0, -1e8])`, `(x[0] + x[1]) + x[2]` is 0 and `(x[0] + x[2]) + x[1]` is
    1.

    So another batch size, number of threads or device, which add in another order, may
    change the last bits of a result.
    """
    x = torch.tensor([1e8, 1.0, -1e8])

    in_order = (x[0] + x[1]) + x[2]
    other_order = (x[0] + x[2]) + x[1]

    assert in_order.item() == 0.0
    assert other_order.item() == 1.0


def test_deterministic_mode_refuses_what_depends_on_chance():
    """`torch.set_deterministic_debug_mode("error")` makes `x.put_(index, values)` of CPU
    tensors raise RuntimeError, "put_ does not have a deterministic implementation"; with
    `accumulate=True` it still runs.

    Because a repeated index would leave open which value stays; `put_` raises for an index without
    repeats too. `torch.use_deterministic_algorithms(True)` makes `put_` raise the same error.
    """
    x = torch.zeros(2)
    index, values = torch.tensor([1, 1]), torch.tensor([3.0, 4.0])

    torch.set_deterministic_debug_mode("error")
    with pytest.raises(RuntimeError, match="put_ does not have a deterministic implementation"):
        x.put_(index, values)
    x.put_(index, values, accumulate=True)
    torch.set_deterministic_debug_mode("default")

    assert x.tolist() == [0.0, 7.0]


def test_deterministic_mode_can_warn_instead():
    """With `torch.set_deterministic_debug_mode("warn")`, `x.put_(index, values)` runs and
    warns, "put_ does not have a deterministic implementation".

    So one run of a training warns of those of its operations that PyTorch knows to have no
    deterministic implementation. Most operations that have one use it without a warning; the
    backward pass of `F.scaled_dot_product_attention` on a GPU may warn all the same.
    """
    x = torch.zeros(2)

    torch.set_deterministic_debug_mode("warn")
    with pytest.warns(UserWarning, match="put_ does not have a deterministic implementation"):
        x.put_(torch.tensor([1]), torch.tensor([3.0]))
    torch.set_deterministic_debug_mode("default")

    assert x.tolist() == [0.0, 3.0]


@pytest.mark.parametrize(
    ("mode", "enabled", "warns", "number"),
    [("default", False, False, 0), ("warn", True, True, 1), ("error", True, False, 2)],
)
def test_deterministic_mode_has_three_degrees(mode, enabled, warns, number):
    """`torch.set_deterministic_debug_mode` takes `"default"`, `"warn"` and `"error"`;
    `torch.get_deterministic_debug_mode()` then returns 0, 1 and 2, and deterministic
    algorithms are off by default.
    """
    before = torch.are_deterministic_algorithms_enabled()
    torch.set_deterministic_debug_mode(mode)
    found = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.get_deterministic_debug_mode(),
    )
    torch.set_deterministic_debug_mode("default")

    assert before is False
    assert found == (enabled, warns, number)


@pytest.mark.torch(">=2.1")
@pytest.mark.parametrize(
    ("dtype", "filling"),
    [
        (torch.float32, "[nan, nan]"),
        (torch.bfloat16, "[nan, nan]"),
        (torch.int8, "[127, 127]"),
        (torch.uint8, "[255, 255]"),
        (torch.int64, "[9223372036854775807, 9223372036854775807]"),
        (torch.bool, "[True, True]"),
    ],
)
def test_in_deterministic_mode_empty_memory_is_filled(dtype, filling):
    """Since PyTorch 2.1, after `torch.set_deterministic_debug_mode("error")`, `torch.empty`
    fills its memory by default: float32 and bfloat16 with NaN, int8, uint8 and int64 with
    the largest value of the dtype, bool with True.

    So reading memory that was never written shows up, in floats as NaN. From PyTorch 2.2 on
    `torch.utils.deterministic.fill_uninitialized_memory = False` turns it off.
    """
    torch.set_deterministic_debug_mode("error")
    x = torch.empty(2, dtype=dtype)
    torch.set_deterministic_debug_mode("default")

    assert str(x.tolist()) == filling


def test_cudnn_chooses_by_rule_unless_told_to_measure():
    """`torch.backends.cudnn.benchmark` and `deterministic` are False by default;
    `with torch.backends.cudnn.flags(enabled=True, deterministic=True)` sets `deterministic` to
    True in its block.

    With `benchmark=True` cuDNN times several algorithms and takes the fastest, so that two runs may
    use different ones. `flags` also sets the options that it is not given: without `enabled=True`
    it switches cuDNN off in the block.
    """
    benchmark = torch.backends.cudnn.benchmark
    with torch.backends.cudnn.flags(enabled=True, deterministic=True):
        inside = torch.backends.cudnn.deterministic
        enabled = torch.backends.cudnn.enabled
    with torch.backends.cudnn.flags(deterministic=True):
        not_told = torch.backends.cudnn.enabled

    assert benchmark is False
    assert inside is True
    assert enabled is True
    assert not_told is False
    assert torch.backends.cudnn.deterministic is False
