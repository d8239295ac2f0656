"""Reading PyTorch itself.

The package that pip installs holds the Python half of PyTorch as readable source: modules, losses,
optimizers, data loading. The C++ half, which computes with tensors, is there as compiled libraries.
`inspect.getsource` and the tracebacks of errors show the way in, docstrings the way to use it.

What surprises: the source has grown fivefold and more since PyTorch 1.1, when it was praised as
small; single layers, which a learner wants to read, are still a page each.
"""

import ast
import csv
import importlib.metadata
import importlib.util
import inspect
import math
import pathlib

import pytest
import torch
from torch import nn
from torch.nn import functional


@pytest.mark.claim("path-codebase-small")
def test_the_source_is_not_small_any_more():
    """The Python files of an installed `torch` have together more than ten million bytes: too much
    to read, unlike single modules such as `torch/nn/modules/linear.py`.

    PyTorch 1.1, of 2019, had two million.
    """
    record = importlib.metadata.distribution("torch").read_text("RECORD")

    sizes = [
        int(size)
        for name, _, size in csv.reader(record.splitlines())
        if name.startswith("torch/") and name.endswith(".py")
    ]

    # Seven zeros.
    assert math.floor(math.log10(sum(sizes))) == 7


def test_a_layer_is_a_page_of_source():
    """`inspect.getsource(nn.Linear)` has between 50 and 150 lines; its method `forward`
    only returns `F.linear(input, self.weight, self.bias)`.

    Because many of the lines are documentation.
    """
    lines = inspect.getsource(nn.Linear).splitlines()

    assert round(len(lines), -2) == 100
    assert inspect.getsource(nn.Linear.forward).split()[-4:] == [
        "return",
        "F.linear(input,",
        "self.weight,",
        "self.bias)",
    ]


@pytest.mark.claim("path-few-abstraction-layers")
def test_few_calls_lie_between_a_layer_and_the_compiled_code():
    """The traceback of `nn.Linear(2, 1)(torch.ones(1, 3))`, a RuntimeError, shows below the line
    of this call only two or three Python functions of torch: `_call_impl` and `forward`, in newer
    releases `_wrapped_call_impl` before them.

    Because `F.linear`, which `forward` calls, is compiled C++ code, and a traceback of Python does
    not show calls in C++.
    """
    layer = nn.Linear(2, 1)

    with pytest.raises(RuntimeError) as caught:
        layer(torch.ones(1, 3))

    calls = [entry.name for entry in caught.traceback][1:]
    assert [name for name in calls if name != "_wrapped_call_impl"] == ["_call_impl", "forward"]
    assert inspect.isbuiltin(functional.linear) is True


def test_compiled_functions_have_no_source_to_show():
    """`inspect.getsource(torch.add)` raises TypeError, for `torch.add` is a compiled builtin;
    `inspect.getsource(F.relu)` shows the source, for `F.relu` is written in Python.

    The C++ source of compiled functions is in PyTorch's repository; the wheel has headers of it
    only.
    """
    with pytest.raises(TypeError, match="builtin_function_or_method"):
        inspect.getsource(torch.add)

    assert "def relu" in inspect.getsource(functional.relu)


@pytest.mark.claim("path-resnet-source-short")
def test_resnet_is_two_hundred_lines():
    """The classes `BasicBlock`, `Bottleneck` and `ResNet` in `torchvision/models/resnet.py`
    have together between 150 and 250 lines.
    """
    pytest.importorskip("torchvision")
    package = importlib.util.find_spec("torchvision").submodule_search_locations[0]
    module = ast.parse((pathlib.Path(package) / "models" / "resnet.py").read_text())

    lines = {
        node.name: node.end_lineno - node.lineno + 1
        for node in module.body
        if isinstance(node, ast.ClassDef)
    }

    assert round(lines["BasicBlock"] + lines["Bottleneck"] + lines["ResNet"], -2) == 200


@pytest.mark.claim("path-docs-api-reference")
@pytest.mark.parametrize("module", [nn, torch.optim])
def test_layers_and_optimizers_have_docstrings(module):
    """`inspect.getdoc` finds a docstring, the class's own or an inherited one, for every class that
    `torch.nn` or `torch.optim` has as an attribute.

    The documentation on the web is made from the docstrings.
    """
    classes = [thing for thing in vars(module).values() if inspect.isclass(thing)]

    assert len(classes) > 10
    assert [thing for thing in classes if not inspect.getdoc(thing)] == []


def test_a_compiled_function_tells_its_signature_in_its_documentation():
    """`inspect.getdoc(torch.add)`, the docstring of a compiled function, begins with the
    signature "add(input, other, *, alpha=1, out=None) -> Tensor", which `help(torch.add)` shows
    too.

    Because `torch.add` carries no signature that Python could read:
    `inspect.signature(torch.add)` raises ValueError.
    """
    first = inspect.getdoc(torch.add).splitlines()[0]

    assert first == "add(input, other, *, alpha=1, out=None) -> Tensor"
