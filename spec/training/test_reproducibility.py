"""The same numbers again.

A seed fixes what is drawn: the first weights, the order of the samples, what Dropout drops. On
one machine, with one release and the same order of draws, a training then repeats to the last bit.

It does not fix everything. Floats added in another order give another sum, some operations leave
that order to chance, and memory that was never written holds anything. PyTorch can be told to
refuse such operations instead.
"""

import pytest
import torch
from torch import nn


def test_the_same_seed_gives_the_same_training():
    """Seeded alike, two trainings end with the same weights, bit for bit; a third one does not."""

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
    """A net draws its weights when it is built: a seed set afterwards is too late for them."""
    torch.manual_seed(1)
    before = nn.Linear(2, 2)
    torch.manual_seed(1)
    again = nn.Linear(2, 2)
    late = nn.Linear(2, 2)
    torch.manual_seed(1)

    assert torch.equal(before.weight, again.weight) is True
    assert torch.equal(before.weight, late.weight) is False


def test_one_more_draw_shifts_all_that_follow():
    """A layer added in front leaves the seed and changes the weights of each layer behind it."""
    torch.manual_seed(1)
    plain = nn.Sequential(nn.Linear(2, 2))
    torch.manual_seed(1)
    longer = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))

    assert torch.equal(plain[0].weight, longer[0].weight) is True
    assert torch.equal(plain[0].weight, longer[1].weight) is False


def test_a_generator_of_its_own_keeps_the_order_of_the_samples():
    """A shuffle with its own generator does not mind what else is drawn; the default one does."""
    own = torch.Generator().manual_seed(7)
    torch.manual_seed(7)
    by_own, by_default = torch.randperm(6, generator=own), torch.randperm(6)

    own.manual_seed(7)
    torch.manual_seed(7)
    nn.Dropout()(torch.ones(3))
    by_own_again, by_default_again = torch.randperm(6, generator=own), torch.randperm(6)

    assert torch.equal(by_own, by_own_again) is True
    assert torch.equal(by_default, by_default_again) is False


def test_dropout_repeats_with_the_state_of_the_generator():
    """The mask of Dropout is drawn anew each time; with the state put back it is the same."""
    layer = nn.Dropout()
    x = torch.ones(100)

    with torch.random.fork_rng():
        first = layer(x)
        other = layer(x)
    same = layer(x)

    assert torch.equal(first, same) is True
    assert torch.equal(first, other) is False


def test_a_sum_depends_on_its_order():
    """Floats round at every step: what batch size, threads or a GPU change is the last bits."""
    x = torch.tensor([1e8, 1.0, -1e8])

    in_order = (x[0] + x[1]) + x[2]
    other_order = (x[0] + x[2]) + x[1]

    assert in_order.item() == 0.0
    assert other_order.item() == 1.0


def test_deterministic_mode_refuses_what_depends_on_chance():
    """Two numbers `put_` in one place, which one stays? The mode `error` refuses that by name."""
    x = torch.zeros(2)
    index, values = torch.tensor([1, 1]), torch.tensor([3.0, 4.0])

    torch.set_deterministic_debug_mode("error")
    with pytest.raises(RuntimeError, match="put_ does not have a deterministic implementation"):
        x.put_(index, values)
    x.put_(index, values, accumulate=True)  # a sum is the same, whichever comes first
    torch.set_deterministic_debug_mode("default")

    assert x.tolist() == [0.0, 7.0]


def test_deterministic_mode_can_warn_instead():
    """In the mode `warn` the operation is run, and one learns where chance comes in."""
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
    """The modes are `default`, `warn` and `error`, and off is the default."""
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


@pytest.mark.torch(">=2.2")
def test_in_deterministic_mode_empty_memory_is_filled():
    """`torch.empty` holds anything; in deterministic mode it holds NaN, or the largest integer."""
    torch.set_deterministic_debug_mode("error")
    floats, integers = torch.empty(2), torch.empty(2, dtype=torch.int8)
    torch.set_deterministic_debug_mode("default")

    assert floats.isnan().tolist() == [True, True]
    assert integers.tolist() == [127, 127]


def test_cudnn_chooses_by_rule_unless_told_to_measure():
    """`cudnn.benchmark` picks the fastest convolution by timing, which is chance; it is off."""
    benchmark = torch.backends.cudnn.benchmark
    with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        inside = torch.backends.cudnn.deterministic

    assert benchmark is False
    assert inside is True
    assert torch.backends.cudnn.deterministic is False


@pytest.mark.cuda
def test_a_seed_does_not_mean_the_same_on_a_gpu():
    """CPU and GPU draw by different rules: one seed, other numbers."""
    torch.manual_seed(1)
    here = torch.rand(4)
    torch.manual_seed(1)
    there = torch.rand(4, device="cuda")

    assert torch.equal(here, there.cpu()) is False


@pytest.mark.cuda
def test_a_gpu_repeats_its_own_numbers():
    """`torch.manual_seed` seeds every GPU too, so a net there drops the same numbers again."""
    x = torch.ones(100, device="cuda")
    torch.manual_seed(1)
    first = nn.Dropout()(x)
    torch.manual_seed(1)
    second = nn.Dropout()(x)

    assert torch.equal(first, second) is True
