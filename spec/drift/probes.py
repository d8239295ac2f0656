# ruff: noqa: RUF005, UP032
# This file asks in the words of old code, and runs on Python 3.6.
"""The probes of the atlas of drift: what this PyTorch does where releases differ.

One probe is one small function that looks at one behaviour and returns a short JSON value. The same
file runs on every PyTorch from 1.0 on, on Python 3.6 and later, with NumPy and nothing else; two
releases are compared by comparing what it prints. No probe asks for the version: each one observes.

    python probes.py            one JSON object: the versions, and a value for each probe
    python probes.py --list     name, sentence and claims of each probe

An exception is a behaviour too: its value is "raises TypeError: the first words". An API that is
not there has the value "absent".
"""

import collections
import importlib.util
import inspect
import io
import json
import os
import platform
import random
import re
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
import torch.optim.lr_scheduler
from torch import nn
from torch.utils.data import DataLoader

PROBES = collections.OrderedDict()

# Claims of the ledger that no probe can show, and why.
NOT_PROBED = {
    "self-cuda-argument-index": "The number given to .cuda() needs a GPU to be counted.",
    "self-mixed-devices": "Releases before the meta device have no second device without a GPU.",
    "blitz-dp-wrap-enough": "DataParallel passes everything through where there is no GPU.",
    "blitz-install-python-versions": "The wheels of 1.1 do not name the Pythons that they run on.",
    "summary-print-statement": "A probe runs on Python 3, on which print never was a statement.",
    "blitz-install-latest-version": "Only the version number shows it, and no probe asks for that.",
    "course-version-190": "Only the version number shows it, and no probe asks for that.",
    "summary-torchvision-dataset-name": "It is about torchvision, which a probe does not import.",
    "blitz-transforms-location": "It is about torchvision, which a probe does not import.",
    "blitz-pil-range": "It is about Pillow pictures of torchvision, which a probe does not import.",
}


class Probe:
    """One behaviour: its name, its sentence, the claims that it decides, and how to look."""

    def __init__(self, function, claims, wordless):
        self.function = function
        self.wordless = wordless
        self.name = function.__name__
        self.says = inspect.getdoc(function).splitlines()[0]
        self.claims = list(claims)

    def run(self):
        """Look, and return a JSON value; random numbers, warnings and modes stay as they were."""
        numpy_state, python_state = np.random.get_state(), random.getstate()
        torch_state, grad_mode = torch.get_rng_state(), torch.is_grad_enabled()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.default_generator.manual_seed(0)
                np.random.seed(0)
                random.seed(0)
                with torch.enable_grad():
                    return self.function()
        except Exception as error:
            told = outcome(error)
            return told.split(":")[0] if self.wordless else told
        finally:
            torch.set_grad_enabled(grad_mode)
            torch.set_rng_state(torch_state)
            np.random.set_state(numpy_state)
            random.setstate(python_state)


def probe(*claims, wordless=False):
    """Make a function a probe, which decides the claims of these ids.

    A wordless one says only which exception came: its words changed often and tell nothing.
    """

    def register(function):
        PROBES[function.__name__] = Probe(function, claims, wordless)
        return function

    return register


def run_all():
    """Return the values of all probes, by name."""
    return {name: PROBES[name].run() for name in PROBES}


def outcome(error):
    """Say in a few words what an exception tells: that the API is absent, or why it refused."""
    gone = isinstance(error, AttributeError) and "has no attribute" in str(error)
    if gone or isinstance(error, ImportError):
        return "absent"
    return "raises {}: {}".format(type(error).__name__, words(str(error))).rstrip(": ")


def words(message, room=60):
    """Return the first words of a message, without addresses and places in the C++ source."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    text = re.split(r" at (?:/|\.\.|[A-Z]:)", lines[0])[0].lstrip("('") if lines else ""
    text = " ".join(re.sub(r"0x[0-9a-fA-F]+", "0x", text).split())
    if len(text) <= room:
        return text
    return text[: room + 1].rsplit(" ", 1)[0].rstrip(" ,;:(")


def refused(call):
    """Return the name of the exception that a call raises, or "works"."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "works"


def heard(call, about=""):
    """Return the category of the first warning of a call that has these words, or "silent"."""
    set_always = getattr(torch, "set_warn_always", None)
    before = torch.is_warn_always_enabled() if hasattr(torch, "is_warn_always_enabled") else False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if set_always:
                set_always(True)
            call()
        finally:
            if set_always:
                set_always(before)
    for warning in caught:
        if about in str(warning.message):
            return "warns {}".format(warning.category.__name__)
    return "silent"


def recorded(tensor):
    """Return what `grad_fn=<...>` says in the tensor's print."""
    found = re.search(r"grad_fn=<([^>]*)>", repr(tensor))
    return found.group(1) if found else "nothing"


def settings(function):
    """Return the names of a function's parameters, in order."""
    return " ".join(name for name in inspect.signature(function).parameters if name != "self")


def tracked(*numbers):
    """Return a tensor of these numbers that requires grad."""
    return torch.tensor(numbers, requires_grad=True)


def have(owner, names):
    """Return those of the names that the owner has, in one string."""
    return " ".join(name for name in names.split() if hasattr(owner, name))


def modules(names):
    """Return those of the names that are modules of `torch`, imported or not, in one string."""
    return " ".join(name for name in names.split() if importlib.util.find_spec("torch." + name))


# Numbers and dtypes


@probe()
def int_tensor_division():
    """What `torch.tensor(7) / torch.tensor(2)` gives: 3, a refusal, or 3.5."""
    return str(torch.tensor(7) / torch.tensor(2))


@probe()
def int_tensor_divided_in_place():
    """What `x /= 2` makes of a tensor of the integers 7 and 8."""
    x = torch.tensor([7, 8])
    x /= 2
    return x.tolist()


@probe()
def floor_division_of_a_negative():
    """What `torch.tensor(-7) // 2` gives: cut towards zero, -3, or rounded down, -4."""
    return (torch.tensor(-7) // 2).item()


@probe()
def floor_division_of_a_negative_float():
    """What `torch.tensor(-7.0) // 2` gives: -4, as in Python, or -3."""
    return (torch.tensor(-7.0) // 2).item()


@probe()
def floor_divide_function():
    """What `torch.floor_divide` makes of -7 and 2, for all that its name says."""
    return torch.floor_divide(torch.tensor([-7]), torch.tensor([2])).tolist()


@probe(wordless=True)
def div_rounding_mode():
    """What `torch.div(..., rounding_mode="floor")` makes of -7 and 2."""
    return torch.div(torch.tensor([-7]), torch.tensor([2]), rounding_mode="floor").tolist()


@probe()
def remainder_of_a_negative():
    """What `torch.tensor(-7) % 3` gives: 2, as in Python (said to have moved; it did not)."""
    return (torch.tensor(-7) % 3).item()


@probe("self-mixed-dtypes", wordless=True)
def int_plus_float_tensor():
    """What the sum of an integer tensor and a float tensor is: refused, or promoted."""
    return str(torch.tensor([1, 2]) + torch.tensor([0.5, 2.0]))


@probe("self-mixed-dtypes", wordless=True)
def int_compared_with_float_tensor():
    """Whether `==` compares an integer tensor with a float tensor."""
    return [int(same) for same in torch.tensor([1, 2]) == torch.tensor([0.5, 2.0])]


@probe()
def int_tensor_times_float_number():
    """What `torch.tensor([1, 2]) * 1.5` gives: the 1.5 was cut to 1 once."""
    return (torch.tensor([1, 2]) * 1.5).tolist()


@probe()
def float_added_in_place_to_int():
    """What `torch.tensor([1]).add_(0.5)` does to an integer tensor."""
    return torch.tensor([1]).add_(0.5).tolist()


@probe(wordless=True)
def sum_of_float_and_double():
    """The dtype of a float32 tensor plus a float64 tensor."""
    return str((torch.ones(1) + torch.ones(1, dtype=torch.float64)).dtype)


@probe()
def matrix_product_of_mixed_dtypes():
    """What a matrix product of float32 and float64 answers: no promotion there, in any release."""
    return refused(lambda: torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64))


@probe(wordless=True)
def cat_of_mixed_dtypes():
    """What `torch.cat` makes of integers and floats."""
    return str(torch.cat([torch.tensor([1]), torch.tensor([0.5])]))


@probe(wordless=True)
def where_with_two_numbers():
    """What `torch.where(condition, 1.0, 0.0)` gives with plain numbers."""
    return torch.where(torch.tensor([1.0, -1.0]) > 0, 1.0, 0.0).tolist()


@probe()
def mean_of_integers():
    """How `torch.tensor([1, 2, 3]).mean()` is refused: the words changed, the rule never did."""
    return str(torch.tensor([1, 2, 3]).mean())


@probe()
def dtype_of_full_with_an_int():
    """The dtype of `torch.full((2,), 1)`: once float32 whatever the number."""
    return str(torch.full((2,), 1).dtype)


@probe(wordless=True)
def square_root_of_integers():
    """What `torch.sqrt` makes of the integers 4 and 9."""
    return str(torch.sqrt(torch.tensor([4, 9])))


@probe(wordless=True)
def linspace_without_steps():
    """How many numbers `torch.linspace(0, 1)` has, when `steps` is not given."""
    return torch.linspace(0, 1).numel()


@probe(wordless=True)
def python_bool_as_dtype():
    """What `torch.zeros(2, dtype=bool)` gives."""
    return str(torch.zeros(2, dtype=bool))


@probe(wordless=True)
def complex_numbers():
    """What `torch.tensor([1 + 2j]) * 1j` gives."""
    return str(torch.tensor([1 + 2j]) * 1j)


@probe()
def dtypes_beyond_the_first_ones():
    """Which of the later dtypes there are."""
    names = "bool bfloat16 complex64 quint8 float8_e4m3fn uint16 uint32 uint64 float4_e2m1fn_x2"
    return have(torch, names)


@probe(wordless=True)
def bfloat16_sum():
    """What a sum of bfloat16 numbers on the CPU gives."""
    return str(torch.ones(2, dtype=torch.bfloat16) + 1)


@probe(wordless=True)
def half_product_on_the_cpu():
    """Whether float16 matrices can be multiplied on the CPU."""
    return (torch.ones(2, 2).half() @ torch.ones(2, 2).half()).tolist()


# Truth values and comparisons


@probe("blitz-eq-gives-one-zero")
def dtype_of_a_comparison():
    """The dtype of `x == y`: uint8, ones and zeros, or bool."""
    return str((torch.tensor([3, 8]) == torch.tensor([3, 0])).dtype)


@probe("blitz-eq-gives-one-zero")
def print_of_a_comparison():
    """How `torch.tensor([3, 8]) == torch.tensor([3, 0])` prints."""
    return str(torch.tensor([3, 8]) == torch.tensor([3, 0]))


@probe()
def tensor_of_a_python_bool():
    """How `torch.tensor([True, False])` prints."""
    return str(torch.tensor([True, False]))


@probe()
def one_minus_a_mask():
    """What `1 - (x > 0)` gives, the old way to turn a mask over."""
    return (1 - (torch.tensor([1.0, -1.0]) > 0)).tolist()


@probe()
def mask_turned_over_by_tilde():
    """What `~` makes of the uint8 tensor `[1, 0]`: its logical or its bitwise opposite."""
    return (~torch.tensor([1, 0], dtype=torch.uint8)).tolist()


@probe()
def sum_of_two_masks():
    """What two masks added give: numbers or truth values."""
    x = torch.tensor([1.0, -1.0])
    return ((x > 0) + (x < 5)).tolist()


@probe()
def count_of_three_hundred_hits():
    """What `(x == y).sum()` gives for 300 hits: 300, never 44 (said to overflow once)."""
    return int((torch.ones(300) == 1).sum())


@probe()
def uint8_mask_as_index():
    """Whether indexing with a uint8 mask warns."""
    x, mask = torch.tensor([4.0, 5.0]), torch.tensor([1, 0], dtype=torch.uint8)
    return heard(lambda: x[mask])


@probe()
def masked_fill_with_uint8():
    """Whether `masked_fill` takes a uint8 mask."""
    x, mask = torch.zeros(2), torch.tensor([1, 0], dtype=torch.uint8)
    return heard(lambda: x.masked_fill(mask, 1.0), "mask")


@probe()
def where_with_uint8():
    """Whether `torch.where` takes a uint8 condition."""
    x, mask = torch.zeros(2), torch.tensor([1, 0], dtype=torch.uint8)
    return heard(lambda: torch.where(mask, x, x), "condition")


@probe(wordless=True)
def all_of_integers():
    """What `torch.tensor([1, 2]).all()` gives for integers."""
    return str(torch.tensor([1, 2]).all())


# Printing


@probe("blitz-item-integer-like")
def item_of_a_float_tensor():
    """What `torch.tensor([2.0]).item()` is: a Python float."""
    return repr(torch.tensor([2.0]).item())


@probe("blitz-y-repr-addbackward")
def print_of_a_recorded_sum():
    """How `x + 2` prints, where `x` requires grad."""
    return repr(tracked(1.0, 1.0) + 2)


@probe("blitz-z-repr-mulbackward")
def print_of_a_recorded_product():
    """How `y * y * 3` prints, where `y` is recorded."""
    y = tracked(1.0, 1.0) + 2
    return repr(y * y * 3)


@probe("blitz-out-repr-meanbackward")
def print_of_a_recorded_mean():
    """How the mean of all elements prints."""
    return repr(torch.full((2, 2), 27.0).requires_grad_().mean())


@probe("blitz-out-repr-thaddmm")
def print_of_a_linear_layers_output():
    """What `grad_fn=<...>` says of the output of a linear layer."""
    return recorded(nn.Linear(2, 1)(torch.ones(1, 2)))


@probe("blitz-loss-repr")
def print_of_a_mean_squared_error():
    """How the output of `nn.MSELoss` prints."""
    return repr(nn.MSELoss()(tracked(1.0, 3.0), torch.tensor([1.0, 1.0])))


@probe("blitz-vjp-grad-repr")
def print_of_a_gradient_of_mixed_sizes():
    """How the gradient 102.4, 1024 and 0.1024 prints: with exponents, not in plain decimals."""
    x = tracked(0.5, -1.0, 0.25)
    (x * 1024).backward(torch.tensor([0.1, 1.0, 0.0001]))
    return repr(x.grad)


@probe()
def print_of_a_softmax():
    """What `grad_fn=<...>` says of the output of a softmax."""
    return recorded(tracked(1.0, 2.0).softmax(0))


@probe()
def print_of_an_inplace_relu_layer():
    """How `nn.ReLU(inplace=True)` prints."""
    return repr(nn.ReLU(inplace=True))


@probe()
def print_of_load_state_dict():
    """What `load_state_dict` returns, as a notebook prints it."""
    layer = nn.Linear(1, 1)
    return repr(layer.load_state_dict(layer.state_dict()))


# Making tensors, shapes and indices


@probe("blitz-new-every-needs-size")
def new_tensor_takes_data():
    """`x.new_tensor([1, 2, 3])` takes data, no size, and the dtype of `x`."""
    return str(torch.zeros(2, dtype=torch.float64).new_tensor([1, 2, 3]))


@probe("summary-range-removed")
def range_is_still_there():
    """What `torch.range(1, 3)` gives: three numbers, deprecated and never removed."""
    return torch.range(1, 3).tolist()


@probe()
def range_warns():
    """Whether `torch.range` warns that it is deprecated: it does since ever."""
    return heard(lambda: torch.range(1, 3), "range")


@probe("blitz-size-tuple-operations")
def size_plus_words():
    """What a size answers when a tuple of words is added to it."""
    return refused(lambda: torch.zeros(5, 3).size() + ("rows", "columns"))


@probe()
def tuple_plus_size():
    """The type of `(1,) + x.size()`."""
    return type((1,) + torch.zeros(5, 3).size()).__name__


@probe("blitz-torch-view-function")
def view_is_no_function():
    """Whether there is a function `torch.view`, and what the method gives."""
    return [hasattr(torch, "view"), list(torch.zeros(4, 4).view(2, 8).shape)]


@probe("blitz-view-minus-one-rule")
def view_minus_one():
    """The shapes that -1 makes of 16 numbers: the size that is left over, no product of sizes."""
    x = torch.zeros(4, 4)
    return [list(x.view(-1, 8).shape), list(x.view(8, -1, 2).shape)]


@probe("self-only-two-dimensions")
def tensors_of_any_rank():
    """The ranks of products of tensors of rank 0, 1, 3 and 5 with a number."""
    return [(torch.ones([1] * rank) * 2).dim() for rank in (0, 1, 3, 5)]


@probe("blitz-underscore-every-mutator")
def index_assignment_changes_a_tensor():
    """What `x[0] = 5` and `x += 1` make of two zeros, without any underscore."""
    x = torch.zeros(2)
    same = x
    x[0] = 5
    x += 1
    return same.tolist()


@probe()
def transpose_of_a_3d_tensor():
    """Whether `x.T` warns for a tensor that is no matrix."""
    return heard(lambda: torch.zeros(2, 3, 4).T, "T`")


@probe()
def meshgrid_without_indexing():
    """Whether `torch.meshgrid` warns when no `indexing=` is given."""
    return heard(lambda: torch.meshgrid(torch.zeros(2), torch.zeros(2)), "indexing")


@probe()
def nonzero_as_tuple():
    """What `torch.nonzero(x, as_tuple=True)` gives."""
    found = torch.nonzero(torch.tensor([0, 7, 0, 8]), as_tuple=True)
    return [places.tolist() for places in found]


@probe(wordless=True)
def axis_keyword():
    """What `x.sum(axis=0, keepdims=True)`, in NumPy's words, gives."""
    return torch.ones(2, 3).sum(axis=0, keepdims=True).tolist()


@probe()
def add_with_the_factor_in_the_middle():
    """Whether `torch.add(x, 2, y)`, the old place of `alpha`, warns."""
    x = torch.ones(1)
    return heard(lambda: torch.add(x, 2, x), "deprecated")


@probe(wordless=True)
def einsum_with_lists():
    """What `torch.einsum(a, [0, 1], [1])` gives, axes named by numbers."""
    return torch.einsum(torch.ones(2, 3), [0, 1], [1]).tolist()


@probe()
def numpy_names():
    """Which names of NumPy functions `torch` has."""
    names = "square moveaxis vstack maximum concatenate swapaxes nan_to_num broadcast_to tile diff"
    return have(torch, names + " nanmean argwhere cov take_along_dim isin")


@probe(wordless=True)
def named_dimensions():
    """Which name the second axis of `torch.zeros(2, 3, names=("row", "column"))` has."""
    return torch.zeros(2, 3, names=("row", "column")).names[1]


@probe()
def type_of_a_subclass_sum():
    """What the sum of a tensor of one's own subclass and 1 is an object of."""

    class Mine(torch.Tensor):
        pass

    return type(torch.ones(1).as_subclass(Mine) + 1).__name__


# Reductions, sorting, ties


@probe()
def argmax_of_a_tie():
    """Which of two equal largest elements `argmax` names."""
    return torch.tensor([1, 3, 3, 2]).argmax().item()


@probe()
def max_along_a_tie():
    """Which of two equal largest elements `max(dim=0)` names."""
    return torch.tensor([1, 3, 3, 2]).max(0)[1].item()


@probe()
def type_of_max_along_a_dimension():
    """The type of what `x.max(0)` returns."""
    return type(torch.ones(2, 2).max(0)).__name__


@probe()
def median_with_nan():
    """What the median of `[1, nan, 2]` is."""
    return str(torch.tensor([1.0, float("nan"), 2.0]).median().item())


@probe()
def max_of_nothing():
    """How the maximum of an empty tensor is refused."""
    return torch.zeros(0).max().item()


@probe(wordless=True)
def stable_sort():
    """What `torch.sort(x, stable=True)` says about the places of equal elements."""
    return torch.sort(torch.tensor([1, 0, 1, 0]), stable=True)[1].tolist()


@probe()
def order_of_unique():
    """In which order `torch.unique` returns 3, 1, 2 and 3."""
    return torch.unique(torch.tensor([3, 1, 2, 3])).tolist()


@probe(wordless=True)
def std_correction():
    """What `std(correction=0)` gives of 1 and 3."""
    return torch.tensor([1.0, 3.0]).std(dim=0, correction=0).item()


@probe()
def max_over_two_axes():
    """What `torch.amax` gives over both axes."""
    return torch.amax(torch.tensor([[1.0, 2.0], [3.0, 0.0]]), dim=(0, 1)).item()


@probe(wordless=True)
def round_to_decimals():
    """What `torch.round(x, decimals=1)` gives of 1.25."""
    return round(torch.round(torch.tensor(1.25), decimals=1).item(), 4)


# NumPy


@probe("blitz-char-tensor-excluded", wordless=True)
def int8_to_numpy():
    """What an int8 tensor becomes in NumPy, and back."""
    array = torch.tensor([1, 2], dtype=torch.int8).numpy()
    return [str(array.dtype), str(torch.from_numpy(array).dtype)]


@probe("blitz-all-other-cpu-types-convert")
def sparse_to_numpy():
    """What a sparse CPU tensor answers to `.numpy()`: it always refused."""
    sparse = torch.sparse_coo_tensor(torch.tensor([[0]]), torch.tensor([1.0]), (2,))
    return "converts" if refused(sparse.numpy) == "works" else "refuses"


@probe("self-matplotlib-needs-arrays")
def ndim_of_a_tensor():
    """What `x.ndim` is, which a plotting program asks of its data."""
    return torch.linspace(-1, 1, 5).ndim


@probe()
def numpy_of_a_tracked_tensor():
    """How `numpy()` of a tensor that requires grad is refused."""
    return tracked(1.0).numpy().tolist()


@probe(wordless=True)
def numpy_by_force():
    """What `x.numpy(force=True)` gives of a tensor that requires grad."""
    return tracked(1.0).numpy(force=True).tolist()


@probe(wordless=True)
def bool_array_to_tensor():
    """The dtype of `torch.from_numpy` of a bool array."""
    return str(torch.from_numpy(np.array([True])).dtype)


@probe(wordless=True)
def uint16_array_to_tensor():
    """The dtype of `torch.from_numpy` of a uint16 array."""
    return str(torch.from_numpy(np.array([1], dtype=np.uint16)).dtype)


@probe("blitz-tensor-only-difference-gpu")
def cpu_tensor_has_gradients():
    """The gradient of `x * x` on the CPU, and whether an array has `backward` too."""
    x = tracked(3.0)
    (x * x).backward()
    return [x.grad.tolist(), hasattr(np.array([3.0]), "backward")]


# Devices


@probe("blitz-device-object-moves")
def device_object_moves_nothing():
    """Where a tensor is after `torch.device("cuda", 1)` was made."""
    x = torch.zeros(2)
    device = torch.device("cuda", 1)
    return [str(device), str(x.device)]


@probe("blitz-device-idle")
def name_of_a_device_that_is_not_there():
    """How `torch.device("cuda:63")` prints: no GPU is asked."""
    return str(torch.device("cuda:63"))


@probe("blitz-tensor-to-always-copies")
def to_without_a_change():
    """Whether `.to` returns the tensor itself: same device, same dtype, another dtype."""
    x = torch.zeros(2)
    return [x.to("cpu") is x, x.to(torch.float32) is x, x.to(torch.float64) is x]


@probe(wordless=True)
def meta_device():
    """Where `torch.zeros(2, device="meta")` is."""
    return str(torch.zeros(2, device="meta").device)


@probe()
def default_device():
    """Where `torch.zeros(2)` is after `torch.set_default_device("meta")`."""
    torch.set_default_device("meta")
    try:
        return str(torch.zeros(2).device)
    finally:
        torch.set_default_device(None)


@probe()
def names_for_any_accelerator():
    """Which modules there are for accelerators other than CUDA, and for any of them."""
    return modules("mps xpu mtia accelerator")


@probe()
def cuda_amp_autocast():
    """Whether `torch.cuda.amp.autocast()` warns that it is deprecated."""
    return heard(lambda: torch.cuda.amp.autocast(enabled=False), "deprecated")


@probe()
def default_tensor_type_warns():
    """Whether `torch.set_default_tensor_type` warns that it is deprecated."""
    before = torch.get_default_dtype()
    try:
        return heard(lambda: torch.set_default_tensor_type("torch.FloatTensor"), "deprecated")
    finally:
        torch.set_default_dtype(before)


# Autograd


@probe("path-two-core-concepts", "summary-variable-cuda")
def variable_is_a_tensor():
    """The type of `Variable(x)` and of `Variable(x).to("cpu")`."""
    wrapped = torch.autograd.Variable(torch.ones(2))
    return [type(wrapped).__name__, type(wrapped.to("cpu")).__name__]


@probe()
def volatile_variable():
    """What `Variable(x, volatile=True)` does: it was replaced by `no_grad`."""
    variable = torch.autograd.Variable
    return heard(lambda: variable(torch.ones(1), volatile=True), "volatile")


@probe("self-wrap-in-variable", "self-tensor-no-gradients")
def gradient_without_a_variable():
    """The gradient of a plain tensor that requires grad."""
    x = tracked(1.0, 2.0)
    (x * x).sum().backward()
    return [type(x).__name__, x.grad.tolist()]


@probe("self-graph-in-background")
def variable_alone_records_nothing():
    """Whether `Variable(x) * 2` is recorded."""
    return (torch.autograd.Variable(torch.ones(2)) * 2).grad_fn is not None


@probe("self-one-backward-all", "blitz-grad-on-every-tensor")
def backward_fills_leaves_only():
    """What `.grad` is after `backward()`: of a tracked leaf, of a result between, of a constant."""
    x, constant = tracked(2.0), torch.tensor([4.0])
    between = x * 3
    (between * constant).backward()
    return [grad and grad.tolist() for grad in (x.grad, between.grad, constant.grad)]


@probe("self-variables-flow")
def what_layers_hand_on():
    """The types of what a layer in the middle gets and gives."""
    seen = []
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    net[1].register_forward_hook(lambda layer, inputs, output: seen.extend([inputs[0], output]))
    net(torch.ones(1, 2))
    return [type(tensor).__name__ for tensor in seen]


@probe("blitz-autograd-every-op")
def results_that_are_not_recorded():
    """Whether positions and comparisons of a tracked tensor are recorded."""
    x = tracked(1.0, 2.0)
    return [torch.argmax(x).requires_grad, (x > 0).requires_grad]


@probe("blitz-detach-stops-original")
def original_after_detach():
    """Whether a tensor is still recorded after its `detach()`, and after its `detach_()`."""
    y = tracked(3.0) * 2
    y.detach()
    after = y.requires_grad
    y.detach_()
    return [after, y.requires_grad]


@probe("blitz-grad-fn-only-user-none")
def computed_without_a_record():
    """Which results have a `grad_fn`: of plain operands, compared, detached, under `no_grad`."""
    x = tracked(1.0, 2.0)
    with torch.no_grad():
        unrecorded = x * 2
    results = [torch.ones(2) * 2, x > 0, x.detach(), unrecorded]
    return [result.grad_fn is not None for result in results]


@probe("blitz-next-functions-linear")
def node_behind_the_loss():
    """The name of the node one step behind a loss, that of the linear layer."""
    loss = nn.MSELoss()(nn.Linear(2, 1)(torch.ones(1, 2)), torch.ones(1, 1))
    return type(loss.grad_fn.next_functions[0][0]).__name__


@probe("blitz-next-functions-expand", "blitz-next-functions-relu-label")
def node_behind_a_linear_layer():
    """The name of the first node behind a linear layer that follows a ReLU: that of its bias."""
    output = nn.Linear(2, 1)(nn.Linear(3, 2)(torch.ones(1, 3)).relu())
    return type(output.grad_fn.next_functions[0][0]).__name__


@probe("blitz-no-full-jacobian")
def full_jacobian():
    """The Jacobian of the product and the sum of 2, 3 and 5, in one call."""
    import torch.autograd.functional as functional

    x = torch.tensor([2.0, 3.0, 5.0])
    return functional.jacobian(lambda x: torch.stack([x.prod(), x.sum()]), x).tolist()


@probe("self-activation-must-differentiate")
def slopes_at_a_corner_and_of_a_step():
    """The slopes of ReLU at its corner and of `sign`: zero, and nothing is refused."""
    x, z = tracked(0.0), tracked(3.0)
    torch.relu(x).sum().backward()
    torch.sign(z).sum().backward()
    return [x.grad.tolist(), z.grad.tolist()]


@probe("course-backward-compatible")
def first_element_of_a_loss():
    """What `loss.data[0]` is, the way to read a loss in 0.3."""
    return refused(lambda: torch.tensor(0.5, requires_grad=True).data[0])


@probe()
def in_place_on_a_leaf():
    """How an in-place operation on a leaf that requires grad is refused."""
    return tracked(1.0).add_(1).tolist()


@probe()
def in_place_on_a_view_of_a_leaf():
    """How `x[0] = 1` is refused for a leaf that requires grad."""
    x = tracked(1.0, 2.0)
    x[0] = 1
    return x.tolist()


@probe()
def in_place_on_one_of_several_views():
    """What an in-place operation on one result of `unbind` answers under autograd."""
    first, _second = (tracked(1.0, 2.0) * 1).unbind()
    first.mul_(2)
    return first.item()


@probe()
def backward_twice():
    """How a second `backward()` through the same graph is refused."""
    x = tracked(2.0)
    y = (x * x).sum()
    y.backward()
    y.backward()
    return x.grad.tolist()


@probe()
def grad_of_a_result_between():
    """Whether asking a tensor that is no leaf for `.grad` warns."""
    between = tracked(1.0) * 2
    return heard(lambda: between.grad, "not a leaf")


@probe()
def gradient_of_an_unused_input():
    """How `torch.autograd.grad` refuses an input that was not used."""
    x, unused = tracked(1.0), tracked(1.0)
    return torch.autograd.grad((x * 2).sum(), [x, unused])[0].tolist()


@probe(wordless=True)
def unused_gradient_as_zeros():
    """What `torch.autograd.grad(..., materialize_grads=True)` gives for an unused input."""
    x, unused = tracked(1.0), tracked(1.0)
    grads = torch.autograd.grad((x * 2).sum(), [x, unused], materialize_grads=True)
    return grads[1].tolist()


@probe()
def function_without_static_methods():
    """What a `Function` of the old kind, with plain methods, answers."""

    class Double(torch.autograd.Function):
        def forward(self, x):
            return x * 2

        def backward(self, gradient):
            return gradient * 2

    return Double()(tracked(1.0)).tolist()


@probe(wordless=True)
def no_grad_without_brackets():
    """What a function decorated with `@torch.no_grad`, without brackets, gives."""

    @torch.no_grad
    def double(x):
        return x * 2

    return double(tracked(1.0)).requires_grad


@probe()
def inference_mode():
    """Whether a result under `torch.inference_mode()` is recorded."""
    with torch.inference_mode():
        return (tracked(1.0) * 2).requires_grad


@probe()
def functional_gradient():
    """What `torch.func.grad` of `x * x` gives at 3."""
    return torch.func.grad(lambda x: x * x)(torch.tensor(3.0)).item()


@probe()
def vmap_of_a_dot_product():
    """What `torch.vmap(torch.dot)` gives for two pairs of vectors."""
    return torch.vmap(torch.dot)(torch.ones(2, 3), torch.ones(2, 3)).tolist()


@probe()
def forward_mode():
    """The tangent that `torch.autograd.forward_ad` gives `x * x` at 3."""
    import torch.autograd.forward_ad as forward_ad

    with forward_ad.dual_level():
        x = forward_ad.make_dual(torch.tensor(3.0), torch.tensor(1.0))
        return forward_ad.unpack_dual(x * x)[1].item()


@probe()
def checkpoint_without_a_choice():
    """Whether `checkpoint` warns when `use_reentrant` is not given."""
    from torch.utils.checkpoint import checkpoint

    x = tracked(1.0)
    return heard(lambda: checkpoint(torch.exp, x), "use_reentrant")


# Modules and layers


@probe("path-plain-assign")
def tensor_assigned_to_a_parameter():
    """What a layer answers when a plain tensor is assigned to its weight."""
    return refused(lambda: setattr(nn.Linear(2, 1), "weight", torch.ones(1, 2)))


@probe("blitz-nn-minibatch-only")
def linear_layer_with_one_sample():
    """The shape that `nn.Linear(3, 2)` makes of a single sample, without a batch axis."""
    return list(nn.Linear(3, 2)(torch.zeros(3)).shape)


@probe(wordless=True)
def convolution_with_one_sample():
    """The shape that `nn.Conv2d(1, 2, 3)` makes of a single picture, without a batch axis."""
    return list(nn.Conv2d(1, 2, 3)(torch.zeros(1, 5, 5)).shape)


@probe(wordless=True)
def convolution_that_keeps_the_size():
    """The shape that `nn.Conv2d(1, 2, 3, padding="same")` makes of 5x5."""
    return list(nn.Conv2d(1, 2, 3, padding="same")(torch.zeros(1, 1, 5, 5)).shape)


@probe(wordless=True)
def recurrent_layer_with_one_sequence():
    """The shape that `nn.LSTM(3, 2)` makes of a single sequence, without a batch axis."""
    return list(nn.LSTM(3, 2)(torch.zeros(4, 3))[0].shape)


@probe("blitz-bias-grad-zeros-before")
def bias_gradient_after_zero_grad():
    """What `conv1.bias.grad` is after `net.zero_grad()`: six zeros, or None."""
    layer = nn.Conv2d(1, 6, 5)
    layer(torch.ones(1, 1, 5, 5)).sum().backward()
    layer.zero_grad()
    return None if layer.bias.grad is None else layer.bias.grad.tolist()


@probe("summary-train-mode", "summary-eval-mode")
def rrelu_in_two_modes():
    """Whether RReLU computes the same in both modes."""
    layer, x = nn.RReLU(), torch.full((20,), -1.0)
    return torch.equal(layer.train()(x), layer.eval()(x))


@probe("self-activation-bends")
def sigmoid_bounds_scores():
    """What a sigmoid at the end of a net makes of scores: probabilities."""
    return torch.tensor([-1000.0, 0.0, 1000.0]).sigmoid().tolist()


@probe("path-multi-gpu")
def documentation_of_data_parallel():
    """The first line of the documentation of `nn.DataParallel`."""
    return words(inspect.getdoc(nn.DataParallel))


@probe()
def functional_sigmoid():
    """Whether `F.sigmoid` warns that it is deprecated."""
    return heard(lambda: F.sigmoid(torch.ones(1)), "deprecated")


@probe()
def functional_tanh():
    """Whether `F.tanh` warns that it is deprecated."""
    return heard(lambda: F.tanh(torch.ones(1)), "deprecated")


@probe()
def softmax_without_dim():
    """Whether `F.softmax(x)` without `dim` warns (said to be an error by now; it is not)."""
    return heard(lambda: F.softmax(torch.ones(2, 2)), "dim")


@probe()
def loss_with_size_average():
    """Whether `nn.MSELoss(size_average=False)` warns (said to be gone; it still is taken)."""
    return heard(lambda: nn.MSELoss(size_average=False), "reduction")


@probe()
def upsample_warns():
    """Whether `F.upsample` warns that it is deprecated (said to be gone; it is still there)."""
    return heard(lambda: F.upsample(torch.ones(1, 1, 2, 2), scale_factor=2), "deprecated")


@probe()
def interpolate_without_align_corners():
    """Whether a bilinear `F.interpolate` without `align_corners` warns."""
    x = torch.ones(1, 1, 2, 2)
    return heard(lambda: F.interpolate(x, size=4, mode="bilinear"), "align_corners")


@probe()
def grid_sample_default():
    """What `F.grid_sample` reads at -1 from the row 0, 2: the corner's middle or its edge."""
    picture = torch.tensor([[[[4.0, 8.0], [4.0, 8.0]]]])
    grid = torch.tensor([[[[-1.0, -1.0]]]])
    return F.grid_sample(picture, grid).item()


@probe()
def cross_entropy_of_probabilities():
    """What `F.cross_entropy` makes of probabilities as the target."""
    return round(F.cross_entropy(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]])).item(), 4)


@probe(wordless=True)
def cross_entropy_label_smoothing():
    """What `label_smoothing=0.5` makes of the loss of the scores 0 and 2."""
    scores, target = torch.tensor([[0.0, 2.0]]), torch.tensor([1])
    return round(F.cross_entropy(scores, target, label_smoothing=0.5).item(), 4)


@probe()
def cross_entropy_of_int32_labels():
    """How labels of dtype int32 are refused, or what their loss is."""
    target = torch.tensor([0], dtype=torch.int32)
    return round(F.cross_entropy(torch.zeros(1, 2), target).item(), 4)


@probe()
def label_out_of_range():
    """How the label 7 of 2 classes is refused on the CPU."""
    return F.cross_entropy(torch.zeros(1, 2), torch.tensor([7])).item()


@probe()
def linear_layer_with_a_wrong_size():
    """How a linear layer refuses samples of a wrong size."""
    return list(nn.Linear(3, 2)(torch.zeros(4, 5)).shape)


@probe()
def linear_layer_with_integers():
    """How a linear layer refuses integers."""
    return nn.Linear(2, 1)(torch.tensor([[1, 2]])).tolist()


@probe()
def mse_of_two_shapes():
    """Whether `F.mse_loss` warns of a target of another shape, which it broadcasts."""
    return heard(lambda: F.mse_loss(torch.ones(2, 1), torch.ones(2)), "target size")


@probe()
def layers_of_later_releases():
    """Which of the later layers `torch.nn` has."""
    names = "Identity Flatten Transformer GELU Hardswish SiLU Unflatten GaussianNLLLoss LazyLinear"
    return have(nn, names + " Mish HuberLoss RMSNorm")


@probe(wordless=True)
def transformer_batch_first():
    """The shape that `nn.MultiheadAttention(..., batch_first=True)` makes of a batch."""
    layer = nn.MultiheadAttention(4, 2, batch_first=True)
    x = torch.zeros(1, 3, 4)
    return list(layer(x, x, x)[0].shape)


@probe(wordless=True)
def gelu_approximation():
    """What `nn.GELU(approximate="tanh")` gives at 1."""
    return round(nn.GELU(approximate="tanh")(torch.tensor(1.0)).item(), 4)


@probe()
def hooks_of_a_module():
    """Which hooks a module can register."""
    names = "forward_pre_hook forward_hook backward_hook full_backward_hook full_backward_pre_hook"
    names += " state_dict_pre_hook load_state_dict_post_hook"
    return " ".join(name for name in names.split() if hasattr(nn.Module, "register_" + name))


@probe()
def old_backward_hook():
    """Whether `register_backward_hook` warns on a module of several steps."""
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    net.register_backward_hook(lambda module, grad_input, grad_output: None)
    x = tracked(1.0)
    return heard(lambda: net(x).sum().backward(), "hook")


@probe()
def appending_to_a_sequence():
    """How many layers `nn.Sequential(...).append(...)` has."""
    return len(nn.Sequential(nn.ReLU()).append(nn.ReLU()))


@probe(wordless=True)
def layer_made_with_a_dtype():
    """The dtype of the weight of `nn.Linear(1, 1, dtype=torch.float64)`."""
    return str(nn.Linear(1, 1, dtype=torch.float64).weight.dtype)


@probe()
def norm_that_clip_grad_norm_returns():
    """The type of what `clip_grad_norm_` returns."""
    p = nn.Parameter(torch.ones(1))
    p.grad = torch.ones(1)
    return type(nn.utils.clip_grad_norm_([p], 1.0)).__name__


@probe()
def initialisation_without_underscore():
    """Whether `nn.init.xavier_uniform`, the name of 0.3, warns."""
    return heard(lambda: nn.init.xavier_uniform(torch.zeros(2, 2)), "deprecated")


@probe()
def weight_norm_warns():
    """Whether `nn.utils.weight_norm` warns that it is deprecated."""
    return heard(lambda: nn.utils.weight_norm(nn.Linear(1, 1)), "deprecated")


@probe(wordless=True)
def assigning_load_state_dict():
    """Whether `load_state_dict(..., assign=True)` replaces the parameter."""
    layer, weight = nn.Linear(1, 1, bias=False), nn.Parameter(torch.ones(1, 1))
    layer.load_state_dict({"weight": weight}, assign=True)
    return layer.weight is weight


# Optimizers and schedules


@probe("path-per-layer-learning-rate", "path-per-layer-weight-decay")
def settings_for_each_layer():
    """Two weights of 4 after a step: each with a learning rate and weight decay of its own."""
    first, second = nn.Parameter(torch.tensor([4.0])), nn.Parameter(torch.tensor([4.0]))
    first.grad, second.grad = torch.tensor([1.0]), torch.tensor([1.0])
    groups = [{"params": [first], "lr": 0.25}, {"params": [second], "weight_decay": 0.5}]
    torch.optim.SGD(groups, lr=1.0).step()
    return [first.item(), second.item()]


@probe("path-adjust-learning-rate")
def learning_rate_changed_by_hand():
    """A weight after two steps, the learning rate assigned anew between them."""
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    weight.grad = torch.tensor(-1.0)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.step()
    return weight.item()


@probe("blitz-workflow-updates-gradients")
def step_leaves_the_gradients():
    """Weight and gradient after a plain SGD step: the weight moved, the gradient did not."""
    weight = nn.Parameter(torch.tensor([4.0]))
    weight.grad = torch.tensor([1.0])
    torch.optim.SGD([weight], lr=0.5).step()
    return [weight.tolist(), weight.grad.tolist()]


@probe()
def gradient_after_a_step_with_weight_decay():
    """The gradient 1 of the weight 4 after SGD with weight decay 0.25: it was changed to 2 once."""
    weight = nn.Parameter(torch.tensor([4.0]))
    weight.grad = torch.tensor([1.0])
    torch.optim.SGD([weight], lr=0.5, weight_decay=0.25).step()
    return weight.grad.tolist()


@probe("blitz-optimizer-after-to")
def optimizer_made_before_the_move():
    """Whether an optimizer made before `net.to(...)` has the net's parameters after it."""
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    net.to(torch.float64)
    return [optimizer.param_groups[0]["params"][0] is net.weight, str(net.weight.dtype)]


@probe()
def gradient_after_optimizer_zero_grad():
    """What `.grad` is after `optimizer.zero_grad()`."""
    weight = nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)
    torch.optim.SGD([weight], lr=1.0).zero_grad()
    return None if weight.grad is None else weight.grad.tolist()


@probe()
def settings_of_sgd():
    """The settings of `torch.optim.SGD`, in order."""
    return settings(torch.optim.SGD.__init__)


@probe()
def settings_of_adam():
    """The settings of `torch.optim.Adam`, in order."""
    return settings(torch.optim.Adam.__init__)


@probe()
def sgd_without_learning_rate():
    """The learning rate of `torch.optim.SGD(parameters)`, none given."""
    return torch.optim.SGD([nn.Parameter(torch.ones(1))]).param_groups[0]["lr"]


@probe()
def later_optimizers():
    """Which of the later optimizers there are."""
    return have(torch.optim, "AdamW NAdam RAdam Adafactor Muon")


@probe()
def rate_after_one_scheduler_step():
    """The rate after one `scheduler.step()` of a StepLR that halves each epoch, from 1."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    optimizer.step()
    scheduler.step()
    return optimizer.param_groups[0]["lr"]


@probe()
def scheduler_before_optimizer():
    """Whether `scheduler.step()` before `optimizer.step()` warns."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1)
    return heard(scheduler.step, "before")


@probe()
def scheduler_step_with_an_epoch():
    """Whether `scheduler.step(3)`, with the epoch, warns."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1)
    optimizer.step()
    return heard(lambda: scheduler.step(3), "epoch")


@probe()
def settings_of_step_lr():
    """The settings of `StepLR`: `verbose` came and went."""
    return settings(torch.optim.lr_scheduler.StepLR.__init__)


@probe()
def last_rate_of_a_plateau_schedule():
    """What `ReduceLROnPlateau(...).get_last_lr()` gives."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    scheduler.step(1.0)
    return scheduler.get_last_lr()


# Data, files, random numbers


@probe("blitz-dataiter-next-method")
def next_method_of_a_loader():
    """What `iter(loader).next()` gives."""
    return iter(DataLoader([7, 8, 9], batch_size=2)).next().tolist()


@probe("blitz-dp-sizes-are-picture-size")
def shapes_of_batches_of_a_hundred_rows():
    """The shapes of the batches of 100 rows of 5 numbers, 30 at a time."""
    loader = DataLoader(torch.zeros(100, 5), batch_size=30)
    return [list(batch.shape) for batch in loader]


@probe("blitz-dp-splits-dataset")
def batches_are_what_is_split():
    """What the first of two devices gets of the batches `0..3` and `4..7`: half of each batch."""
    loader = DataLoader(list(range(8)), batch_size=4)
    return [batch.chunk(2)[0].tolist() for batch in loader]


@probe()
def settings_of_data_loader():
    """The settings of `DataLoader`, in order."""
    return settings(DataLoader.__init__)


@probe(wordless=True)
def random_split_by_fractions():
    """The lengths that `random_split` makes of 10 samples and the fractions 0.5 and 0.5."""
    parts = torch.utils.data.random_split(list(range(10)), [0.5, 0.5])
    return [len(part) for part in parts]


@probe()
def load_of_any_object():
    """What `torch.load` gives back of an object of a class that is not torch's."""
    file = io.BytesIO()
    torch.save(collections.deque([1, 2]), file)
    file.seek(0)
    return str(torch.load(file))


@probe()
def load_of_a_tensor_warns():
    """Whether `torch.load` of a tensor warns when `weights_only` is not given."""
    file = io.BytesIO()
    torch.save(torch.ones(1), file)
    file.seek(0)
    return heard(lambda: torch.load(file), "weights_only")


@probe()
def file_format():
    """Whether `torch.save` writes a zip file."""
    file = io.BytesIO()
    torch.save(torch.ones(1), file)
    return file.getvalue()[:2] == b"PK"


@probe()
def first_random_number():
    """The first `torch.rand(1)` after `manual_seed(0)` (said to change; it is the same number)."""
    return round(torch.rand(1).item(), 4)


@probe()
def first_normal_number():
    """The first `torch.randn(1)` after `manual_seed(0)`."""
    return round(torch.randn(1).item(), 4)


@probe()
def first_of_many_normal_numbers():
    """The first of `torch.randn(20)` after `manual_seed(0)`: longer rows are drawn otherwise."""
    return round(torch.randn(20)[0].item(), 4)


@probe()
def random_permutation():
    """What `torch.randperm(5)` gives after `manual_seed(0)`."""
    return torch.randperm(5).tolist()


@probe()
def random_integers():
    """What `torch.randint(100, (3,))` gives after `manual_seed(0)`."""
    return torch.randint(100, (3,)).tolist()


@probe()
def first_weights_of_a_linear_layer():
    """The weights of `nn.Linear(2, 1)` after `manual_seed(0)`."""
    return [round(number, 4) for number in nn.Linear(2, 1).weight[0].tolist()]


@probe()
def first_weight_of_a_convolution():
    """The first weight of `nn.Conv2d(1, 1, 3)` after `manual_seed(0)`."""
    return round(nn.Conv2d(1, 1, 3).weight[0, 0, 0, 0].item(), 4)


@probe()
def shuffled_order_of_a_loader():
    """The order in which a shuffling loader gives 5 samples after `manual_seed(0)`."""
    return [int(batch) for batch in DataLoader(list(range(5)), shuffle=True)]


# Functions that came and went


@probe()
def matrix_product_of_wrong_shapes():
    """How the product of two 2x3 matrices is refused."""
    return list(torch.mm(torch.zeros(2, 3), torch.zeros(2, 3)).shape)


@probe()
def fft_is_a_function_or_a_module():
    """Whether `torch.fft` is a function or a module."""
    return "function" if callable(torch.fft) else "module"


@probe()
def rfft():
    """The shape that `torch.rfft(x, 1)` makes of 4 numbers."""
    return list(torch.rfft(torch.ones(4), 1).shape)


@probe()
def stft_without_return_complex():
    """The shape that `torch.stft(x, 4)` makes of 8 numbers: real pairs, or a refusal."""
    return list(torch.stft(torch.ones(8), 4).shape)


@probe()
def solve():
    """What `torch.solve` gives."""
    return torch.solve(torch.ones(2, 1), torch.eye(2))[0].tolist()


@probe()
def symeig():
    """What `torch.symeig` gives."""
    return torch.symeig(torch.eye(2))[0].tolist()


@probe()
def gels():
    """What `torch.gels` gives, the old name of `lstsq`."""
    return torch.gels(torch.ones(2, 1), torch.eye(2))[0].tolist()


@probe()
def lstsq():
    """What `torch.lstsq` gives."""
    return [round(row[0], 4) for row in torch.lstsq(torch.ones(2, 1), torch.eye(2))[0].tolist()]


@probe()
def qr_warns():
    """Whether `torch.qr` warns that it is deprecated."""
    return heard(lambda: torch.qr(torch.eye(2)), "deprecated")


@probe()
def cholesky_warns():
    """Whether `torch.cholesky` warns that it is deprecated."""
    return heard(lambda: torch.cholesky(torch.eye(2)), "deprecated")


@probe()
def linear_algebra_module():
    """What `torch.linalg.norm` gives of 3 and 4."""
    return torch.linalg.norm(torch.tensor([3.0, 4.0])).item()


@probe()
def modules_of_later_releases():
    """Which of the later modules `torch` has."""
    return modules("fft linalg fx special func export nested _dynamo compiler")


@probe()
def compile_function():
    """The settings of `torch.compile`, in order."""
    return settings(torch.compile)


@probe()
def trace_warns():
    """Whether `torch.jit.trace` warns that it is deprecated."""
    return heard(lambda: torch.jit.trace(lambda x: x + 1, torch.ones(1)), "deprecated")


@probe()
def type_of_a_storage():
    """The type of what `x.storage()` returns."""
    return type(torch.ones(1).storage()).__name__


@probe()
def attention_function():
    """The shape that `F.scaled_dot_product_attention` gives."""
    x = torch.ones(1, 2, 4)
    return list(F.scaled_dot_product_attention(x, x, x).shape)


@probe()
def distribution_with_a_negative_scale():
    """What `torch.distributions.Normal(0, -1)` answers."""
    return refused(lambda: torch.distributions.Normal(torch.tensor(0.0), torch.tensor(-1.0)))


@probe()
def tf32_in_matrix_products():
    """Whether matrix products on a GPU may round to TF32 unless told otherwise."""
    return torch.backends.cuda.matmul.allow_tf32


@probe(wordless=True)
def assert_close():
    """What `torch.testing.assert_close` says to 1 and 2."""
    torch.testing.assert_close(torch.tensor(1.0), torch.tensor(2.0))
    return "close"


@probe("course-visualise-training")
def names_that_plot():
    """Which names of `torch` and `torch.nn` have to do with plotting: none."""
    names = set(dir(torch)) | set(dir(nn)) | set(dir(torch.utils))
    return sorted(name for name in names if re.search(r"plot|figure|curve", name.lower()))


@probe("path-codebase-small")
def size_of_the_python_half():
    """How many million characters the Python files of the package `torch` have."""
    size = 0
    for folder, _folders, files in os.walk(os.path.dirname(torch.__file__)):
        size += sum(os.path.getsize(os.path.join(folder, f)) for f in files if f.endswith(".py"))
    return size // 1000000


def main(arguments):
    """Print the values of all probes, or with `--list` what the probes are."""
    if arguments == ["--list"]:
        report = [
            {"name": one.name, "says": one.says, "claims": one.claims} for one in PROBES.values()
        ]
    else:
        report = {
            "torch": str(torch.__version__),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "values": run_all(),
        }
    print(json.dumps(report, indent=1, sort_keys=True, allow_nan=False))


if __name__ == "__main__":
    main(sys.argv[1:])
