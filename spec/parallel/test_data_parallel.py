"""DataParallel, and why it is not used any more.

`nn.DataParallel(model)` was the first way to use several GPUs, and older code is full of it. It is
one process: each call splits the batch along dimension 0, copies the model to every GPU, runs the
copies (the replicas) in threads, and concatenates their outputs on the first GPU. PyTorch
recommends `DistributedDataParallel` instead (`spec/parallel/test_distributed.py`), also on a single
machine: the threads wait for one another in Python, and the model is copied anew in every call.

This page holds what one has to know to read such code and to load what it saved. By what rule the
batch is split: `spec/parallel/test_splitting.py`. Most facts need a GPU; one GPU may be named
several times, as in `device_ids=[0, 0, 0]`, and then several replicas share it, which is of no use
but to see what happens.

What surprises: without a GPU the wrapper does nothing but call the model; in state dicts it puts
`module.` before every key (how to remove it: `spec/training/test_checkpoints.py`); and what
`forward` writes to `self` in a replica is lost.
"""

import threading

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

without_cuda = pytest.mark.skipif(
    torch.cuda.is_available(), reason="shows what a machine without CUDA does; this one has CUDA"
)


class RowCount(nn.Module):
    """Answers with one number: how many rows it was given."""

    def forward(self, x):
        return x.new_full((1,), len(x))


class Talkative(nn.Linear):
    """A linear layer that prints the size of what it is given."""

    def forward(self, x):
        print(f"inside: {list(x.shape)}")
        return super().forward(x)


def test_the_names_in_the_state_dict_begin_with_module():
    """`nn.DataParallel(model).module` is `model` itself, and the keys of the wrapper's
    `state_dict()` have `module.` before the model's own keys."""
    model = nn.Linear(5, 2)

    parallel = nn.DataParallel(model)

    assert (parallel.module is model) is True
    assert list(model.state_dict()) == ["weight", "bias"]
    assert list(parallel.state_dict()) == ["module.weight", "module.bias"]


def test_attributes_of_the_model_are_reached_through_module():
    """A wrapper `parallel` made by `nn.DataParallel(nn.Linear(5, 2))` has no attribute
    `in_features`: `parallel.in_features` raises AttributeError, and
    `parallel.module.in_features` is 5."""
    parallel = nn.DataParallel(nn.Linear(5, 2))

    with pytest.raises(AttributeError, match="'DataParallel' object has no attribute"):
        parallel.in_features  # noqa: B018

    assert parallel.module.in_features == 5


def test_a_wrapped_models_state_dict_does_not_fit_the_model():
    """With `parallel = nn.DataParallel(nn.Linear(5, 2))` and `model = nn.Linear(5, 2)`,
    `model.load_state_dict(parallel.state_dict())` raises RuntimeError, since every key begins with
    `module.`; `parallel.module.state_dict()` fits.

    This is the usual trouble with old checkpoints.
    `nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")` takes the
    prefix from the keys of such a `state`, in place: it returns None.
    """
    parallel = nn.DataParallel(nn.Linear(5, 2))
    model = nn.Linear(5, 2)

    with pytest.raises(
        RuntimeError, match=r'Unexpected key\(s\) in state_dict: "module.weight", "module.bias"'
    ):
        model.load_state_dict(parallel.state_dict())

    missing, unexpected = model.load_state_dict(parallel.module.state_dict())
    assert [missing, unexpected] == [[], []]


@without_cuda
@pytest.mark.claim("blitz-dp-no-gpu-full-batch")
def test_without_a_gpu_the_model_sees_the_whole_batch(capsys):
    """On a machine without a GPU, `nn.DataParallel(model, device_ids=[0, 1])` ignores the
    `device_ids` without an error, and calls `model` once with the whole batch."""
    parallel = nn.DataParallel(Talkative(5, 2), device_ids=[0, 1])

    output = parallel(torch.randn(30, 5))

    assert capsys.readouterr().out == "inside: [30, 5]\n"
    assert output.shape == (30, 2)
    assert parallel.device_ids == []


@pytest.mark.claim("blitz-dp-outside-sizes")
def test_outside_the_model_sizes_are_those_of_the_whole_batch():
    """On a machine without a GPU, `nn.DataParallel(nn.Linear(5, 2))` returns as many rows
    as it is given: an output of shape (30, 2) for an input of shape (30, 5), and (10, 2)
    for (10, 5).
    """
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    parallel = nn.DataParallel(nn.Linear(5, 2)).to(device)
    loader = DataLoader(torch.randn(100, 5), batch_size=30)

    outputs = [parallel(batch.to(device)) for batch in loader]

    assert [tuple(output.shape) for output in outputs] == [(30, 2), (30, 2), (30, 2), (10, 2)]


@pytest.mark.multi_gpu(2)
@pytest.mark.claim("blitz-one-gpu-by-default")
def test_one_gpu_is_used_by_default():
    """`nn.Linear(5, 2).to("cuda")`, not wrapped in `nn.DataParallel`, uses one GPU, the
    current one, by default `cuda:0`: nothing is allocated on a second GPU."""
    before = torch.cuda.memory_allocated(1)

    model = nn.Linear(5, 2).to("cuda")
    output = model(torch.zeros(30, 5, device="cuda"))

    assert str(output.device) == "cuda:0"
    assert torch.cuda.memory_allocated(1) - before == 0


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-one-gpu-full-batch")
def test_with_one_gpu_the_model_sees_the_whole_batch(capsys):
    """With one GPU, `parallel = nn.DataParallel(model, device_ids=[0])` moves `model` to
    `cuda:0`, and `parallel(batch)` calls it once, with the whole batch.
    """
    parallel = nn.DataParallel(Talkative(5, 2), device_ids=[0])

    parallel(torch.randn(30, 5))

    assert capsys.readouterr().out == "inside: [30, 5]\n"
    assert str(parallel.module.weight.device) == "cuda:0"


@pytest.mark.multi_gpu(2)
@pytest.mark.claim("path-multi-gpu", "summary-parallel-libraries")
def test_wrapping_takes_all_gpus_there_are():
    """`nn.DataParallel(nn.Linear(5, 2)).to("cuda")` has as `device_ids` all numbers from 0
    to `torch.cuda.device_count()` - 1; its output is on the first GPU, `cuda:0`.
    """
    parallel = nn.DataParallel(nn.Linear(5, 2)).to("cuda")

    output = parallel(torch.zeros(30, 5))

    assert parallel.device_ids == list(range(torch.cuda.device_count()))
    assert str(output.device) == "cuda:0"
    assert output.shape == (30, 2)


@pytest.mark.multi_gpu(2)
@pytest.mark.claim("blitz-dp-device-count-check")
def test_device_count_tells_of_more_than_one():
    """`torch.cuda.device_count() > 1`, the usual condition for wrapping a model by
    `nn.DataParallel`, is True where two GPUs are visible to the program."""
    assert torch.cuda.device_count() > 1


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-chunk-rule")
@pytest.mark.parametrize(
    ("batch", "replicas", "shares"),
    [
        (30, 1, [30]),
        (10, 2, [5, 5]),
        (30, 3, [10, 10, 10]),
        (10, 3, [4, 4, 2]),
        (30, 8, [4, 4, 4, 4, 4, 4, 4, 2]),
        (10, 8, [2, 2, 2, 2, 2]),
        (3, 8, [1, 1, 1]),
    ],
)
def test_replicas_on_one_gpu_share_the_batch(batch, replicas, shares):
    """`nn.DataParallel(model.to("cuda:0"), device_ids=[0, 0, 0])` runs three replicas on
    one GPU, each with the rows that `torch.chunk` gives it: 4, 4 and 2 of 10."""
    parallel = nn.DataParallel(RowCount(), device_ids=[0] * replicas)

    counts = parallel(torch.zeros(batch, 5))

    assert counts.tolist() == shares


@pytest.mark.parametrize(
    ("batch", "gpus", "shares"),
    [
        pytest.param(
            30,
            2,
            [15, 15],
            marks=[pytest.mark.multi_gpu(2), pytest.mark.claim("blitz-dp-2gpu-30")],
        ),
        pytest.param(
            10, 2, [5, 5], marks=[pytest.mark.multi_gpu(2), pytest.mark.claim("blitz-dp-2gpu-10")]
        ),
        pytest.param(
            30,
            3,
            [10, 10, 10],
            marks=[pytest.mark.multi_gpu(3), pytest.mark.claim("blitz-dp-3gpu-30")],
        ),
        pytest.param(
            10,
            3,
            [4, 4, 2],
            marks=[pytest.mark.multi_gpu(3), pytest.mark.claim("blitz-dp-3gpu-10")],
        ),
        pytest.param(
            30,
            8,
            [4, 4, 4, 4, 4, 4, 4, 2],
            marks=[pytest.mark.multi_gpu(8), pytest.mark.claim("blitz-dp-8gpu-30")],
        ),
        pytest.param(
            10,
            8,
            [2, 2, 2, 2, 2],
            marks=[pytest.mark.multi_gpu(8), pytest.mark.claim("blitz-dp-8gpu-10")],
        ),
    ],
)
def test_several_gpus_share_the_batch(batch, gpus, shares):
    """With `device_ids=list(range(8))` on 8 GPUs, `nn.DataParallel` gives each GPU the rows
    that `torch.chunk` gives it: of 10 rows five GPUs get two each, and three GPUs get none.
    """
    parallel = nn.DataParallel(RowCount(), device_ids=list(range(gpus)))

    counts = parallel(torch.zeros(batch, 5))

    assert counts.tolist() == shares


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-wrap-enough")
def test_wrapping_alone_is_not_enough():
    """`parallel = nn.DataParallel(nn.Linear(5, 2), device_ids=[0, 0])` leaves the weights
    on the CPU, and `parallel(torch.zeros(30, 5))` raises RuntimeError, "module must have
    its parameters and buffers on device cuda:0".

    Move the model to the first device of `device_ids`, here with `.to("cuda:0")`. Only with a
    single device does the wrapper move it.
    """
    parallel = nn.DataParallel(nn.Linear(5, 2), device_ids=[0, 0])

    with pytest.raises(
        RuntimeError, match="module must have its parameters and buffers on device cuda:0"
    ):
        parallel(torch.zeros(30, 5))

    assert str(parallel.module.weight.device) == "cpu"


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-to-after-wrap")
@pytest.mark.parametrize(
    "prepare",
    [
        lambda model: nn.DataParallel(model, device_ids=[0, 0]).to("cuda:0"),
        lambda model: nn.DataParallel(model.to("cuda:0"), device_ids=[0, 0]),
    ],
)
def test_the_model_may_be_moved_before_or_after_wrapping(prepare):
    """`nn.DataParallel(model).to("cuda:0")` and `nn.DataParallel(model.to("cuda:0"))` both move
    the parameters of `model`.

    Because `.to` moves the parameters of submodules too, and the model is the submodule
    `module`.
    """
    parallel = prepare(nn.Linear(5, 2))

    output = parallel(torch.zeros(30, 5))

    assert output.shape == (30, 2)
    assert str(parallel.module.weight.device) == "cuda:0"


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-print-per-replica")
def test_a_print_in_forward_runs_once_a_replica(capsys):
    """A `print` in the `forward` of a model under `nn.DataParallel` runs once per replica:
    with a batch of 10 rows three replicas print the sizes of their shares, 4, 4 and 2 rows,
    in no fixed order."""
    parallel = nn.DataParallel(Talkative(5, 2), device_ids=[0, 0, 0]).to("cuda:0")

    output = parallel(torch.zeros(10, 5))

    lines = sorted(capsys.readouterr().out.split("inside: ")[1:])
    assert [line.strip() for line in lines] == ["[2, 5]", "[4, 5]", "[4, 5]"]
    assert output.shape == (10, 2)


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-print-order", "blitz-dp-waits-and-merges")
def test_replicas_run_in_any_order_and_results_keep_theirs():
    """The replicas of `nn.DataParallel` run in threads and finish in any order; their outputs
    are concatenated in the order of the rows.

    In the code below the first replica waits for the second to finish, and its rows still come
    first.
    """

    class Courteous(nn.Module):
        def __init__(self):
            super().__init__()
            self.order = []
            self.second_is_done = threading.Event()

        def forward(self, x, number):
            mine = int(number)
            if mine == 0:
                self.second_is_done.wait(10)
            self.order.append(mine)
            if mine == 1:
                self.second_is_done.set()
            return x * 2

    model = Courteous()
    parallel = nn.DataParallel(model, device_ids=[0, 0])

    output = parallel(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0, 1]))

    assert model.order == [1, 0]
    assert output.tolist() == [2.0, 4.0, 6.0, 8.0]


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-outside-gathered")
@pytest.mark.parametrize(
    ("batch", "shape"), [(30, (30, 2)), (10, (10, 2)), (3, (3, 2)), (1, (1, 2))]
)
def test_outside_the_model_the_batch_is_whole_again(batch, shape):
    """After `parallel = nn.DataParallel(nn.Linear(5, 2), device_ids=[0] * 8).to("cuda:0")`,
    eight replicas on one GPU, `parallel(torch.zeros(30, 5))` is one tensor of 30 rows;
    `parallel(torch.zeros(3, 5))`, fewer rows than replicas, has 3.
    """
    parallel = nn.DataParallel(nn.Linear(5, 2), device_ids=[0] * 8).to("cuda:0")

    output = parallel(torch.zeros(batch, 5))

    assert output.shape == shape


@pytest.mark.cuda
def test_gradients_are_those_of_the_single_model():
    """`nn.DataParallel` of an `nn.Linear` adds up the gradients of all replicas in the
    `.grad` of the model's own weight: for a loss that is a sum over the rows, this is the
    gradient without `nn.DataParallel`, up to rounding.
    """
    model = nn.Linear(1, 1, bias=False, device="cuda:0")
    parallel = nn.DataParallel(model, device_ids=[0, 0, 0])
    x = torch.tensor([[1.0], [2.0], [4.0]], device="cuda:0")

    model(x).sum().backward()
    alone = model.weight.grad.tolist()
    model.weight.grad = None
    parallel(x).sum().backward()

    assert alone == [[7.0]]
    assert model.weight.grad.tolist() == [[7.0]]


@pytest.mark.cuda
def test_an_attribute_that_a_replica_sets_is_lost():
    """With several replicas, under `nn.DataParallel(model)` a number that the `forward` of `model`
    sets as an attribute is lost: `self.calls += 1` of an int leaves `model.calls` at 0, its value
    before.

    Because each call runs on new replicas, which are thrown away afterwards. Return the value from
    `forward` as a tensor on the GPU of the input (an int as output raises TypeError), or count
    outside the model.
    """

    class Counting(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x

    model = Counting()

    nn.DataParallel(model, device_ids=[0, 0])(torch.zeros(4))

    assert model.calls == 0


@pytest.mark.cuda
def test_batch_norm_learns_from_the_first_share_only():
    """With two replicas under `nn.DataParallel`, `nn.BatchNorm1d` in train mode updates its
    running mean from the first replica's rows alone, not from the whole batch.

    Because each replica updates its own copy of the running mean, and only the first shares it
    with the model.
    """
    alone = nn.BatchNorm1d(1, momentum=1.0, device="cuda:0")
    shared = nn.BatchNorm1d(1, momentum=1.0, device="cuda:0")
    rows = torch.tensor([[0.0], [2.0], [10.0], [30.0]], device="cuda:0")

    alone(rows)
    nn.DataParallel(shared, device_ids=[0, 0])(rows)

    assert alone.running_mean.tolist() == [10.5]
    assert shared.running_mean.tolist() == [1.0]


@pytest.mark.cuda
def test_an_exception_names_its_replica():
    """If only the second replica of `nn.DataParallel(model, device_ids=[0, 0])` raises a
    ValueError, the wrapper raises a ValueError too, and its message begins "Caught
    ValueError in replica 1 on device 0.".

    The traceback of the replica stands in the message.
    """

    class Picky(nn.Module):
        def forward(self, x):
            if x[0] == 3:
                raise ValueError("no threes")
            return x

    parallel = nn.DataParallel(Picky(), device_ids=[0, 0])

    with pytest.raises(ValueError, match=r"^Caught ValueError in replica 1 on device 0\."):
        parallel(torch.tensor([1, 2, 3, 4]))

    assert parallel(torch.tensor([1, 2, 4, 3])).tolist() == [1, 2, 4, 3]
