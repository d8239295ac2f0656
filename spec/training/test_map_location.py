"""The device that a checkpoint is loaded to.

A file remembers the dtype and the device of each tensor, and `torch.load` puts it back there. If
that device is missing on this machine, `map_location` names another. `load_state_dict` afterwards
copies the values into the net, wherever its parameters are and whatever dtype they have.

For large nets the copies cost time and memory. A net on the `meta` device has shapes and dtypes but
no storage behind them, `mmap=True` maps a file into memory instead of reading it, and `assign=True`
makes the loaded tensors the parameters of the net without a copy.

What surprises: `map_location` changes the device and not the dtype; `load_state_dict` into a net on
`meta` copies nothing, and only warns. How devices are named is told in
`spec/devices/test_device_objects.py`, what `meta` tensors are in `spec/devices/test_moving.py`.
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
    """`torch.load` without `map_location` returns a float16, an int8 and a complex64 tensor in
    these dtypes, on the device that each was saved from, if this machine has that device.
    """
    x = torch.tensor([0, 1], device=device)
    torch.save([x.half(), x.to(torch.int8), x.to(torch.complex64)], tmp_path / "x.pt")

    half, int8, complex64 = torch.load(tmp_path / "x.pt", weights_only=True)

    assert half.dtype == torch.float16
    assert int8.dtype == torch.int8
    assert complex64.dtype == torch.complex64
    assert int8.tolist() == [0, 1]
    assert half.device == int8.device == complex64.device == x.device


@without_cuda
def test_a_file_from_a_gpu_is_refused_where_there_is_none(saved_on_a_gpu):
    """Without a GPU, `torch.load` of a file with a CUDA tensor raises an error, "Attempting
    to deserialize object on a CUDA device but torch.cuda.is_available() is False"; pass
    `map_location="cpu"`.

    Because the file names the device of each tensor, and no other one is chosen silently.
    """
    with pytest.raises(Exception, match="Attempting to deserialize object on a CUDA device but"):
        torch.load(saved_on_a_gpu, weights_only=True)
    with pytest.raises(Exception, match=r"map_location=torch.device\('cpu'\)"):
        torch.load(saved_on_a_gpu, weights_only=True)


@pytest.mark.parametrize(
    "map_location",
    ["cpu", torch.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage],
)
def test_map_location_says_where_to(map_location, saved_on_a_gpu):
    """With each of these `map_location` arguments `torch.load` loads a tensor saved from `cuda:0`
    to the CPU: `"cpu"`, `torch.device("cpu")`, `{"cuda:0": "cpu"}` and
    `lambda storage, location: storage`.
    """
    loaded = torch.load(saved_on_a_gpu, map_location=map_location, weights_only=True)

    assert str(loaded.device) == "cpu"
    assert loaded.tolist() == [1.0, 2.0]


@without_cuda
def test_a_map_that_does_not_name_the_device_changes_nothing(saved_on_a_gpu):
    """With `map_location={"cuda:1": "cpu"}` or `{"cuda": "cpu"}`, `torch.load` of a file with a
    tensor from `cuda:0` still raises an error where there is no GPU: a dict moves only tensors
    whose device, such as "cuda:0", is a key.

    The keys are strings: a key `torch.device("cuda:0")` has no effect either. `map_location="cpu"`
    moves the tensors from all GPUs.
    """
    with pytest.raises(Exception, match="Attempting to deserialize object on a CUDA device"):
        torch.load(saved_on_a_gpu, map_location={"cuda:1": "cpu"}, weights_only=True)
    with pytest.raises(Exception, match="Attempting to deserialize object on a CUDA device"):
        torch.load(saved_on_a_gpu, map_location={"cuda": "cpu"}, weights_only=True)
    by_device = {torch.device("cuda:0"): "cpu"}
    with pytest.raises(Exception, match="Attempting to deserialize object on a CUDA device"):
        torch.load(saved_on_a_gpu, map_location=by_device, weights_only=True)


def test_a_function_is_told_where_each_tensor_was(saved_on_a_gpu):
    """For a tensor that was saved on `cuda:0`, `torch.load` calls a function given as
    `map_location` with a storage on the CPU and the string `"cuda:0"`; the storage that the
    function returns is used.

    If it returns None, the tensor goes to the device it was saved on; on a machine without a GPU
    `torch.load` then raises an error.
    """
    seen = []

    torch.load(
        saved_on_a_gpu,
        map_location=lambda storage, location: (
            seen.append((str(storage.device), location)) or storage
        ),
        weights_only=True,
    )

    blank = torch.load(
        saved_on_a_gpu,
        map_location=lambda storage, location: torch.UntypedStorage(storage.nbytes()).fill_(0),
        weights_only=True,
    )

    assert seen == [("cpu", "cuda:0")]
    assert blank.tolist() == [0.0, 0.0]


@pytest.mark.torch("!=2.1.*")
def test_an_unknown_place_is_refused(tmp_path):
    """`torch.load(path, map_location="gpu")` of a file with a CPU tensor raises an error, "don't
    know how to restore data location of torch.storage.UntypedStorage (tagged with gpu)"; the
    device type of an NVIDIA GPU is `cuda`.

    Because `torch.load` has no rule for the text `"gpu"`, which is not the name of a device type
    of PyTorch. `"cpu:0"` raises the same error, although `torch.device("cpu:0")` is a device:
    write `"cpu"`.
    """
    torch.save(torch.zeros(1), tmp_path / "x.pt")

    with pytest.raises(
        Exception, match=r"don't know how to restore data location .*tagged with gpu"
    ):
        torch.load(tmp_path / "x.pt", map_location="gpu", weights_only=True)
    with pytest.raises(
        Exception, match=r"don't know how to restore data location .*tagged with cpu:0"
    ):
        torch.load(tmp_path / "x.pt", map_location="cpu:0", weights_only=True)


@pytest.mark.torch("==2.1.*")
def test_an_unknown_place_was_taken_for_another(tmp_path):
    """PyTorch 2.1 refused `map_location="gpu"` with an AssertionError about another device,
    "HPU device module is not loaded"; the device type of an NVIDIA GPU is `cuda`.
    """
    torch.save(torch.zeros(1), tmp_path / "x.pt")

    with pytest.raises(AssertionError, match="HPU device module is not loaded"):
        torch.load(tmp_path / "x.pt", map_location="gpu", weights_only=True)


def test_map_location_leaves_the_dtype(tmp_path):
    """`torch.load(path, map_location="cpu")` leaves the dtype as it was saved: a float16 tensor
    stays float16. Convert it by `to(torch.float32)` afterwards.

    Because `map_location` chooses the device only.
    """
    torch.save(torch.tensor([1.5], dtype=torch.float16), tmp_path / "x.pt")

    loaded = torch.load(tmp_path / "x.pt", map_location="cpu", weights_only=True)

    assert loaded.dtype == torch.float16


def test_a_loaded_state_takes_the_dtype_of_the_net(device):
    """For `net = nn.Linear(1, 1)`, `net.load_state_dict({"weight": torch.tensor([[2.5]],
    dtype=torch.float64), "bias": torch.tensor([7])})` copies the values into the float32
    parameters: both stay float32, and there is no warning.

    Because `load_state_dict` uses `copy_`, which converts: 1e300 becomes infinity, and
    2**24 + 1 becomes 2**24. A half-precision checkpoint in a float32 net takes float32
    memory.
    """
    net = nn.Linear(1, 1, device=device)
    state = {
        "weight": torch.tensor([[2.5]], dtype=torch.float64),
        "bias": torch.tensor([7], dtype=torch.int64),
    }

    net.load_state_dict(state)

    assert net.weight.dtype == net.bias.dtype == torch.float32
    assert [net.weight.item(), net.bias.item()] == [2.5, 7.0]
    net.load_state_dict({"weight": torch.tensor([[2**24 + 1]]), "bias": torch.tensor([7])})
    assert net.weight.item() == 2**24


@pytest.mark.torch(">=2.1")
def test_assign_gives_the_loaded_tensors_to_the_net():
    """With `load_state_dict(state, assign=True)` an `nn.Linear` gets new parameters that
    have the memory and dtype of the loaded floating-point tensors; nothing is copied.

    So an optimizer built before would go on with the old parameters: build it afterwards.
    The device is that of the loaded tensors too.
    """
    net = nn.Linear(1, 1)
    before = net.weight
    state = {"weight": torch.tensor([[2.5]], dtype=torch.float64), "bias": torch.zeros(1)}

    net.load_state_dict(state, assign=True)

    assert net.weight.dtype == torch.float64
    assert net.weight.data_ptr() == state["weight"].data_ptr()
    assert net.weight is not before


@pytest.mark.torch(">=2.3")
def test_assigned_tensors_are_as_trainable_as_the_parameters_were():
    """Since PyTorch 2.3 `load_state_dict(state, assign=True)` of floating-point tensors keeps
    `requires_grad` of the parameters it replaces: trainable ones are replaced by trainable
    Parameters, frozen ones by frozen ones.
    """
    trained, frozen = nn.Linear(1, 1), nn.Linear(1, 1).requires_grad_(False)
    state = {"weight": torch.zeros(1, 1), "bias": torch.zeros(1)}

    trained.load_state_dict(state, assign=True)
    frozen.load_state_dict(state, assign=True)

    assert type(trained.weight) is nn.Parameter
    assert trained.weight.requires_grad is True
    assert frozen.weight.requires_grad is False


@pytest.mark.torch(">=2.0")
def test_a_net_on_meta_has_shapes_and_no_numbers():
    """`nn.Linear(1_000_000, 1_000_000)`, built inside `with torch.device("meta")`, has a
    weight with shape and dtype but no memory for its 10**12 values.
    """
    with torch.device("meta"):
        net = nn.Linear(1_000_000, 1_000_000)

    assert net.weight.shape == (1_000_000, 1_000_000)
    assert net.weight.dtype == torch.float32
    assert str(net.weight.device) == "meta"


def test_a_net_on_meta_cannot_be_moved_away():
    """`net.to("cpu")` of an `nn.Linear(2, 1)` on `meta` raises NotImplementedError, "Cannot
    copy out of meta tensor; no data!". Use `to_empty(device="cpu")`, or, since PyTorch 2.1,
    load a state with `assign=True`.

    Because a meta tensor has a shape but no values that could be copied. After `to_empty` the
    values are uninitialized.
    """
    net = nn.Linear(2, 1, device="meta")

    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
        net.to("cpu")


@pytest.mark.torch(">=2.1")
def test_a_net_on_meta_is_filled_by_assigning():
    """`load_state_dict(state, assign=True)` of an `nn.Linear` on `meta` makes the loaded float32
    tensors its parameters, without copying their memory, and the layer computes with them.

    Because `assign=True` replaces the parameters: `net.weight` is a new `nn.Parameter` that shares
    the memory of the loaded tensor. So no initial weights have to be computed first.
    """
    net = nn.Linear(1, 1, device="meta")
    weight = torch.tensor([[3.0]])

    net.load_state_dict({"weight": weight, "bias": torch.zeros(1)}, assign=True)
    output = net(torch.tensor([2.0]))
    weight.fill_(5.0)

    assert output.tolist() == [6.0]
    assert isinstance(net.weight, nn.Parameter) is True
    assert net.weight.tolist() == [[5.0]]


@pytest.mark.torch(">=2.1")
def test_copying_into_a_net_on_meta_does_nothing():
    """With `net = nn.Linear(1, 1, bias=False, device="meta")`,
    `net.load_state_dict({"weight": torch.tensor([[3.0]])})` copies nothing: it warns, "which is a
    no-op. (Did you mean to pass `assign=True`", and the weight stays on `meta`.

    Because a meta parameter has no memory to copy into.
    """
    net = nn.Linear(1, 1, bias=False, device="meta")

    with pytest.warns(UserWarning, match=r"which is a no-op. \(Did you mean to pass `assign=True`"):
        net.load_state_dict({"weight": torch.tensor([[3.0]])})

    assert net.weight.is_meta is True


def test_to_empty_gives_a_net_on_meta_memory_to_load_into():
    """`net.to_empty(device="cpu")` of `net = nn.Linear(1, 1, device="meta")` moves `net` to the
    CPU, where its parameters get uninitialised memory; `net.load_state_dict(state_dict)` then
    copies the saved values into them.

    Until then the parameters hold arbitrary values. With `strict=False`, a parameter that the
    state dict lacks keeps them, and a non-persistent buffer always does: initialise these by hand.
    """
    net = nn.Linear(1, 1, device="meta").to_empty(device="cpu")

    net.load_state_dict({"weight": torch.tensor([[3.0]]), "bias": torch.zeros(1)})

    assert net(torch.tensor([2.0])).tolist() == [6.0]


def test_a_file_can_be_loaded_as_shapes_only(tmp_path):
    """`torch.load(path, map_location="meta")` of a saved float16 tensor of shape (2, 3) returns
    `tensor(..., device='meta', size=(2, 3), dtype=torch.float16)`: shape and dtype without values,
    a way to see what is in a large file.
    """
    torch.save(torch.zeros(2, 3, dtype=torch.float16), tmp_path / "x.pt")

    loaded = torch.load(tmp_path / "x.pt", map_location="meta", weights_only=True)

    assert repr(loaded) == "tensor(..., device='meta', size=(2, 3), dtype=torch.float16)"


@pytest.mark.torch(">=2.1")
def test_a_mapped_file_is_not_written_to(tmp_path):
    """After `torch.load(str(path), mmap=True)`, with the default mmap options, a write in place to
    the loaded tensor stays in memory and doesn't reach the file.

    Because the file is mapped into memory, and the mapping is private, copy-on-write, by
    default. Values are read from the file when they are used.
    """
    torch.save(torch.tensor([1.0, 2.0]), tmp_path / "x.pt")

    mapped = torch.load(str(tmp_path / "x.pt"), mmap=True, weights_only=True)
    mapped.add_(10)
    again = torch.load(tmp_path / "x.pt", weights_only=True)

    assert mapped.tolist() == [11.0, 12.0]
    assert again.tolist() == [1.0, 2.0]


@pytest.mark.torch(">=2.1")
def test_only_a_file_with_a_name_can_be_mapped():
    """`torch.load(buffer, mmap=True)` raises ValueError, "f must be a", for an `io.BytesIO` after
    `torch.save(x, buffer)` and `buffer.seek(0)`: only a file that is given by its path can be
    mapped.
    """
    buffer = io.BytesIO()
    torch.save(torch.zeros(1), buffer)
    buffer.seek(0)

    with pytest.raises(ValueError, match=r"f must be a (file path|string filename) in order"):
        torch.load(buffer, mmap=True, weights_only=True)


@pytest.mark.torch(">=2.3")
def test_a_mapped_file_may_be_named_by_a_path(tmp_path):
    """Since PyTorch 2.3 `torch.load(path, mmap=True)` takes a `pathlib.Path` as well as a
    string.
    """
    torch.save(torch.tensor([1.0, 2.0]), tmp_path / "x.pt")

    mapped = torch.load(tmp_path / "x.pt", mmap=True, weights_only=True)

    assert mapped.tolist() == [1.0, 2.0]


@pytest.mark.torch(">=2.1,<2.3")
def test_a_mapped_file_had_to_be_named_by_a_string(tmp_path):
    """In PyTorch 2.1 and 2.2 `torch.load(path, mmap=True)` of a `pathlib.Path` raised
    ValueError, "f must be a string filename in order to use mmap"; write `str(path)`.
    """
    torch.save(torch.tensor([1.0, 2.0]), tmp_path / "x.pt")

    with pytest.raises(ValueError, match="f must be a string filename in order to use mmap"):
        torch.load(tmp_path / "x.pt", mmap=True, weights_only=True)


@pytest.mark.cuda
def test_a_tensor_returns_to_the_gpu_it_was_saved_on(tmp_path):
    """Where CUDA is available, a tensor saved on `cuda:0` is loaded to `cuda:0` again by
    `torch.load`; with `map_location="cpu"` it is loaded to the CPU.
    """
    torch.save(torch.tensor([1.0], device="cuda:0"), tmp_path / "x.pt")

    there = torch.load(tmp_path / "x.pt", weights_only=True)
    here = torch.load(tmp_path / "x.pt", map_location="cpu", weights_only=True)

    assert str(there.device) == "cuda:0"
    assert str(here.device) == "cpu"


@pytest.mark.cuda
def test_a_gpu_that_is_not_there_is_refused(tmp_path):
    """With 1 to 99 CUDA GPUs, `torch.load(path, map_location="cuda:99")` of a saved tensor raises
    an error, "Attempting to deserialize object on CUDA device 99 but torch.cuda.device_count()
    is", followed by their number.
    """
    torch.save(torch.zeros(1), tmp_path / "x.pt")

    with pytest.raises(Exception, match="Attempting to deserialize object on CUDA device 99 but"):
        torch.load(tmp_path / "x.pt", map_location="cuda:99", weights_only=True)
