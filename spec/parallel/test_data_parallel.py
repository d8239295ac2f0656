"""DataParallel: one process, several GPUs.

`nn.DataParallel(model)` wraps a model. Each call cuts the batch along dimension 0, copies the
model to every GPU, runs the copies (the replicas) in threads, and joins their results on the first
GPU. From outside nothing seems to have happened, and without a GPU nothing does. Surprising is
what the wrapper does to names (`module.`), and that what a replica learns about itself is lost.
PyTorch's documentation recommends `DistributedDataParallel` instead, even on a single machine.

One GPU may be named several times (`device_ids=[0, 0, 0]`): then several replicas share it. That
is of no use but to watch the splitting.
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


def test_the_wrapped_model_is_kept_as_module():
    """`DataParallel(model).module` is the model itself, not a copy."""
    model = nn.Linear(5, 2)

    parallel = nn.DataParallel(model)

    assert parallel.module is model


def test_the_names_in_the_state_dict_begin_with_module():
    """The state dict of the wrapper has `module.` before every name of the model's own."""
    model = nn.Linear(5, 2)

    parallel = nn.DataParallel(model)

    assert list(model.state_dict()) == ["weight", "bias"]
    assert list(parallel.state_dict()) == ["module.weight", "module.bias"]


def test_attributes_of_the_model_are_reached_through_module():
    """The wrapper hands no attributes on: `parallel.in_features` is an error."""
    parallel = nn.DataParallel(nn.Linear(5, 2))

    with pytest.raises(AttributeError, match="'DataParallel' object has no attribute"):
        parallel.in_features  # noqa: B018

    assert parallel.module.in_features == 5


def test_a_wrapped_models_state_dict_does_not_fit_the_model():
    """Saved from the wrapper and loaded into the bare model, every name is unexpected."""
    parallel = nn.DataParallel(nn.Linear(5, 2))
    model = nn.Linear(5, 2)

    with pytest.raises(RuntimeError, match=r'Unexpected key.*"module.weight", "module.bias"'):
        model.load_state_dict(parallel.state_dict())

    missing, unexpected = model.load_state_dict(parallel.module.state_dict())
    assert [missing, unexpected] == [[], []]


def test_the_prefix_can_be_consumed():
    """`consume_prefix_in_state_dict_if_present` takes `module.` off the names, in place."""
    state = nn.DataParallel(nn.Linear(5, 2)).state_dict()

    nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")

    assert sorted(state) == ["bias", "weight"]


@without_cuda
@pytest.mark.claim("blitz-dp-no-gpu-full-batch")
def test_without_a_gpu_the_model_sees_the_whole_batch(capsys):
    """On the CPU the wrapper passes everything on: `forward` runs once, with all 30 rows."""
    parallel = nn.DataParallel(Talkative(5, 2))

    output = parallel(torch.randn(30, 5))

    assert capsys.readouterr().out == "inside: [30, 5]\n"
    assert output.shape == (30, 2)
    assert parallel.device_ids == []


@without_cuda
@pytest.mark.claim("blitz-dp-device-count-check")
def test_device_count_is_0_without_a_gpu():
    """`torch.cuda.device_count()` says how many GPUs there are; none is no error."""
    assert torch.cuda.device_count() == 0


@without_cuda
def test_without_a_gpu_device_ids_are_forgotten():
    """GPUs that are named but not there are no error: the wrapper stays on the CPU."""
    parallel = nn.DataParallel(nn.Linear(5, 2), device_ids=[0, 1])

    assert parallel.device_ids == []


@pytest.mark.claim("blitz-dp-sizes-are-picture-size")
def test_100_rows_of_5_make_batches_of_30_30_30_and_10():
    """Of a fake dataset of 100 rows, 30 is the batch size, 100 the number of rows, 5 their size."""
    rows = torch.randn(100, 5)

    loader = DataLoader(rows, batch_size=30, shuffle=True)

    assert [tuple(batch.shape) for batch in loader] == [(30, 5), (30, 5), (30, 5), (10, 5)]


@pytest.mark.claim("blitz-dp-outside-sizes")
def test_outside_the_model_sizes_are_those_of_the_whole_batch():
    """Whatever happens inside, a batch of 30 rows comes out as 30 rows and one of 10 as 10."""
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    parallel = nn.DataParallel(nn.Linear(5, 2)).to(device)
    loader = DataLoader(torch.randn(100, 5), batch_size=30)

    outputs = [parallel(batch.to(device)) for batch in loader]

    assert [tuple(output.shape) for output in outputs] == [(30, 2), (30, 2), (30, 2), (10, 2)]


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-one-gpu-full-batch")
def test_with_one_gpu_the_model_sees_the_whole_batch(capsys):
    """With one GPU the model is moved there and called once, with all 30 rows."""
    parallel = nn.DataParallel(Talkative(5, 2), device_ids=[0])

    parallel(torch.randn(30, 5))

    assert capsys.readouterr().out == "inside: [30, 5]\n"
    assert str(parallel.module.weight.device) == "cuda:0"


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
    """`device_ids=[0, 0, 0]` makes three replicas on one GPU; each gets its share of the rows."""
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
    """With several GPUs each gets its share of the rows, and some may get none."""
    parallel = nn.DataParallel(RowCount(), device_ids=list(range(gpus)))

    counts = parallel(torch.zeros(batch, 5))

    assert counts.tolist() == shares


@pytest.mark.multi_gpu(2)
@pytest.mark.claim("blitz-one-gpu-by-default")
def test_one_gpu_is_used_by_default():
    """`"cuda"` means the current device, the first one; the second GPU is left alone."""
    before = torch.cuda.memory_allocated(1)

    model = nn.Linear(5, 2).to("cuda")
    output = model(torch.zeros(30, 5, device="cuda"))

    assert str(output.device) == "cuda:0"
    assert torch.cuda.memory_allocated(1) - before == 0


@pytest.mark.multi_gpu(2)
@pytest.mark.claim("path-multi-gpu", "summary-parallel-libraries")
def test_wrapping_takes_all_gpus_there_are():
    """Without `device_ids` the wrapper takes every GPU, and joins the results on the first."""
    parallel = nn.DataParallel(nn.Linear(5, 2)).to("cuda")

    output = parallel(torch.zeros(30, 5))

    assert parallel.device_ids == list(range(torch.cuda.device_count()))
    assert str(output.device) == "cuda:0"
    assert output.shape == (30, 2)


@pytest.mark.multi_gpu(2)
@pytest.mark.claim("blitz-dp-device-count-check")
def test_device_count_tells_of_more_than_one():
    """Where there are two GPUs, `torch.cuda.device_count()` is two or more."""
    assert torch.cuda.device_count() > 1


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-wrap-enough")
def test_wrapping_alone_is_not_enough():
    """The model has to be on the first of the GPUs as well; the wrapper doesn't move it there."""
    parallel = nn.DataParallel(nn.Linear(5, 2), device_ids=[0, 0])

    with pytest.raises(RuntimeError, match="module must have its parameters and buffers on device"):
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
    """`.to("cuda:0")` reaches through the wrapper, so both orders do."""
    parallel = prepare(nn.Linear(5, 2))

    output = parallel(torch.zeros(30, 5))

    assert output.shape == (30, 2)
    assert str(parallel.module.weight.device) == "cuda:0"


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-print-per-replica")
def test_a_print_in_forward_runs_once_a_replica(capsys):
    """Three replicas print three times, each the size of its own share."""
    parallel = nn.DataParallel(Talkative(5, 2), device_ids=[0, 0, 0]).to("cuda:0")

    output = parallel(torch.zeros(10, 5))

    lines = sorted(capsys.readouterr().out.split("inside: ")[1:])
    assert [line.strip() for line in lines] == ["[2, 5]", "[4, 5]", "[4, 5]"]
    assert output.shape == (10, 2)


@pytest.mark.cuda
@pytest.mark.claim("blitz-dp-print-order", "blitz-dp-waits-and-merges")
def test_replicas_run_in_any_order_and_results_keep_theirs():
    """Replicas are threads: here the first waits for the second, and still comes first in the
    result."""

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
