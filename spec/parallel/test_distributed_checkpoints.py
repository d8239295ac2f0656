"""Checkpoints of sharded models: torch.distributed.checkpoint.

`torch.save` writes one file, for which one process would need the whole model in memory.
`torch.distributed.checkpoint`, imported as `dcp`, writes a folder: every process saves its own
shards, and a file `.metadata` says where the parts of each tensor are. `dcp.load` reads into a
state dict that is there already, and each process reads the parts that it needs, so that a
checkpoint of four processes can be loaded by two, or by one.

Both work in a single process too, which is the case in most facts here. Plain checkpoints are told
in `spec/training/test_checkpoints.py`.

What surprises: `dcp.load` returns nothing, it writes into the tensors that it is given; what they
don't name is not loaded; and its CheckpointException is no subclass of Exception.
"""

import pytest
import torch
from torch import nn

from fixtures import processes

pytestmark = [
    pytest.mark.torch(">=2.2"),
    # Without a process group it says that it saves or loads in a single process.
    pytest.mark.filterwarnings("ignore:torch.distributed is (disabled|unavailable):UserWarning"),
    pytest.mark.filterwarnings("ignore:TypedStorage is deprecated:UserWarning"),
    # Before PyTorch 2.6 `torch.load` announces another default.
    pytest.mark.filterwarnings("ignore:You are using `torch.load` with:FutureWarning"),
]


@pytest.fixture
def dcp():
    """torch.distributed.checkpoint."""
    import torch.distributed.checkpoint as dcp

    return dcp


@pytest.mark.torch(">=2.3")
def test_a_checkpoint_is_a_folder(tmp_path, dcp):
    """In a single process `dcp.save(state_dict, checkpoint_id=folder)`, of
    `torch.distributed.checkpoint`, writes two files into a new folder: `__0_0.distcp` with the
    values and `.metadata`, which says where each value is.

    Each further process writes a file of its own, `__1_0.distcp` and so on.
    """
    dcp.save({"weight": torch.ones(2)}, checkpoint_id=tmp_path / "step1")

    names = sorted(path.name for path in (tmp_path / "step1").iterdir())
    assert names == [".metadata", "__0_0.distcp"]


@pytest.mark.torch(">=2.4")
def test_loading_writes_into_what_is_there(tmp_path, dcp):
    """For `state = {"weight": torch.zeros(2), "step": 0}`,
    `torch.distributed.checkpoint.load(state, checkpoint_id=folder)` writes the saved "weight" into
    that tensor itself and replaces the number in the dict `state`; it returns None.

    So make the model first, load into `model.state_dict()`, whose tensors are those of the model;
    call `model.load_state_dict` afterwards for layers that keep more than tensors.
    """
    dcp.save({"weight": torch.tensor([1.0, 2.0]), "step": 7}, checkpoint_id=tmp_path)
    weight = torch.zeros(2)
    state = {"weight": weight, "step": 0}

    returned = dcp.load(state, checkpoint_id=tmp_path)

    assert returned is None
    assert weight.tolist() == [1.0, 2.0]
    assert state["step"] == 7


@pytest.mark.torch(">=2.3")
def test_only_what_is_named_is_loaded(tmp_path, dcp):
    """`torch.distributed.checkpoint.load(state, checkpoint_id=path)` loads only the keys that the
    dict `state` already has: into an empty dict it loads nothing.

    So a part of a checkpoint can be loaded, and a key that was forgotten in `state` is not
    noticed.
    """
    dcp.save({"weight": torch.ones(2), "bias": torch.ones(1)}, checkpoint_id=tmp_path)
    empty, part = {}, {"bias": torch.zeros(1)}

    dcp.load(empty, checkpoint_id=tmp_path)
    dcp.load(part, checkpoint_id=tmp_path)

    assert empty == {}
    assert list(part) == ["bias"]
    assert part["bias"].tolist() == [1.0]


@pytest.mark.torch(">=2.6")
def test_a_tensor_of_another_size_is_refused(tmp_path, dcp):
    """Since PyTorch 2.6 `torch.distributed.checkpoint.load` of saved `torch.ones(8)` into
    `torch.zeros(4)` raises CheckpointException, "Size mismatch between saved torch.Size([8]) and
    current: torch.Size([4])", not caught by `except Exception`.

    Because the class inherits from BaseException: write
    `except torch.distributed.checkpoint.CheckpointException`.
    """
    dcp.save({"weight": torch.ones(8)}, checkpoint_id=tmp_path)

    with pytest.raises(
        dcp.CheckpointException,
        match=r"Size mismatch between saved torch.Size\(\[8\]\) and current: torch.Size\(\[4\]\)",
    ):
        dcp.load({"weight": torch.zeros(4)}, checkpoint_id=tmp_path)

    assert issubclass(dcp.CheckpointException, Exception) is False


@pytest.mark.torch(">=2.4")
def test_a_name_that_was_not_saved_is_refused(tmp_path, dcp):
    """`torch.distributed.checkpoint.load({"bias": bias}, checkpoint_id=folder)`, with the default
    planner, raises CheckpointException, "Missing key in checkpoint state_dict: bias.", if the
    checkpoint has no `bias`.

    Often the checkpoint or the model that loads it comes from DDP: the names in its `state_dict()`
    begin with `module.`. With `planner=dcp.DefaultLoadPlanner(allow_partial_load=True)` a tensor
    that the checkpoint lacks keeps its values.
    """
    dcp.save({"weight": torch.ones(8)}, checkpoint_id=tmp_path)

    with pytest.raises(dcp.CheckpointException, match="Missing key in checkpoint state_dict: bias"):
        dcp.load({"bias": torch.zeros(4)}, checkpoint_id=tmp_path)

    lenient = dcp.DefaultLoadPlanner(allow_partial_load=True)
    state = {"bias": torch.zeros(4)}
    dcp.load(state, checkpoint_id=tmp_path, planner=lenient)
    assert state["bias"].tolist() == [0.0, 0.0, 0.0, 0.0]


@pytest.mark.torch(">=2.3")
def test_the_dtype_is_that_of_the_tensor_that_is_there(tmp_path, dcp):
    """`torch.distributed.checkpoint.load` keeps the dtype of the tensor that it loads into:
    a float32 1.5 becomes 1.5 in a float64 tensor and 1 in an int64 tensor.

    No error tells of the digits that are lost.
    """
    dcp.save({"weight": torch.tensor([1.5])}, checkpoint_id=tmp_path)
    double = {"weight": torch.zeros(1, dtype=torch.float64)}
    integer = {"weight": torch.zeros(1, dtype=torch.int64)}

    dcp.load(double, checkpoint_id=tmp_path)
    dcp.load(integer, checkpoint_id=tmp_path)

    assert double["weight"].dtype == torch.float64
    assert double["weight"].tolist() == [1.5]
    assert integer["weight"].tolist() == [1]


@pytest.mark.torch(">=2.3")
def test_a_folder_can_be_turned_into_a_file(tmp_path, dcp):
    """`dcp_to_torch_save(folder, file)` turns a checkpoint folder into a file for `torch.load`,
    and `torch_save_to_dcp(file, folder)` turns the file of a model's state dict into a folder;
    both are in `torch.distributed.checkpoint.format_utils`.

    They hold the whole state dict in the memory of one process. Integer keys become strings: an
    optimizer loads such a copy of its `state_dict()` without an error, but doesn't use its state.
    `torch.load` of the folder itself raises IsADirectoryError.
    """
    from torch.distributed.checkpoint.format_utils import dcp_to_torch_save, torch_save_to_dcp

    folder, file, back = tmp_path / "folder", tmp_path / "model.pt", tmp_path / "back"
    dcp.save({"weight": torch.tensor([1.5])}, checkpoint_id=folder)

    dcp_to_torch_save(folder, file)
    torch_save_to_dcp(file, back)
    state = {"weight": torch.zeros(1)}
    dcp.load(state, checkpoint_id=back)

    assert torch.load(file)["weight"].tolist() == [1.5]
    assert state["weight"].tolist() == [1.5]

    torch.save({"state": {0: torch.ones(1)}}, file)
    torch_save_to_dcp(file, tmp_path / "integer_key")
    dcp_to_torch_save(tmp_path / "integer_key", file)
    assert list(torch.load(file)["state"]) == ["0"]


def test_the_state_of_the_optimizer_goes_by_names():
    """After a step with all gradients, `a, b = get_state_dict(model, sgd)` gives state dicts with
    the parameters' names, where `sgd.state_dict()` has numbers;
    `set_state_dict(model2, sgd2, model_state_dict=a, optim_state_dict=b)` loads them.

    Both are in `torch.distributed.checkpoint.state_dict`, and work for plain, DDP and FSDP models,
    so that one checkpoint fits all; the names are those of the bare model. If some parameters have
    a momentum and others, which never got a gradient, have none, `set_state_dict` raises an error.
    """
    from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    model(torch.ones(1, 1)).sum().backward()
    optimizer.step()

    of_model, of_optimizer = get_state_dict(model, optimizer)
    other = nn.Linear(1, 1)
    others = torch.optim.SGD(other.parameters(), lr=0.5, momentum=0.9)
    set_state_dict(other, others, model_state_dict=of_model, optim_state_dict=of_optimizer)

    assert list(of_model) == ["weight", "bias"]
    assert list(of_optimizer["state"]) == ["weight", "bias"]
    assert of_optimizer["param_groups"][0]["params"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["params"] == [0, 1]
    assert torch.equal(other.bias, model.bias) is True
    assert others.state[other.bias]["momentum_buffer"].tolist() == [1.0]


def save(rank, folder):
    """Shard a weight of eight rows, 0 to 7, over four processes and save it."""
    import torch.distributed.checkpoint as dcp
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    model = nn.Linear(1, 8, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.arange(8.0).unsqueeze(1))
    fully_shard(model, mesh=init_device_mesh("cpu", (4,)))
    dcp.save({"model": model.state_dict()}, checkpoint_id=folder)
    return model.weight.to_local().flatten().tolist()


def load(rank, folder):
    """Shard a weight of eight rows of zeros over two processes and load it."""
    import torch.distributed.checkpoint as dcp
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    model = nn.Linear(1, 8, bias=False)
    nn.init.zeros_(model.weight)
    fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    dcp.load({"model": model.state_dict()}, checkpoint_id=folder)
    return model.weight.to_local().flatten().tolist()


@pytest.mark.slow
@pytest.mark.torch(">=2.6")
def test_four_processes_save_and_two_load(tmp_path, dcp):
    """A model sharded by `fully_shard` over four processes and saved by
    `torch.distributed.checkpoint.save` can be loaded by `torch.distributed.checkpoint.load`
    into a model sharded over two, or into plain tensors in one process.

    Each process reads the parts that it needs, from whichever file they are in.
    """
    folder = str(tmp_path / "checkpoint")

    with processes.Group(tmp_path, 4) as four:
        saved = four(save, folder)
    (tmp_path / "two").mkdir()
    with processes.Group(tmp_path / "two", 2) as two:
        loaded = two(load, folder)
    plain = {"model": {"weight": torch.zeros(8, 1)}}
    dcp.load(plain, checkpoint_id=folder)

    assert saved == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]
    assert loaded == [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]
    assert plain["model"]["weight"].flatten().tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """Two processes that run the program they are given."""
    with processes.Group(tmp_path_factory.mktemp("state_dicts")) as group:
        yield group


def sharded(model):
    """The model, sharded over two processes."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    return fully_shard(model, mesh=init_device_mesh("cpu", (2,)))


@pytest.mark.slow
@pytest.mark.torch(">=2.6")
def test_a_full_state_dict_is_gathered_on_rank_0(group):
    """`get_model_state_dict(model, options=StateDictOptions(full_state_dict=True,
    cpu_offload=True))` gives rank 0 the whole tensors of a model sharded by `fully_shard`, other
    ranks an empty dict; parameters in `model.state_dict()` are DTensors.

    All ranks have to call it, since all send their shards.
    """

    def program(rank):
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        model = nn.Linear(1, 4, bias=False)
        nn.init.ones_(model.weight)
        sharded(model)
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        full = get_model_state_dict(model, options=options)
        kind = type(model.state_dict()["weight"]).__name__
        return [kind, {name: tensor.flatten().tolist() for name, tensor in full.items()}]

    assert group(program) == [["DTensor", {"weight": [1.0, 1.0, 1.0, 1.0]}], ["DTensor", {}]]


@pytest.mark.slow
@pytest.mark.torch(">=2.6")
def test_a_full_state_dict_is_loaded_by_set_model_state_dict(group):
    """For an `nn.Linear` sharded by `fully_shard`, `load_state_dict(plain)` of plain tensors
    raises RuntimeError, "got mixed torch.Tensor and DTensor"; `set_model_state_dict` with
    `StateDictOptions(full_state_dict=True)` on every rank loads them.

    With `broadcast_from_rank0=True` beside it only rank 0 needs to have read the file.
    `set_model_state_dict` changes the values of `plain` itself to DTensors: give it `dict(plain)`
    to keep them.
    """

    def program(rank):
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

        model = nn.Linear(1, 4, bias=False)
        sharded(model)
        full = {"weight": torch.tensor([[0.0], [1.0], [2.0], [3.0]])}
        refused = ""
        try:
            model.load_state_dict(full)
        except RuntimeError as error:
            refused = str(error)
        set_model_state_dict(model, full, options=StateDictOptions(full_state_dict=True))
        return [
            "got mixed torch.Tensor and DTensor" in refused,
            model.weight.to_local().flatten().tolist(),
            type(full["weight"]).__name__,
        ]

    assert group(program) == [[True, [0.0, 1.0], "DTensor"], [True, [2.0, 3.0], "DTensor"]]
