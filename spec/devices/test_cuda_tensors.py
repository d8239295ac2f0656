"""Tensors on a GPU.

A tensor on an NVIDIA GPU, a CUDA tensor, is used like any other; the arithmetic runs on the GPU,
and the result stays there until one asks for it. `x.to("cuda")` copies a tensor there, `.cpu()`
brings it back. What can be shown without a GPU stands in `spec/devices/test_moving.py`; this page
shows what is special to `cuda`, and when a GPU pays.

What surprises: a GPU is faster for work that falls into many independent pieces. A chain of small
steps, each waiting for the last, is slower there than on the CPU.
"""

import numpy as np
import pytest
import torch
from torch import nn


@pytest.mark.cuda
@pytest.mark.claim("blitz-cuda-available-true")
def test_is_available_is_true_where_a_gpu_can_be_used():
    """In a PyTorch built for CUDA, on a machine with a usable NVIDIA GPU,
    `torch.cuda.is_available()` is True and `torch.zeros(2, device="cuda")` makes a tensor there.
    """
    assert torch.cuda.is_available() is True
    assert torch.zeros(2, device="cuda").tolist() == [0.0, 0.0]


@pytest.mark.cuda
@pytest.mark.claim("blitz-to-moves-device")
def test_to_moves_a_tensor_to_the_gpu_and_back():
    """`x.to("cuda")` is a copy of the CPU tensor `x` on the GPU, and `.to("cpu")` of that copy is
    again a tensor on the CPU; `add_` on the GPU copy doesn't change `x`.
    """
    x = torch.tensor([1.0, 2.0])

    there = x.to("cuda")
    back = there.add_(1).to("cpu")

    assert there.device.type == "cuda"
    assert back.device.type == "cpu"
    assert back.tolist() == [2.0, 3.0]
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.cuda
@pytest.mark.claim("self-cuda-method-moves")
def test_the_cuda_method_brings_a_tensor_onto_the_gpu():
    """`x.cuda()` returns a copy of the CPU tensor `x` on the GPU, and `x` itself stays on the
    CPU."""
    x = torch.tensor([1.0, 2.0])

    there = x.cuda()

    assert there.is_cuda is True
    assert there.tolist() == [1.0, 2.0]
    assert x.is_cuda is False


@pytest.mark.cuda
def test_a_tensor_that_is_on_the_gpu_is_not_copied_again():
    """For a tensor `x` on the current GPU, `x.cuda()` and `x.to("cuda")` return `x` itself."""
    x = torch.zeros(2, device="cuda")

    assert x.cuda() is x
    assert x.to("cuda") is x


@pytest.mark.cuda
@pytest.mark.claim("self-cuda-argument-index")
def test_the_number_given_to_cuda_counts_gpus():
    """The number in `x.cuda(0)` is the index of a GPU, not of a core:
    `x.cuda(torch.cuda.device_count())` raises RuntimeError, "invalid device ordinal".

    Because indices begin at 0, the last one is `torch.cuda.device_count() - 1`.
    """
    x = torch.zeros(2)

    assert str(x.cuda(0).device) == "cuda:0"
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        x.cuda(torch.cuda.device_count())


@pytest.mark.cuda
@pytest.mark.claim("self-choose-device")
def test_the_device_names_the_gpu_to_use():
    """`x = torch.zeros(2, device="cuda:0")` makes the tensor on the first GPU that the
    process can see, and `x.get_device()` is 0."""
    x = torch.zeros(2, device="cuda:0")

    assert str(x.device) == "cuda:0"
    assert x.get_device() == 0


@pytest.mark.multi_gpu(2)
@pytest.mark.claim("self-choose-device", "self-cuda-argument-index")
def test_any_of_several_gpus_can_be_named():
    """`torch.zeros(2, device="cuda:1")` makes the tensor on the second GPU that the process
    can see, and `x.cuda(1)` copies a CPU tensor `x` there."""
    made = torch.zeros(2, device="cuda:1")
    moved = torch.zeros(2).cuda(1)

    assert str(made.device) == "cuda:1"
    assert str(moved.device) == "cuda:1"


@pytest.mark.multi_gpu(2)
def test_the_current_gpu_is_what_cuda_without_a_number_means():
    """`device="cuda"` means the current GPU, at first `cuda:0`: inside
    `with torch.cuda.device(1):`, `torch.zeros(2, device="cuda")` is on `cuda:1`, after the block
    on `cuda:0` again.
    """
    with torch.cuda.device(1):
        inside = torch.zeros(2, device="cuda")
    outside = torch.zeros(2, device="cuda")

    assert str(inside.device) == "cuda:1"
    assert str(outside.device) == "cuda:0"


@pytest.mark.multi_gpu(2)
@pytest.mark.claim("self-mixed-devices")
def test_two_gpus_are_two_devices():
    """`x + y` of a tensor of shape (2,) on `cuda:0` and one on `cuda:1` raises RuntimeError,
    "Expected all tensors to be on the same device"; move one of them, `y.to("cuda:0")`."""
    x = torch.ones(2, device="cuda:0")
    y = torch.ones(2, device="cuda:1")

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        x + y

    assert (x + y.to("cuda:0")).tolist() == [2.0, 2.0]


@pytest.mark.cuda
@pytest.mark.claim("blitz-ones-like-device")
def test_ones_like_makes_a_tensor_on_the_gpu_at_once():
    """`torch.ones_like(x, device="cuda")` makes a tensor on the GPU with the shape and the
    dtype of the CPU tensor `x`."""
    x = torch.zeros(2, dtype=torch.float64)

    made = torch.ones_like(x, device="cuda")

    assert made.is_cuda is True
    assert made.dtype == torch.float64
    assert made.tolist() == [1.0, 1.0]


@pytest.mark.cuda
@pytest.mark.claim("blitz-to-string-or-device")
def test_to_takes_the_name_or_the_device_object():
    """`x.to("cuda")` and `x.to(torch.device("cuda"))` of a CPU tensor return tensors with the
    same values on the same GPU."""
    x = torch.tensor([1.0, 2.0])

    by_name = x.to("cuda")
    by_object = x.to(torch.device("cuda"))

    assert str(by_name.device) == "cuda:0"
    assert str(by_object.device) == "cuda:0"
    assert torch.equal(by_name, by_object) is True


@pytest.mark.cuda
@pytest.mark.claim("blitz-cuda-sum-stays")
def test_a_sum_of_gpu_tensors_is_a_gpu_tensor():
    """`x + torch.ones_like(x)` of the float32 tensor `x = torch.tensor([0.4549], device="cuda:0")`
    is on `cuda:0` and holds 1.4549, up to rounding.
    """
    x = torch.tensor([0.4549], device="cuda:0")

    total = x + torch.ones_like(x)

    assert str(total.device) == "cuda:0"
    assert total.item() == pytest.approx(1.4549, abs=1e-6)


@pytest.mark.cuda
@pytest.mark.claim("blitz-cuda-repr")
def test_a_gpu_tensor_prints_with_its_device():
    """`torch.tensor([1.4549], device="cuda")` on the first GPU prints as
    `tensor([1.4549], device='cuda:0')`.
    """
    x = torch.tensor([1.4549], device="cuda")

    assert repr(x) == "tensor([1.4549], device='cuda:0')"


@pytest.mark.cuda
@pytest.mark.claim("blitz-to-cpu-double-from-gpu")
def test_one_call_comes_back_to_the_cpu_in_another_dtype():
    """`x.to("cpu", torch.double)` copies a float32 GPU tensor to the CPU and converts it to
    float64 in one call."""
    x = torch.tensor([1.4549], device="cuda")

    double = x.to("cpu", torch.double)

    assert repr(double) == "tensor([1.4549], dtype=torch.float64)"


@pytest.mark.cuda
def test_item_and_tolist_fetch_numbers_from_the_gpu():
    """`x.item()` of a GPU tensor with one element and `x.tolist()` of a GPU tensor copy its
    values to host memory, as Python numbers.

    They wait until the GPU has computed them, so in a loop `loss.item()` costs time.
    """
    x = torch.tensor([1.0, 2.0], device="cuda")

    assert (x * 2).tolist() == [2.0, 4.0]
    assert x.sum().item() == 3.0


@pytest.mark.cuda
@pytest.mark.claim("self-mixed-devices")
def test_a_cpu_tensor_and_a_gpu_tensor_are_refused():
    """`x + y` of a CPU tensor `x` and a GPU tensor `y`, both of shape (2,), raises RuntimeError,
    "Expected all tensors to be on the same device"; move the first, `x.to(y.device) + y`.

    In training the usual reason is a batch that was not moved. `x.cuda()` would move `x` to the
    current GPU, which `y` need not be on.
    """
    x = torch.ones(2)
    y = torch.ones(2, device="cuda")

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        x + y

    assert (x.to(y.device) + y).tolist() == [2.0, 2.0]


@pytest.mark.cuda
@pytest.mark.claim("self-mixed-devices")
def test_a_single_number_on_the_cpu_goes_with_a_gpu_tensor():
    """For a dense float32 GPU tensor `y`, `y + torch.tensor(2.0)` works and is on the GPU, though
    `torch.tensor(2.0)` is a 0-d tensor on the CPU.

    Because elementwise arithmetic takes a 0-d CPU tensor as a number; a CPU tensor of shape (1,)
    must be moved.
    """
    y = torch.ones(2, device="cuda")

    total = y + torch.tensor(2.0)

    assert total.is_cuda is True
    assert total.tolist() == [3.0, 3.0]


@pytest.mark.cuda
@pytest.mark.claim("summary-model-cuda")
def test_a_model_is_moved_by_the_call_alone():
    """`model.cuda()` of an `nn.Linear` moves the parameters of `model` itself and returns
    `model`, so nothing has to be assigned."""
    model = nn.Linear(2, 1)

    result = model.cuda()

    assert result is model
    assert model.weight.is_cuda is True
    assert model.bias.is_cuda is True


@pytest.mark.cuda
@pytest.mark.claim("summary-data-cuda")
def test_data_moves_only_where_names_are_bound_to_the_result():
    """`data.cuda()` alone leaves the CPU tensor `data` where it is; `target = target.cuda()`
    binds the name to the copy on the GPU."""
    data, target = torch.zeros(4, 3), torch.zeros(4)

    data.cuda()
    target = target.cuda()

    assert data.is_cuda is False
    assert target.is_cuda is True


@pytest.mark.cuda
@pytest.mark.claim("blitz-numpy-on-gpu", "self-gpu-numpy")
def test_the_gpu_computes_what_numpy_computes():
    """For the float64 array of the numbers 0 to 11 in shape (3, 4) and
    `x = torch.from_numpy(array).cuda()`, `(x @ x.T).sum(0)` is computed on the GPU and has the
    values of NumPy's `(array @ array.T).sum(0)`.
    """
    array = np.arange(12.0).reshape(3, 4)
    x = torch.from_numpy(array).cuda()

    product = (x @ x.T).sum(0)

    assert product.is_cuda is True
    assert product.tolist() == [114.0, 378.0, 642.0]
    assert (array @ array.T).sum(0).tolist() == [114.0, 378.0, 642.0]


@pytest.mark.cuda
def test_an_array_is_copied_on_its_way_to_the_gpu():
    """`torch.from_numpy(array).cuda()` shares no memory with `array`: a later write to the
    array doesn't show in the tensor."""
    array = np.zeros(2)

    x = torch.from_numpy(array).cuda()
    array[0] = 5

    assert x.tolist() == [0.0, 0.0]


@pytest.mark.cuda
@pytest.mark.claim("self-gpu-numpy")
def test_numpy_does_not_follow_to_the_gpu():
    """For `x = torch.ones(2, device="cuda:0")`, `np.asarray(x)` raises TypeError, "can't
    convert cuda:0 device type tensor to numpy"; write `np.asarray(x.cpu())`.

    Because NumPy reads host memory only.
    """
    x = torch.ones(2, device="cuda:0")

    with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
        np.asarray(x)


@pytest.mark.cuda
@pytest.mark.torch(">=2.3")
@pytest.mark.claim("self-gpu-thousands-of-cores")
@pytest.mark.spare("1000", reason="all GPUs keep more than 2000 threads at work, most far more")
def test_a_gpu_keeps_thousands_of_threads_at_work():
    """`multi_processor_count * max_threads_per_multi_processor` of
    `torch.cuda.get_device_properties(0)`, the number of threads that the GPU can keep at work
    at once, is more than a thousand."""
    gpu = torch.cuda.get_device_properties(0)

    threads = gpu.multi_processor_count * gpu.max_threads_per_multi_processor

    assert threads > 1000


@pytest.mark.cuda
@pytest.mark.claim("self-gpu-only-some-jobs", "self-gpu-numpy")
def test_a_large_matrix_product_is_faster_on_the_gpu():
    """Timed by `torch.utils.benchmark.Timer`, `x @ x` of a float32 matrix of shape (1024, 1024)
    takes less time on a GPU than on one CPU thread.

    It is a million sums of products that don't depend on one another, so the GPU computes many at
    once. `Timer` uses one CPU thread unless `num_threads` says otherwise.
    """
    from torch.utils.benchmark import Timer

    x = torch.rand(1024, 1024)

    on_cpu = Timer("x @ x", globals={"x": x}).timeit(5).median
    on_gpu = Timer("x @ x", globals={"x": x.cuda()}).timeit(5).median

    assert (on_gpu < on_cpu) is True


@pytest.mark.cuda
@pytest.mark.claim("self-gpu-only-some-jobs", "self-gpu-splits-work")
def test_a_chain_of_small_steps_is_slower_on_the_gpu():
    """Timed by `torch.utils.benchmark.Timer`, `for _ in range(1000): x.add_(1)` of a float32 `x`
    with one element takes more time on a GPU than on the CPU.

    Because each addition is a kernel of its own, whose launch takes longer than the addition on
    the CPU.
    """
    from torch.utils.benchmark import Timer

    x = torch.zeros(1)
    chain = "for _ in range(1000): x.add_(1)"

    on_cpu = Timer(chain, globals={"x": x}).timeit(5).median
    on_gpu = Timer(chain, globals={"x": x.cuda()}).timeit(5).median

    assert (on_gpu > on_cpu) is True


@pytest.mark.cuda
@pytest.mark.claim("self-gpu-splits-work")
def test_many_independent_additions_cost_the_gpu_little_more_than_one():
    """When a float32 `x` has 100,000 elements instead of one, the time of `x.add_(1)` grows by a
    smaller factor on a GPU than on one CPU thread.

    Because the GPU divides the work among many threads, and starting the kernel takes much of the
    time.
    """
    from torch.utils.benchmark import Timer

    one, many = torch.zeros(1), torch.zeros(100000)

    cpu_one = Timer("x.add_(1)", globals={"x": one}).timeit(1000).median
    cpu_many = Timer("x.add_(1)", globals={"x": many}).timeit(1000).median
    gpu_one = Timer("x.add_(1)", globals={"x": one.cuda()}).timeit(1000).median
    gpu_many = Timer("x.add_(1)", globals={"x": many.cuda()}).timeit(1000).median

    assert (gpu_many / gpu_one < cpu_many / cpu_one) is True


@pytest.mark.cuda
def test_an_index_lies_on_the_cpu_or_beside_the_tensor():
    """`x[index]` of a 1-D CPU tensor `x` and a 1-D int64 `index` on a GPU raises RuntimeError,
    "indices should be either on cpu or on the same device as the indexed tensor"; a 1-D `x` on a
    GPU takes a 1-D int64 `index` on the CPU.

    Write `x[index.cpu()]`, or move `x`. An index on the CPU is copied to the GPU at each use.
    """
    x, index = torch.tensor([5, 7]), torch.tensor([1])

    with pytest.raises(RuntimeError, match="indices should be either on cpu or on the same device"):
        x[index.cuda()]
    assert x.cuda()[index].tolist() == [7]
