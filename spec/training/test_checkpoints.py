"""Checkpoints: a net on disk.

What a net has learnt is in its parameters and buffers. `state_dict()` gives them by name,
`torch.save` writes them to a file, and `load_state_dict` copies them into a net that was built by
the same code. To resume a training, the state of the optimizer, the epoch and the state of the
random number generator belong in the file too; a dict holds them all.

What surprises: a state dict shares memory with its net, a refused `load_state_dict` has copied what
fitted, and a `torch.save` that fails half way has destroyed the file it was to replace. What
`torch.load` accepts in a file is told in `spec/training/test_pickles.py`, to which device it loads
in `spec/training/test_map_location.py`, how an optimizer's state is loaded in
`spec/optim/test_optimizer_state.py`.
"""

import copy
import io
import os
import pickle
import threading
import zipfile

import pytest
import torch
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

# PyTorch 2.0 warns of its own way of loading.
pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")


def test_a_state_dict_holds_parameters_and_buffers_by_name():
    """`state_dict()` of `nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())` has,
    under dotted names, the parameters and persistent buffers of its layers, such as
    `0.weight` and `1.running_mean`. `nn.ReLU` has neither and no entry.

    A buffer registered with `persistent=False` is left out (`spec/nn/test_buffers.py`).
    """
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())

    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}

    assert shapes == {
        "0.weight": (3, 2),
        "0.bias": (3,),
        "1.weight": (3,),
        "1.bias": (3,),
        "1.running_mean": (3,),
        "1.running_var": (3,),
        "1.num_batches_tracked": (),
    }


def test_a_state_dict_shares_memory_with_its_net(device):
    """The tensors of `net.state_dict()` of an `nn.Linear` share memory with its parameters,
    so they change when a step changes these in place; `copy.deepcopy(net.state_dict())`
    keeps the values of the moment.

    So `best = net.state_dict()` keeps no best weights. The tensors are detached: unless
    `keep_vars=True` is given, they don't require grad.
    """
    net = nn.Linear(1, 1, device=device)
    net.weight.data.fill_(3.0)
    best = net.state_dict()
    kept = copy.deepcopy(net.state_dict())

    net.weight.data.fill_(5.0)

    assert best["weight"].tolist() == [[5.0]]
    assert kept["weight"].tolist() == [[3.0]]
    assert best["weight"].data_ptr() == net.weight.data_ptr()
    assert best["weight"].requires_grad is False


@pytest.mark.claim("course-save-load")
def test_a_saved_net_can_be_loaded_again(tmp_path, device):
    """For `net` and `new`, each an `nn.Linear(2, 1)`, `torch.save(net.state_dict(), path)`
    and then `new.load_state_dict(torch.load(path))` give `new` the weight and bias of
    `net`, and so the same outputs.
    """
    net = nn.Linear(2, 1, device=device)
    net.weight.data = torch.tensor([[2.0, 3.0]], device=device)
    net.bias.data.fill_(0.5)
    torch.save(net.state_dict(), tmp_path / "net.pt")

    new = nn.Linear(2, 1, device=device)
    new.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))

    assert new(torch.tensor([1.0, 10.0], device=device)).tolist() == [32.5]


@pytest.mark.claim("summary-save-recommended")
def test_saving_the_numbers_is_the_way_that_loads_without_trust(tmp_path):
    """With `weights_only=True`, the default since PyTorch 2.6, `torch.load` reads a saved
    `net.state_dict()` of `net = nn.Linear(1, 1)`; for a file of `torch.save(net, path)` it
    raises UnpicklingError, "Weights only load failed".

    Because the object is a pickle that names the class, and loading it may run any code.
    Save the state dict and build the net by its class. What a module returns from
    `get_extra_state()` is in the dict too, and may be refused.
    """
    net = nn.Linear(1, 1)
    net.weight.data.fill_(3.0)
    torch.save(net.state_dict(), tmp_path / "numbers.pt")
    torch.save(net, tmp_path / "object.pt")

    rebuilt = nn.Linear(1, 1)
    rebuilt.load_state_dict(torch.load(tmp_path / "numbers.pt", weights_only=True))

    assert rebuilt.weight.tolist() == [[3.0]]
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(tmp_path / "object.pt", weights_only=True)


def test_loading_copies_into_the_nets_own_memory(device):
    """`net.load_state_dict(state)` by default copies values into the parameters of an
    `nn.Linear`: `net.weight` is the same Parameter in the same memory, and a later change
    of `state["weight"]`, a tensor with other memory, doesn't reach it.

    So an optimizer that was built before the load still has the right parameters.
    """
    net = nn.Linear(1, 1, device=device)
    weight, address = net.weight, net.weight.data_ptr()
    state = {"weight": torch.tensor([[3.0]]), "bias": torch.tensor([1.0])}

    net.load_state_dict(state)
    state["weight"].fill_(5.0)

    assert net.weight is weight
    assert net.weight.data_ptr() == address
    assert net.weight.tolist() == [[3.0]]


def test_loading_answers_that_all_keys_matched():
    """With `net = nn.Linear(1, 1)`, `net.load_state_dict(net.state_dict())` returns a named tuple
    whose lists `missing_keys` and `unexpected_keys` are empty; it prints as
    `<All keys matched successfully>`.

    If the keys don't match, the call raises RuntimeError; with `strict=False` it returns them in
    these lists.
    """
    net = nn.Linear(1, 1)

    answer = net.load_state_dict(net.state_dict())
    partial = net.load_state_dict({}, strict=False)

    assert repr(answer) == "<All keys matched successfully>"
    assert answer.missing_keys == []
    assert answer.unexpected_keys == []
    assert answer == ([], [])
    assert partial == (["weight", "bias"], [])


def test_names_that_do_not_match_are_refused():
    """`net.load_state_dict(state)` of `net = nn.Linear(1, 1)` raises RuntimeError:
    `Missing key(s) in state_dict: "bias"` if `state` has only the weight,
    `Unexpected key(s) in state_dict: "scale"` if it has `"scale"` beside weight and bias.

    Because `strict=True` is the default. Often one side has a prefix such as `module.` too
    many. An exception: BatchNorm does without `num_batches_tracked` in a plain dict, as old
    files lack it.
    """
    net = nn.Linear(1, 1)

    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "bias"'):
        net.load_state_dict({"weight": torch.zeros(1, 1)})
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "scale"'):
        net.load_state_dict({**net.state_dict(), "scale": torch.zeros(1)})

    norm = nn.BatchNorm1d(1)
    without_counter = {name: norm.state_dict()[name] for name in list(norm.state_dict())[:4]}
    assert norm.load_state_dict(without_counter).missing_keys == []


def test_a_refused_load_has_loaded_what_it_could():
    """For `net = nn.Linear(1, 1)`, `net.load_state_dict({"weight": torch.tensor([[7.0]])})` raises
    RuntimeError, "Missing key(s) in state_dict", for the missing `bias`, but the weight is copied:
    `net.weight` is 7.0 afterwards.

    Because the error is raised at the end of the call, after the tensors that fit have been
    copied. Load into a fresh net if a failed load must leave the old one as it was.
    """
    net = nn.Linear(1, 1)

    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "bias"'):
        net.load_state_dict({"weight": torch.tensor([[7.0]])})

    assert net.weight.tolist() == [[7.0]]


def test_strict_false_loads_what_fits_and_tells_the_rest():
    """`nn.Linear(1, 1).load_state_dict({"weight": torch.tensor([[7.0]]), "scale":
    torch.zeros(1)}, strict=False)` loads the weight, raises nothing, and returns
    `missing_keys` with "bias" and `unexpected_keys` with "scale".
    """
    net = nn.Linear(1, 1)
    net.bias.data.fill_(0.5)

    answer = net.load_state_dict(
        {"weight": torch.tensor([[7.0]]), "scale": torch.zeros(1)}, strict=False
    )

    assert answer.missing_keys == ["bias"]
    assert answer.unexpected_keys == ["scale"]
    assert net.weight.tolist() == [[7.0]]
    assert net.bias.tolist() == [0.5]


def test_strict_false_may_load_nothing_at_all():
    """If no key matches, `load_state_dict(state, strict=False)` of an `nn.Linear` leaves
    the parameters as they are and neither raises nor warns; the result lists the keys in
    `missing_keys` and `unexpected_keys`.

    So read what the call returns, for instance `assert not result.missing_keys`.
    """
    net = nn.Linear(1, 1)
    net.weight.data.fill_(3.0)

    answer = net.load_state_dict({"fc.weight": torch.zeros(1, 1)}, strict=False)

    assert net.weight.tolist() == [[3.0]]
    assert answer.missing_keys == ["weight", "bias"]
    assert answer.unexpected_keys == ["fc.weight"]


def test_a_shape_that_differs_is_refused_even_so():
    """With `strict=False` too, `load_state_dict` of a weight of shape [1, 2] into an
    `nn.Linear(3, 1)` raises RuntimeError, "size mismatch for weight: copying a param with shape
    torch.Size([1, 2])".

    Leave such keys out of the dict, as for a new head (`spec/training/test_finetuning.py`). An
    exception: a tensor of shape [1] is loaded into a 0-d one, such as `num_batches_tracked` of
    BatchNorm; PyTorch 2.9 and older take the first number of a longer 1-D tensor, too.
    """
    net = nn.Linear(3, 1)
    expected = r"size mismatch for weight: copying a param with shape torch.Size\(\[1, 2\]\) from"

    with pytest.raises(RuntimeError, match=expected):
        net.load_state_dict({"weight": torch.zeros(1, 2), "bias": torch.zeros(1)}, strict=False)
    counter = nn.BatchNorm1d(1)
    counter.load_state_dict({"num_batches_tracked": torch.tensor([7])}, strict=False)
    assert counter.num_batches_tracked.tolist() == 7


def test_a_wrapper_puts_its_name_before_every_key():
    """The keys of the `state_dict()` of a net wrapped by `nn.DataParallel` begin with `module.`;
    `torch.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")` removes that
    prefix from such a `state` in place.

    Because the wrapper holds the net as its submodule `module`. Or save
    `wrapper.module.state_dict()` from the start.
    """
    net = nn.Linear(1, 1)
    wrapped = nn.DataParallel(nn.Linear(1, 1))
    wrapped.module.weight.data.fill_(7.0)
    state = wrapped.state_dict()
    keys = list(state)

    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "weight", "bias"'):
        net.load_state_dict(state)
    consume_prefix_in_state_dict_if_present(state, "module.")
    net.load_state_dict(state)

    assert keys == ["module.weight", "module.bias"]
    assert sorted(state) == ["bias", "weight"]
    assert net.weight.tolist() == [[7.0]]


def test_a_file_name_or_a_net_is_no_state_dict():
    """`nn.Module.load_state_dict` takes a dict: a file name as a string, or another net,
    raises TypeError, "Expected state_dict to be dict-like, got" and the class.

    Write `net.load_state_dict(torch.load(path))`, or
    `net.load_state_dict(other.state_dict())`.
    """
    net = nn.Linear(1, 1)

    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'str'>"):
        net.load_state_dict("net.pt")
    with pytest.raises(
        TypeError, match=r"Expected state_dict to be dict-like, got <class 'torch.*Linear'>"
    ):
        net.load_state_dict(net)


def test_mode_and_freezing_are_not_in_a_state_dict():
    """`net.state_dict()` holds neither the mode nor `requires_grad`: a new `nn.Linear` is
    still in training mode, and its parameters require grad, after it has loaded the state
    of a frozen one in `eval()`.

    So call `eval()` and freeze again after loading.
    """
    net = nn.Sequential(nn.Linear(1, 1)).eval().requires_grad_(False)
    new = nn.Sequential(nn.Linear(1, 1))

    new.load_state_dict(net.state_dict())

    assert new.training is True
    assert new[0].weight.requires_grad is True


@pytest.mark.torch(">=2.0")
def test_a_checkpoint_is_a_dict_of_all_that_a_run_needs(tmp_path):
    """`torch.save(dict(net=net.state_dict(), optimizer=optimizer.state_dict(), epoch=7), path)`
    with `optimizer` an `SGD` of `lr=0.25` writes one file; `torch.load(path, weights_only=True)`
    returns the dict again, with 0.25 in it.

    Because the dict holds only what `weights_only=True` allows, such as tensors, Python numbers,
    lists and dicts; a NumPy number as `lr` would be refused. A run that draws random numbers needs
    the state of the generator too.
    """
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.25, momentum=0.5)
    checkpoint = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 7}
    torch.save(checkpoint, tmp_path / "run.pt")

    loaded = torch.load(tmp_path / "run.pt", weights_only=True)

    assert loaded["epoch"] == 7
    assert list(loaded["net"]) == ["weight", "bias"]
    assert loaded["optimizer"]["param_groups"][0]["lr"] == 0.25


@pytest.mark.torch(">=2.0")
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    """Full-batch `SGD` training with `nn.Dropout(0.5)` on the CPU, resumed from a checkpoint of
    net, optimizer and `torch.get_rng_state()`, ends with the same weights as the uninterrupted
    run; `torch.set_rng_state` restores the generator.

    On one machine with one release: see `spec/training/test_reproducibility.py` for what a
    seed does not fix. A `generator` given to a `DataLoader`, and a scheduler, have a state
    of their own to save.
    """
    data = torch.rand(8, 4)

    def start():
        net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 1))
        return net, torch.optim.SGD(net.parameters(), lr=0.25, momentum=0.5)

    def train(net, optimizer):
        for _ in range(3):
            optimizer.zero_grad()
            net(data).square().mean().backward()
            optimizer.step()

    net, optimizer = start()
    train(net, optimizer)
    checkpoint = {
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "generator": torch.get_rng_state(),
    }
    torch.save(checkpoint, tmp_path / "run.pt")
    train(net, optimizer)

    loaded = torch.load(tmp_path / "run.pt", weights_only=True)
    resumed, optimizer = start()
    resumed.load_state_dict(loaded["net"])
    optimizer.load_state_dict(loaded["optimizer"])
    torch.set_rng_state(loaded["generator"])
    train(resumed, optimizer)

    without, optimizer = start()
    without.load_state_dict(loaded["net"])
    optimizer.load_state_dict(loaded["optimizer"])
    train(without, optimizer)  # the generator was forgotten: Dropout drops other numbers

    assert torch.equal(resumed[0].weight, net[0].weight) is True
    assert torch.equal(resumed[2].bias, net[2].bias) is True
    assert torch.equal(without[0].weight, net[0].weight) is False


def test_a_save_that_breaks_off_destroys_what_was_there(tmp_path):
    """A `torch.save` that raises while it pickles destroys the checkpoint that was at `path`:
    after the TypeError of `torch.save({"lock": threading.Lock()}, path)`, `torch.load(path)`
    raises.

    Because the file is opened for writing, and so emptied, before the first object is
    pickled. Save to a second name first, then call `os.replace`.
    """
    path = tmp_path / "run.pt"
    torch.save({"epoch": 1}, path)

    with pytest.raises(TypeError, match=r"cannot pickle '_thread\.lock' object"):
        torch.save({"epoch": 2, "lock": threading.Lock()}, path)

    with pytest.raises(
        Exception, match=r"PytorchStreamReader failed (locating file|reading zip archive)"
    ):
        torch.load(path, weights_only=True)


def test_a_save_beside_and_a_rename_is_complete_or_absent(tmp_path):
    """`torch.save` to a second name in the same directory, then `os.replace(second, path)`, leaves
    the old checkpoint at `path` if saving raises, and the complete new one if both calls return.

    Because `os.replace` within one file system takes effect at once or not at all.
    """
    path, beside = tmp_path / "run.pt", tmp_path / "run.pt.new"
    torch.save({"epoch": 1}, path)

    with pytest.raises(TypeError, match=r"cannot pickle '_thread\.lock' object"):
        torch.save({"epoch": 2, "lock": threading.Lock()}, beside)
    after_the_failure = torch.load(path, weights_only=True)
    torch.save({"epoch": 2}, beside)
    os.replace(beside, path)
    after_the_rename = torch.load(path, weights_only=True)

    assert after_the_failure == {"epoch": 1}
    assert after_the_rename == {"epoch": 2}
    assert os.listdir(tmp_path) == ["run.pt"]


def test_torch_save_makes_no_folder(tmp_path):
    """`torch.save({}, path)` with `path` in a directory that doesn't exist raises RuntimeError,
    "Parent directory ... does not exist"; `torch.load` of a missing file in a directory that
    exists raises FileNotFoundError.

    For `path = pathlib.Path(...)`, call `path.parent.mkdir(parents=True, exist_ok=True)` before
    `torch.save`.
    """
    with pytest.raises(RuntimeError, match=r"Parent directory .*runs does not exist"):
        torch.save({}, tmp_path / "runs" / "net.pt")
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        torch.load(tmp_path / "net.pt", weights_only=True)


@pytest.mark.torch(">=2.0")
def test_the_object_comes_first_and_the_file_second(tmp_path):
    """`torch.save(path, state)`, with a dict in the file's position, raises AttributeError,
    "expected 'f' to be string, path, or a file-like object with a 'write' attribute"; write
    `torch.save(state, path)`.

    If both were strings, the wrong order would save the first string into a file named by
    the second.
    """
    with pytest.raises(AttributeError, match="expected 'f' to be string, path, or a file-like"):
        torch.save(str(tmp_path / "net.pt"), {"epoch": 1})


def test_tensors_that_share_memory_do_so_after_loading(tmp_path):
    """For `x = torch.zeros(4)`, the two tensors saved by one
    `torch.save({"all": x, "half": x[:2]}, path)` share memory again after `torch.load(path)`: a
    write to "half" shows in "all".

    Saved by two calls into two files, `x` and `x[:2]` are independent afterwards. With different
    dtypes, as `x` and `x.view(torch.int32)`, one `torch.save` of both raises RuntimeError.
    """
    x = torch.zeros(4)
    torch.save({"all": x, "half": x[:2]}, tmp_path / "x.pt")

    loaded = torch.load(tmp_path / "x.pt", weights_only=True)
    loaded["half"].fill_(1.0)

    assert loaded["all"].tolist() == [1.0, 1.0, 0.0, 0.0]
    with pytest.raises(
        RuntimeError, match="Cannot save multiple tensors or storages that view the"
    ):
        torch.save({"all": x, "bits": x.view(torch.int32)}, tmp_path / "x.pt")


@pytest.mark.torch(">=2.0")
def test_a_view_is_saved_with_all_of_its_memory(tmp_path):
    """`torch.save(x[:2], path)` of `x = torch.zeros(1000)` in float32 writes the whole
    storage of `x`: loaded, the view of 2 elements has a storage of 4000 bytes;
    `x[:2].clone()`, saved and loaded, has one of 8 bytes.

    Because views that are saved together must be able to share memory again. Clone small
    views of large tensors before saving.
    """
    x = torch.zeros(1000)
    torch.save(x[:2], tmp_path / "view.pt")
    torch.save(x[:2].clone(), tmp_path / "clone.pt")

    view = torch.load(tmp_path / "view.pt", weights_only=True)
    clone = torch.load(tmp_path / "clone.pt", weights_only=True)

    assert view.shape == clone.shape == (2,)
    assert view.untyped_storage().nbytes() == 4000
    assert clone.untyped_storage().nbytes() == 8


def test_a_checkpoint_is_a_zip_archive(tmp_path):
    """`torch.save` writes by default a zip archive, under any extension of the file name.
    Inside, in one folder, `data.pkl` is the pickle; for two CPU tensors with storages of
    their own, `data/0` and `data/1` hold the bytes of the storages.

    So `unzip -l net.pt` lists the sizes. Before PyTorch 1.6 the format was another one,
    which `torch.load` still reads.
    """
    torch.save({"a": torch.zeros(2), "b": torch.zeros(3)}, tmp_path / "net.anything")

    archive = zipfile.ZipFile(tmp_path / "net.anything")
    sizes = {member.filename.split("/", 1)[1]: member.file_size for member in archive.infolist()}
    archive.close()

    assert "data.pkl" in sizes
    assert [sizes["data/0"], sizes["data/1"]] == [8, 12]


def test_a_buffer_in_memory_is_a_file_to_be_rewound():
    """`torch.save(x, buffer)` to a new `buffer = io.BytesIO()` leaves the position at the
    end: `torch.load(buffer)` raises EOFError; call `buffer.seek(0)` first.
    """
    buffer = io.BytesIO()
    torch.save({"epoch": 7}, buffer)

    with pytest.raises(EOFError):
        torch.load(buffer, weights_only=True)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=True)

    assert loaded == {"epoch": 7}
