"""Checkpoints: a net on disk.

What a net has learnt is in its numbers. `state_dict()` gives them by name, `torch.save` writes
them to a file, and later `load_state_dict` puts them into a net that was built by the same code.
To go on training the optimizer's numbers belong in the file too.

What surprises: a state dict is no copy, a refused load has loaded what it could, and a save that
breaks off has destroyed the file it was to replace.
"""

import copy
import io
import os
import threading
import zipfile

import pytest
import torch
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

# PyTorch 2.0 warns of its own way of loading.
pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")


def test_a_state_dict_holds_parameters_and_buffers_by_name():
    """`state_dict()` maps names to tensors: what is learnt, and what is only remembered."""
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
    """A state dict is no copy: `best = net.state_dict()` goes on learning, a deep copy does not."""
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
    """Saved by `torch.save` and loaded into a new net, the numbers give the same answers."""
    net = nn.Linear(2, 1, device=device)
    net.weight.data = torch.tensor([[2.0, 3.0]], device=device)
    net.bias.data.fill_(0.5)
    torch.save(net.state_dict(), tmp_path / "net.pt")

    new = nn.Linear(2, 1, device=device)
    new.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))

    assert new(torch.tensor([1.0, 10.0], device=device)).tolist() == [32.5]


@pytest.mark.claim("summary-save-recommended")
def test_saving_the_numbers_is_the_way_that_loads_without_trust(tmp_path):
    """The numbers of a net load with `weights_only=True`; the net as an object is refused."""
    net = nn.Linear(1, 1)
    net.weight.data.fill_(3.0)
    torch.save(net.state_dict(), tmp_path / "numbers.pt")
    torch.save(net, tmp_path / "object.pt")

    rebuilt = nn.Linear(1, 1)
    rebuilt.load_state_dict(torch.load(tmp_path / "numbers.pt", weights_only=True))

    assert rebuilt.weight.tolist() == [[3.0]]
    with pytest.raises(Exception, match="Weights only load failed"):
        torch.load(tmp_path / "object.pt", weights_only=True)


def test_loading_copies_into_the_nets_own_memory(device):
    """`load_state_dict` writes into the parameters that are there, so an optimizer keeps them."""
    net = nn.Linear(1, 1, device=device)
    weight, address = net.weight, net.weight.data_ptr()
    state = {"weight": torch.tensor([[3.0]]), "bias": torch.tensor([1.0])}

    net.load_state_dict(state)
    state["weight"].fill_(5.0)

    assert net.weight is weight
    assert net.weight.data_ptr() == address
    assert net.weight.tolist() == [[3.0]]


def test_loading_answers_that_all_keys_matched():
    """`load_state_dict` returns what did not fit: nothing, if all went well."""
    net = nn.Linear(1, 1)

    answer = net.load_state_dict(net.state_dict())

    assert repr(answer) == "<All keys matched successfully>"
    assert answer.missing_keys == []
    assert answer.unexpected_keys == []


def test_names_that_do_not_match_are_refused():
    """Every name on both sides has to have its partner; the error lists those that have none."""
    net = nn.Linear(1, 1)

    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "bias"'):
        net.load_state_dict({"weight": torch.zeros(1, 1)})
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "scale"'):
        net.load_state_dict({**net.state_dict(), "scale": torch.zeros(1)})


def test_a_refused_load_has_loaded_what_it_could():
    """The error comes after the copying: where names fit, the old numbers are gone."""
    net = nn.Linear(1, 1)

    with pytest.raises(RuntimeError, match="Missing key"):
        net.load_state_dict({"weight": torch.tensor([[7.0]])})

    assert net.weight.tolist() == [[7.0]]


def test_strict_false_loads_what_fits_and_tells_the_rest():
    """With `strict=False` unmatched names are no error; they are in what the call returns."""
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
    """Where no name fits, `strict=False` changes nothing and says so only in its answer."""
    net = nn.Linear(1, 1)
    net.weight.data.fill_(3.0)

    answer = net.load_state_dict({"fc.weight": torch.zeros(1, 1)}, strict=False)

    assert net.weight.tolist() == [[3.0]]
    assert answer.missing_keys == ["weight", "bias"]


def test_a_shape_that_differs_is_refused_even_so():
    """`strict=False` forgives names, not shapes."""
    net = nn.Linear(3, 1)
    expected = r"copying a param with shape torch.Size\(\[1, 2\]\) from checkpoint, the shape in"

    with pytest.raises(RuntimeError, match=expected):
        net.load_state_dict({"weight": torch.zeros(1, 2), "bias": torch.zeros(1)}, strict=False)


def test_a_wrapper_puts_its_name_before_every_key():
    """A net saved inside DataParallel has keys that begin with `module.`, which have to go."""
    net = nn.Linear(1, 1)
    state = {"module.weight": torch.tensor([[7.0]]), "module.bias": torch.zeros(1)}

    with pytest.raises(RuntimeError, match=r'Unexpected key.*"module.weight", "module.bias"'):
        net.load_state_dict(state)
    consume_prefix_in_state_dict_if_present(state, "module.")
    net.load_state_dict(state)

    assert sorted(state) == ["bias", "weight"]
    assert net.weight.tolist() == [[7.0]]


def test_a_file_name_or_a_net_is_no_state_dict():
    """`load_state_dict` wants the loaded dict, not the name of the file nor another net."""
    net = nn.Linear(1, 1)

    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'str'>"):
        net.load_state_dict("net.pt")
    with pytest.raises(TypeError, match=r"dict-like, got <class 'torch.*Linear'>"):
        net.load_state_dict(net)


def test_mode_and_freezing_are_not_in_a_state_dict():
    """A state dict is numbers only: neither `eval()` nor `requires_grad_(False)` comes along."""
    net = nn.Sequential(nn.Linear(1, 1)).eval().requires_grad_(False)
    new = nn.Sequential(nn.Linear(1, 1))

    new.load_state_dict(net.state_dict())

    assert new.training is True
    assert new[0].weight.requires_grad is True


@pytest.mark.torch(">=2.0")
def test_a_checkpoint_is_any_dict(tmp_path):
    """One file holds what a run needs to go on: the net, the optimizer, where it was."""
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
    """With net, optimizer and generator restored, training ends with the very same numbers."""
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
    """`torch.save` empties the file first: broken off, there is neither an old nor a new one."""
    path = tmp_path / "run.pt"
    torch.save({"epoch": 1}, path)

    with pytest.raises(TypeError, match="cannot pickle"):
        torch.save({"epoch": 2, "lock": threading.Lock()}, path)

    with pytest.raises(Exception, match="PytorchStreamReader failed"):
        torch.load(path, weights_only=True)


def test_a_save_beside_and_a_rename_is_complete_or_absent(tmp_path):
    """Saved under another name and moved by `os.replace`, a checkpoint is the old or the new."""
    path, beside = tmp_path / "run.pt", tmp_path / "run.pt.new"
    torch.save({"epoch": 1}, path)

    with pytest.raises(TypeError, match="cannot pickle"):
        torch.save({"epoch": 2, "lock": threading.Lock()}, beside)
    after_the_failure = torch.load(path, weights_only=True)
    torch.save({"epoch": 2}, beside)
    os.replace(beside, path)
    after_the_rename = torch.load(path, weights_only=True)

    assert after_the_failure == {"epoch": 1}
    assert after_the_rename == {"epoch": 2}
    assert os.listdir(tmp_path) == ["run.pt"]


def test_torch_save_makes_no_folder(tmp_path):
    """The folder has to exist; a file that is not there is the usual `FileNotFoundError`."""
    with pytest.raises(RuntimeError, match=r"Parent directory .*runs does not exist"):
        torch.save({}, tmp_path / "runs" / "net.pt")
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        torch.load(tmp_path / "net.pt", weights_only=True)


@pytest.mark.torch(">=2.4")  # some older ones end the process
def test_the_object_comes_first_and_the_file_second(tmp_path):
    """`torch.save(path, state)` has them the wrong way round: a dict is no file to write to."""
    with pytest.raises(AttributeError, match="'write'"):
        torch.save(str(tmp_path / "net.pt"), {"epoch": 1})


def test_tensors_that_share_memory_do_so_after_loading(tmp_path):
    """Memory is saved once, however many tensors look at it, and is shared again when loaded."""
    x = torch.zeros(4)
    torch.save({"all": x, "half": x[:2]}, tmp_path / "x.pt")

    loaded = torch.load(tmp_path / "x.pt", weights_only=True)
    loaded["half"].fill_(1.0)

    assert loaded["all"].tolist() == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.torch(">=2.0")
def test_a_view_is_saved_with_all_of_its_memory(tmp_path):
    """Of a slice the whole tensor is written; `clone()` cuts two numbers out of the thousand."""
    x = torch.zeros(1000)
    torch.save(x[:2], tmp_path / "view.pt")
    torch.save(x[:2].clone(), tmp_path / "clone.pt")

    view = torch.load(tmp_path / "view.pt", weights_only=True)
    clone = torch.load(tmp_path / "clone.pt", weights_only=True)

    assert view.shape == clone.shape == (2,)
    assert view.untyped_storage().nbytes() == 4000
    assert clone.untyped_storage().nbytes() == 8


def test_a_checkpoint_is_a_zip_archive(tmp_path):
    """Whatever its name ends in, the file is a zip: one pickle, and one member for each memory."""
    torch.save({"a": torch.zeros(2), "b": torch.zeros(3)}, tmp_path / "net.anything")

    archive = zipfile.ZipFile(tmp_path / "net.anything")
    sizes = {member.filename.split("/", 1)[1]: member.file_size for member in archive.infolist()}
    archive.close()

    assert "data.pkl" in sizes
    assert [sizes["data/0"], sizes["data/1"]] == [8, 12]


def test_a_buffer_in_memory_is_a_file_to_be_rewound():
    """`torch.save` writes to a `BytesIO` as well, which stands at its end then: `seek(0)` first."""
    buffer = io.BytesIO()
    torch.save({"epoch": 7}, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=True)

    assert loaded == {"epoch": 7}
