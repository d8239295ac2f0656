"""FSDP2 in practice: layers first, and what a sharded model does otherwise.

`fully_shard(model)` alone (`spec/parallel/test_fully_shard.py`) gathers all parameters at once, so
for the time of the forward and backward the whole model is in memory. Memory is saved by sharding
layer by layer: `fully_shard(layer)` for each block, then `fully_shard(model)` for what is left.
Then one block at a time is gathered, used, and freed again. `reshard_after_forward` says whether it
is freed after the forward already, to be gathered again for the backward.

The optimizer is made after sharding, for the parameters are new objects. Checkpoints of sharded
models: `spec/parallel/test_distributed_checkpoints.py`.

What surprises: the norm that `clip_grad_norm_` returns is a DTensor, and the parameters that an
optimizer took before sharding are no longer those of the model, without an error.
"""

import pytest
import torch
from torch import nn

from fixtures import processes

pytestmark = [pytest.mark.slow, pytest.mark.torch(">=2.6")]


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """Two processes that run the program they are given."""
    with processes.Group(tmp_path_factory.mktemp("sharding")) as group:
        yield group


def sharded(model, **options):
    """The model, sharded over two processes."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    return fully_shard(model, mesh=init_device_mesh("cpu", (2,)), **options)


def layers():
    """Two layers, of (4, 2) and (2, 4) weights."""
    return nn.Sequential(nn.Linear(2, 4, bias=False), nn.Linear(4, 2, bias=False))


def whole(model):
    """The names of the parameters that are there as a whole."""
    return [name for name, weight in model.named_parameters() if type(weight) is nn.Parameter]


@pytest.mark.torch(">=2.8")
def test_sharded_layer_by_layer_one_is_whole_at_a_time(group):
    """On the CPU, after `fully_shard` of each `nn.Linear` of an `nn.Sequential`, then of the
    `nn.Sequential`, only the layer whose forward runs has unsharded parameters; after
    `fully_shard` of the `nn.Sequential` alone, all layers have.

    So the unsharded parameters take the memory of one layer, or of two where the next is gathered
    in advance, instead of that of the model. With `reshard_after_forward=False` each layer stays
    unsharded after its forward.
    """

    def program(rank):
        seen = []
        for by_layers in (True, False):
            model = layers()
            if by_layers:
                sharded(model[0])
                sharded(model[1])
            sharded(model)
            for layer in model:
                layer.register_forward_pre_hook(lambda _, args, it=model: seen.append(whole(it)))
            model(torch.ones(1, 2))
        return seen

    by_layers = [["0.weight"], ["1.weight"]]
    at_once = [["0.weight", "1.weight"], ["0.weight", "1.weight"]]

    assert group(program) == [by_layers + at_once, by_layers + at_once]


def test_a_module_is_sharded_once(group):
    """A second `fully_shard` of the same module raises AssertionError, "Each distinct
    composable distributed API can only be applied to a module once."

    So shard a layer that stands in two places once: `model.children()` gives it once, a loop over
    the `nn.Sequential` itself twice. The layers come first,
    `for layer in model.children(): fully_shard(layer)`, then the root, `fully_shard(model)`; the
    other way round, without the argument `mesh`, raises another error.
    """

    def program(rank):
        model = sharded(layers())
        try:
            sharded(model)
        except AssertionError as error:
            return str(error)

    first, second = group(program)

    assert first.startswith("Each distinct composable distributed API can only be applied to a mod")
    assert (first == second) is True


@pytest.mark.torch(">=2.8")
@pytest.mark.parametrize(
    ("reshard", "after_forward"), [(True, []), (False, ["0.weight", "1.weight"])]
)
def test_parameters_may_stay_whole_until_the_backward(reshard, after_forward, group):
    """With `fully_shard(layer, reshard_after_forward=False)` of a layer in a sharded model
    its parameters stay whole from its forward until its backward has used them; with
    `reshard_after_forward=True` they are sharded again after the forward.

    With True less memory is used; with False there is no second all-gather of the layer in the
    backward. After the backward the parameters are sharded in both cases.
    """

    def program(rank, reshard):
        model = layers()
        for layer in model:
            sharded(layer, reshard_after_forward=reshard)
        sharded(model)
        y = model(torch.ones(1, 2))
        between = whole(model)
        y.sum().backward()
        return [between, whole(model)]

    assert group(program, reshard) == [[after_forward, []]] * 2


@pytest.mark.torch(">=2.8")
def test_the_root_stays_whole_after_the_forward_by_default(group):
    """Without `reshard_after_forward=` the outermost module that `fully_shard` was applied to, the
    root, keeps its own parameters whole from forward to backward; since PyTorch 2.8
    `reshard_after_forward=True` shards them after the forward.

    Because FSDP gathers the root's own parameters as the backward begins: sharded after the
    forward, they would be gathered again at once. Sharded layers inside it don't stay whole.
    Before 2.8 the root kept them in spite of `reshard_after_forward=True`.
    """

    def program(rank):
        seen = []
        for settings in ({}, {"reshard_after_forward": True}):
            model = layers()
            sharded(model[0])
            sharded(model, **settings)
            output = model(torch.ones(1, 2))
            seen.append(whole(model))
            output.sum().backward()
            seen.append(whole(model))
        return seen

    assert group(program) == [[["1.weight"], [], [], []]] * 2


@pytest.mark.torch(">=2.9")
def test_sharding_makes_new_parameters(group):
    """`fully_shard(model)` replaces the parameters: an optimizer that was made earlier still holds
    the old ones. They get no gradient, so its `step()` doesn't change the model.

    No error is raised. Make the optimizer after sharding.
    """

    def program(rank):
        model = nn.Linear(1, 4, bias=False)
        nn.init.ones_(model.weight)
        early = torch.optim.SGD(model.parameters(), lr=0.5)
        sharded(model)
        late = torch.optim.SGD(model.parameters(), lr=0.5)
        model(torch.ones(1, 1)).sum().backward()
        early.step()
        unchanged = model.weight.full_tensor().flatten().tolist()
        late.step()
        return [unchanged, model.weight.full_tensor().flatten().tolist()]

    assert group(program) == [[[1.0, 1.0, 1.0, 1.0], [0.5, 0.5, 0.5, 0.5]]] * 2


@pytest.mark.torch(">=2.8")
def test_the_state_of_the_optimizer_is_sharded(group):
    """After `fully_shard(model)` of `model = nn.Linear(2, 4, bias=False)` in two processes,
    a `backward()` and a step of `torch.optim.Adam`, `exp_avg` and `exp_avg_sq` of its
    weight of four rows are DTensors with two rows in each process.
    """

    def program(rank):
        model = sharded(nn.Linear(2, 4, bias=False))
        optimizer = torch.optim.Adam(model.parameters())
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        state = optimizer.state[model.weight]
        sums = [state["exp_avg"], state["exp_avg_sq"]]
        return [[type(each).__name__, list(each.to_local().shape)] for each in sums]

    assert group(program) == [[["DTensor", [2, 2]], ["DTensor", [2, 2]]]] * 2


@pytest.mark.torch(">=2.8")
def test_mixed_precision_is_a_policy(group):
    """With `MixedPrecisionPolicy(param_dtype=torch.bfloat16)` a float32 `nn.Linear` sharded by
    `fully_shard` computes in bfloat16; after `backward()` its parameters and their gradients are
    float32.

    Pass the policy as `fully_shard(model, mp_policy=policy)`; its `reduce_dtype=torch.float32`
    averages the gradients in float32. The policy takes the place of autocast. Between the forward
    and `backward()`, and after a forward under `torch.no_grad()`, `model.weight` is the gathered
    weight, in bfloat16.
    """

    def program(rank):
        from torch.distributed.fsdp import MixedPrecisionPolicy

        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        model = sharded(nn.Linear(1, 4, bias=False), mp_policy=policy)
        y = model(torch.ones(1, 1))
        gathered = str(model.weight.dtype)
        y.sum().backward()
        return gathered, [str(each.dtype) for each in (y, model.weight, model.weight.grad)]

    (gathered, dtypes), second = group(program)

    assert gathered == "torch.bfloat16"
    assert dtypes == ["torch.bfloat16", "torch.float32", "torch.float32"]
    assert second == (gathered, dtypes)


@pytest.mark.torch(">=2.9")
def test_a_gradient_norm_is_a_dtensor(group):
    """After `backward()` through a model sharded as a whole by `fully_shard`,
    `nn.utils.clip_grad_norm_(model.parameters(), 10.0)` returns a DTensor; its `full_tensor()` is
    a plain tensor, the 2-norm of all gradients, about 2 for four ones.
    """

    def program(rank):
        model = sharded(nn.Linear(1, 4, bias=False))
        model(torch.ones(1, 1)).sum().backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        return [type(norm).__name__, norm.full_tensor().item()]

    assert group(program) == [["DTensor", pytest.approx(2.0)]] * 2


@pytest.mark.torch(">=2.9")
def test_gradients_accumulate_without_communication(group):
    """After `model.set_requires_gradient_sync(False)` a backward of a sharded model averages no
    gradients; the next one after `set_requires_gradient_sync(True)` averages the sums: gradients 1
    + 1 in one process and 2 + 2 in the other give 3.

    It is the `no_sync` of FSDP2. Until the synchronised backward, `.grad` of the sharded
    parameters stays what it was, here None, and each process holds whole gradients, which costs
    memory and which `model.zero_grad()` does not clear.
    """

    def program(rank):
        model = sharded(nn.Linear(1, 2, bias=False))
        x = torch.tensor([[rank + 1.0]])
        model.set_requires_gradient_sync(False)
        model(x).sum().backward()
        between = model.weight.grad
        model.set_requires_gradient_sync(True)
        model(x).sum().backward()
        return [between, model.weight.grad.full_tensor().flatten().tolist()]

    assert group(program) == [[None, [3.0, 3.0]]] * 2


def test_a_model_may_be_sharded_before_it_has_memory(group):
    """For a `model = nn.Linear(2, 4, bias=False)` made under `torch.device("meta")` and sharded by
    `fully_shard` over two processes, `model.to_empty(device="cpu")` gives each process two of the
    four rows, still to be initialised or loaded.

    So no process needs memory for the whole model in order to make it.
    """

    def program(rank):
        with torch.device("meta"):
            model = nn.Linear(2, 4, bias=False)
        sharded(model)
        before = str(model.weight.device)
        model.to_empty(device="cpu")
        nn.init.ones_(model.weight)
        local = model.weight.to_local()
        return [before, local.untyped_storage().nbytes(), local.tolist()]

    assert group(program) == [["meta", 16, [[1.0, 1.0], [1.0, 1.0]]]] * 2


def test_plain_tensors_and_dtensors_do_not_mix(group):
    """`model.weight + torch.ones(4, 2)`, with `model = nn.Linear(2, 4, bias=False)` sharded by
    `fully_shard` and not yet called, raises RuntimeError, "got mixed torch.Tensor and DTensor,
    need to convert all torch.Tensor to DTensor before ..."

    `model.weight.full_tensor() + torch.ones(4, 2)` works, and so does
    `model.weight + distribute_tensor(torch.ones(4, 2), model.weight.device_mesh)`. `to_local()`
    gives only this rank's rows.
    """

    def program(rank):
        model = sharded(nn.Linear(2, 4, bias=False))
        nn.init.ones_(model.weight)
        try:
            model.weight + torch.ones(4, 2)
        except RuntimeError as error:
            return [str(error), (model.weight.full_tensor() + torch.ones(4, 2)).sum().item()]

    (first, total), _ = group(program)

    assert (
        "got mixed torch.Tensor and DTensor, need to convert all torch.Tensor to DTensor" in first
    )
    assert total == 16.0
