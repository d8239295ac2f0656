"""Where a checkpoint is loaded to.

A file remembers the dtype and the device of each tensor, and `torch.load` puts it back there. If
that device is missing here, `map_location` names another. `load_state_dict` afterwards copies the
numbers into the net, wherever that is and whatever dtype it has.

For large nets the copies are what hurts. A net on the `meta` device has shapes and no numbers, a
file can be mapped into memory instead of read, and `assign=True` gives the loaded tensors to the
net as they are.
"""

import io

import pytest
import torch
from torch import nn

# PyTorch 2.0 warns of its own way of loading.
pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")


@pytest.fixture
def saved_on_a_gpu(tmp_path, monkeypatch):
    """Return a file whose tensor says that it was saved on the first GPU."""
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        torch.save(torch.tensor([1.0, 2.0]), tmp_path / "gpu.pt")
    return tmp_path / "gpu.pt"


def test_a_tensor_comes_back_in_its_dtype(tmp_path, device):
    """What is loaded has the dtype that was saved, on the device where it was."""
    x = torch.tensor([0, 1], device=device)
    torch.save([x.half(), x.to(torch.int8), x.to(torch.complex64)], tmp_path / "x.pt")

    half, int8, complex64 = torch.load(tmp_path / "x.pt", weights_only=True)

    assert half.dtype == torch.float16
    assert int8.dtype == torch.int8
    assert complex64.dtype == torch.complex64
    assert int8.tolist() == [0, 1]
    assert int8.device == x.device


@without_cuda
def test_a_file_from_a_gpu_is_refused_where_there_is_none(saved_on_a_gpu):
    """Without a GPU here, a tensor saved on one is refused; the error names the remedy."""
    with pytest.raises(Exception, match="Attempting to deserialize object on a CUDA device but"):
        torch.load(saved_on_a_gpu, weights_only=True)
    with pytest.raises(Exception, match=r"map_location=torch.device\('cpu'\)"):
        torch.load(saved_on_a_gpu, weights_only=True)


@pytest.mark.parametrize(
    "map_location",
    ["cpu", torch.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage],
)
def test_map_location_says_where_to(map_location, saved_on_a_gpu):
    """A name, a device, a dict or a function: each of them leads a GPU's file to the CPU."""
    loaded = torch.load(saved_on_a_gpu, map_location=map_location, weights_only=True)

    assert str(loaded.device) == "cpu"
    assert loaded.tolist() == [1.0, 2.0]


@without_cuda
def test_a_map_that_does_not_name_the_device_changes_nothing(saved_on_a_gpu):
    """A dict moves what it names: `cuda:1` to the CPU is of no use for a file from `cuda:0`."""
    with pytest.raises(Exception, match="Attempting to deserialize object on a CUDA device"):
        torch.load(saved_on_a_gpu, map_location={"cuda:1": "cpu"}, weights_only=True)


def test_a_function_is_told_where_each_tensor_was(saved_on_a_gpu):
    """A function gets the numbers, still on the CPU, and the name of the place they came from."""
    seen = []

    torch.load(
        saved_on_a_gpu,
        map_location=lambda storage, location: (
            seen.append((str(storage.device), location)) or storage
        ),
        weights_only=True,
    )

    assert seen == [("cpu", "cuda:0")]


@pytest.mark.torch("!=2.1.*")
def test_an_unknown_place_is_refused(tmp_path):
    """`gpu` is no name of a device; the error calls it a tag."""
    torch.save(torch.zeros(1), tmp_path / "x.pt")

    with pytest.raises(
        Exception, match=r"don't know how to restore data location .*tagged with gpu"
    ):
        torch.load(tmp_path / "x.pt", map_location="gpu", weights_only=True)


@pytest.mark.torch("==2.1.*")
def test_an_unknown_place_was_taken_for_another(tmp_path):
    """PyTorch 2.1 refused `gpu` as well, but spoke of a device that nobody had asked for."""
    torch.save(torch.zeros(1), tmp_path / "x.pt")

    with pytest.raises(AssertionError, match="HPU device module is not loaded"):
        torch.load(tmp_path / "x.pt", map_location="gpu", weights_only=True)


def test_map_location_leaves_the_dtype(tmp_path):
    """`map_location` moves and never converts."""
    torch.save(torch.tensor([1.5], dtype=torch.float16), tmp_path / "x.pt")

    loaded = torch.load(tmp_path / "x.pt", map_location="cpu", weights_only=True)

    assert loaded.dtype == torch.float16


def test_a_loaded_state_takes_the_dtype_of_the_net(device):
    """`load_state_dict` converts to the net's own dtype and device, without a word."""
    net = nn.Linear(1, 1, device=device)
    state = {
        "weight": torch.tensor([[2.5]], dtype=torch.float64),
        "bias": torch.tensor([7], dtype=torch.int64),
    }

    net.load_state_dict(state)

    assert net.weight.dtype == net.bias.dtype == torch.float32
    assert [net.weight.item(), net.bias.item()] == [2.5, 7.0]


@pytest.mark.torch(">=2.1")
def test_assign_gives_the_loaded_tensors_to_the_net():
    """With `assign=True` nothing is copied: the net takes the tensors, their dtype and device."""
    net = nn.Linear(1, 1)
    before = net.weight
    state = {"weight": torch.tensor([[2.5]], dtype=torch.float64), "bias": torch.zeros(1)}

    net.load_state_dict(state, assign=True)

    assert net.weight.dtype == torch.float64
    assert net.weight.data_ptr() == state["weight"].data_ptr()
    # An optimizer made before would go on with the old parameters.
    assert net.weight is not before


@pytest.mark.torch(">=2.4")
def test_assigned_tensors_are_as_trainable_as_the_parameters_were():
    """`assign=True` keeps what the net says about gradients: a frozen layer stays frozen."""
    trained, frozen = nn.Linear(1, 1), nn.Linear(1, 1).requires_grad_(False)
    state = {"weight": torch.zeros(1, 1), "bias": torch.zeros(1)}

    trained.load_state_dict(state, assign=True)
    frozen.load_state_dict(state, assign=True)

    assert type(trained.weight) is nn.Parameter
    assert trained.weight.requires_grad is True
    assert frozen.weight.requires_grad is False


@pytest.mark.torch(">=2.0")
def test_a_net_on_meta_has_shapes_and_no_numbers():
    """Built inside `torch.device("meta")`, a net of a million million numbers takes no memory."""
    with torch.device("meta"):
        net = nn.Linear(1_000_000, 1_000_000)

    assert net.weight.shape == (1_000_000, 1_000_000)
    assert str(net.weight.device) == "meta"


def test_a_net_on_meta_cannot_be_moved_away():
    """`to("cpu")` would have to copy numbers that are nowhere."""
    net = nn.Linear(2, 1, device="meta")

    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
        net.to("cpu")


@pytest.mark.torch(">=2.1")
def test_a_net_on_meta_is_filled_by_assigning():
    """A net without numbers takes those of a file by `assign=True`, and is never initialised."""
    net = nn.Linear(1, 1, device="meta")

    net.load_state_dict({"weight": torch.tensor([[3.0]]), "bias": torch.zeros(1)}, assign=True)

    assert net(torch.tensor([2.0])).tolist() == [6.0]


@pytest.mark.torch(">=2.1")
def test_copying_into_a_net_on_meta_does_nothing():
    """Without `assign=True` there is no memory to copy to: a warning, and still no numbers."""
    net = nn.Linear(1, 1, bias=False, device="meta")

    with pytest.warns(UserWarning, match=r"which is a no-op. \(Did you mean to pass `assign=True`"):
        net.load_state_dict({"weight": torch.tensor([[3.0]])})

    assert net.weight.is_meta is True


def test_to_empty_gives_a_net_on_meta_memory_to_load_into():
    """`to_empty(device=...)` makes memory with nothing good in it, to be loaded into next."""
    net = nn.Linear(1, 1, device="meta").to_empty(device="cpu")

    net.load_state_dict({"weight": torch.tensor([[3.0]]), "bias": torch.zeros(1)})

    assert net(torch.tensor([2.0])).tolist() == [6.0]


def test_a_file_can_be_loaded_as_shapes_only(tmp_path):
    """With `map_location="meta"` one learns what is in a file without reading the numbers."""
    torch.save(torch.zeros(2, 3, dtype=torch.float16), tmp_path / "x.pt")

    loaded = torch.load(tmp_path / "x.pt", map_location="meta", weights_only=True)

    assert repr(loaded) == "tensor(..., device='meta', size=(2, 3), dtype=torch.float16)"


@pytest.mark.torch(">=2.1")
def test_a_mapped_file_is_not_written_to(tmp_path):
    """With `mmap=True` numbers are read when they are used; what one writes stays in memory."""
    torch.save(torch.tensor([1.0, 2.0]), tmp_path / "x.pt")

    mapped = torch.load(str(tmp_path / "x.pt"), mmap=True, weights_only=True)
    mapped.add_(10)
    again = torch.load(tmp_path / "x.pt", weights_only=True)

    assert mapped.tolist() == [11.0, 12.0]
    assert again.tolist() == [1.0, 2.0]


@pytest.mark.torch(">=2.1")
def test_only_a_file_with_a_name_can_be_mapped():
    """A buffer in memory has no file behind it to map."""
    buffer = io.BytesIO()
    torch.save(torch.zeros(1), buffer)
    buffer.seek(0)

    with pytest.raises(ValueError, match=r"f must be a (file path|string filename) in order"):
        torch.load(buffer, mmap=True, weights_only=True)


@pytest.mark.torch(">=2.3")
def test_a_mapped_file_may_be_named_by_a_path(tmp_path):
    """A `Path` names a file to map as well as a string does."""
    torch.save(torch.tensor([1.0, 2.0]), tmp_path / "x.pt")

    mapped = torch.load(tmp_path / "x.pt", mmap=True, weights_only=True)

    assert mapped.tolist() == [1.0, 2.0]


@pytest.mark.torch(">=2.1,<2.3")
def test_a_mapped_file_had_to_be_named_by_a_string(tmp_path):
    """Until PyTorch 2.2 a file to map could not be named by a `Path`."""
    torch.save(torch.tensor([1.0, 2.0]), tmp_path / "x.pt")

    with pytest.raises(ValueError, match="f must be a string filename in order to use mmap"):
        torch.load(tmp_path / "x.pt", mmap=True, weights_only=True)


@pytest.mark.cuda
def test_a_tensor_returns_to_the_gpu_it_was_saved_on(tmp_path):
    """Saved on the first GPU, a tensor is loaded there again, unless `map_location` says else."""
    torch.save(torch.tensor([1.0], device="cuda:0"), tmp_path / "x.pt")

    there = torch.load(tmp_path / "x.pt", weights_only=True)
    here = torch.load(tmp_path / "x.pt", map_location="cpu", weights_only=True)

    assert str(there.device) == "cuda:0"
    assert str(here.device) == "cpu"


@pytest.mark.cuda
def test_a_gpu_that_is_not_there_is_refused(tmp_path):
    """Where there are fewer than a hundred GPUs, nothing can be loaded to the hundredth."""
    torch.save(torch.zeros(1), tmp_path / "x.pt")

    with pytest.raises(Exception, match="Attempting to deserialize object on CUDA device 99 but"):
        torch.load(tmp_path / "x.pt", map_location="cuda:99", weights_only=True)
