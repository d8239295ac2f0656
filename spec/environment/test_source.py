"""Reading PyTorch itself.

The package that pip installs holds the Python half of PyTorch as readable source: modules, losses,
optimizers, data loading. The C++ half, in which tensors are calculated with, is there as compiled
libraries. `inspect.getsource` and the tracebacks of errors show the way in.

What surprises newcomers: it has grown a lot since the notes praised its size; the parts that a
learner wants to read have hardly grown.
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
    """The Python half alone is some ten million characters and more: no weekend's reading."""
    record = importlib.metadata.distribution("torch").read_text("RECORD")

    sizes = [
        int(size)
        for name, _, size in csv.reader(record.splitlines())
        if name.startswith("torch/") and name.endswith(".py")
    ]

    # Seven zeros; 1.1, the release of the notes, had two million characters.
    assert math.floor(math.log10(sum(sizes))) == 7


def test_a_layer_is_a_page_of_source():
    """A layer is short to read: `Linear` is about a hundred lines, most of them documentation."""
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
    """A traceback shows the layers: call, `_call_impl`, `forward`, and then compiled code."""
    layer = nn.Linear(2, 1)

    with pytest.raises(RuntimeError) as caught:
        layer(torch.ones(1, 3))

    calls = [entry.name for entry in caught.traceback][1:]
    assert [name for name in calls if name != "_wrapped_call_impl"] == ["_call_impl", "forward"]
    assert inspect.isbuiltin(functional.linear) is True


def test_compiled_functions_have_no_source_to_show():
    """`torch.add` and its like are compiled: `inspect.getsource` refuses them."""
    with pytest.raises(TypeError, match="builtin_function_or_method"):
        inspect.getsource(torch.add)

    assert "def relu" in inspect.getsource(functional.relu)


@pytest.mark.claim("path-resnet-source-short")
def test_resnet_is_two_hundred_lines():
    """torchvision's ResNet, both blocks and the net, is little more than two hundred lines."""
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
def test_every_layer_and_every_optimizer_is_documented(module):
    """All classes of `torch.nn` and `torch.optim` have docstrings, which the reference shows."""
    classes = [thing for thing in vars(module).values() if inspect.isclass(thing)]

    assert len(classes) > 10
    assert [thing for thing in classes if not inspect.getdoc(thing)] == []


def test_a_compiled_function_tells_its_signature_in_its_documentation():
    """Compiled functions begin their docstring with the signature, so that `help` shows it."""
    first = inspect.getdoc(torch.add).splitlines()[0]

    assert first == "add(input, other, *, alpha=1, out=None) -> Tensor"
