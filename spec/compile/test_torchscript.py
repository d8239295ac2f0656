"""TorchScript, which is deprecated.

TorchScript was the first compiler of PyTorch: `torch.jit.trace` records one run of a model,
`torch.jit.script` compiles its Python code, a part of the language with types. Both give a program
that is saved and loaded without its class. Since PyTorch 2.10 both warn that they are deprecated:
`torch.compile` replaces them for speed (`spec/compile/test_compile.py`), `torch.export` for files
(`spec/compile/test_export.py`). Files that were written with them are still loaded.

What a trace keeps of its example (the branch, the mode) is told in
`spec/training/test_deployment.py`.

What surprises: an argument of a scripted function without an annotation is a tensor, a loop in a
trace has as many steps as the example had, and `torch.load` refuses TorchScript files.
"""

import pytest
import torch
from torch import nn

# Deprecated since torch.export does the same; what it wrote is still in use.
torchscript = pytest.mark.filterwarnings("ignore:`torch.jit")


@pytest.mark.torch(">=2.10")
@pytest.mark.parametrize("name", ["trace", "script", "save", "load"])
@pytest.mark.spare("' '", reason="it stands between messages")
@pytest.mark.spare("DeprecationWarning", reason="later releases issue a FutureWarning")
def test_torchscript_is_deprecated(name, tmp_path):
    """Since PyTorch 2.10, on Python before 3.14, `torch.jit.trace`, `script`, `save` and
    `load` issue a DeprecationWarning or FutureWarning such as "`torch.jit.trace` is
    deprecated. Please switch to `torch.compile` or `torch.export`."

    It is a DeprecationWarning, which Python hides in most places, and since PyTorch 2.14 a
    FutureWarning, which it shows.
    """
    path = str(tmp_path / "relu.pt")

    def use(name):
        if name == "trace":
            torch.jit.trace(torch.relu, torch.ones(1))
        elif name == "script":
            torch.jit.script(nn.ReLU())
        elif name == "save":
            torch.jit.save(torch.jit.script(nn.ReLU()), path)
        else:
            torch.jit.script(nn.ReLU()).save(path)
            torch.jit.load(path)

    with pytest.warns((DeprecationWarning, FutureWarning)) as caught:
        use(name)

    assert f"`torch.jit.{name}` is deprecated" in " ".join(str(each.message) for each in caught)


@torchscript
def test_a_trace_unrolls_loops():
    """`torch.jit.trace` of a function with `for _ in range(x.shape[0]): x = x + 1` adds 1 as often
    as the 1-D example has elements: traced with two, it adds 2 to a tensor of three elements; the
    function compiled by `torch.jit.script` adds 3.
    """

    def count(x):
        for _ in range(x.shape[0]):
            x = x + 1
        return x

    traced = torch.jit.trace(count, torch.zeros(2), check_trace=False)
    scripted = torch.jit.script(count)

    assert traced(torch.zeros(3)).tolist() == [2.0, 2.0, 2.0]
    assert scripted(torch.zeros(3)).tolist() == [3.0, 3.0, 3.0]


@torchscript
def test_an_argument_without_a_type_is_a_tensor():
    """`torch.jit.script` of `def f(x, n): return x * n` treats `n`, which has no
    annotation, as a tensor: the call with an int for `n` raises RuntimeError, "Expected a
    value of type 'Tensor (inferred)' for argument 'n'".

    Annotate it: `n: int`.
    """

    def plain(x, n):
        return x * n

    def annotated(x, n: int):
        return x * n

    with pytest.raises(RuntimeError, match=r"Expected a value of type 'Tensor \(inferred\)'"):
        torch.jit.script(plain)(torch.ones(2), 3)
    assert torch.jit.script(annotated)(torch.ones(2), 3).tolist() == [3.0, 3.0]


@torchscript
def test_scripted_functions_take_no_variable_arguments():
    """`torch.jit.script` of a function that takes `*args` as a parameter, defined in a .py
    file, raises NotSupportedError, "Compiled functions can't take variable number of
    arguments or use keyword-only arguments with defaults".

    Take a `List[torch.Tensor]` instead.
    """

    def first(*tensors):
        return tensors[0]

    with pytest.raises(
        torch.jit.frontend.NotSupportedError,
        match="Compiled functions can't take variable number of arguments",
    ):
        torch.jit.script(first)


@torchscript
def test_scripting_needs_the_source():
    """`torch.jit.script` of a function that `exec("def double(x): return x * 2", globals())` has
    defined raises OSError, "Can't get source for".

    Because it reads the source text. Write the function into a file.
    """
    names = {"__name__": "typed"}
    exec("def double(x):\n    return x * 2", names)

    with pytest.raises(OSError, match="Can't get source for <function double"):
        torch.jit.script(names["double"])


@torchscript
def test_a_trace_takes_tensors_only():
    """`torch.jit.trace(f, (torch.ones(1), 3))`, with an int among the inputs, raises
    RuntimeError, "Type 'Tuple[Tensor, int]' cannot be traced. Only Tensors and (possibly
    nested) Lists, Dicts, and Tuples of Tensors can be traced".

    Pass a tensor, or fix the number: `lambda x: f(x, 3)`.
    """
    with pytest.raises(RuntimeError, match=r"Type 'Tuple\[Tensor, int\]' cannot be traced"):
        torch.jit.trace(lambda x, n: x * n, (torch.ones(1), 3))


@torchscript
def test_a_trace_returns_tensors_only():
    """`torch.jit.trace` of a function that returns a string raises RuntimeError, "Only tensors,
    lists, tuples of tensors, or dictionary of tensors can be output from traced functions".
    """
    with pytest.raises(RuntimeError, match="Only tensors, lists, tuples of tensors, or dictionary"):
        torch.jit.trace(lambda x: "text", torch.ones(1))


@torchscript
def test_a_dict_is_traced_without_strict():
    """`torch.jit.trace` of a model that returns `{"double": x * 2}` raises RuntimeError,
    "Encountering a dict at the output of the tracer might cause the trace to be incorrect";
    with `strict=False` the model is traced."""

    class Net(nn.Module):
        def forward(self, x):
            return {"double": x * 2}

    with pytest.raises(RuntimeError, match="Encountering a dict at the output of the tracer"):
        torch.jit.trace(Net(), torch.ones(1))
    traced = torch.jit.trace(Net(), torch.ones(1), strict=False)

    assert traced(torch.tensor([3.0]))["double"].tolist() == [6.0]


@torchscript
@pytest.mark.filterwarnings("ignore:'torch.load' received a zip file:UserWarning")
@pytest.mark.torch(">=2.6")
def test_torch_load_refuses_torchscript_files(tmp_path):
    """Since PyTorch 2.6 `torch.load(path)` of a TorchScript file raises RuntimeError by default,
    "Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``";
    `torch.jit.load` reads it.
    """
    path = str(tmp_path / "relu.pt")
    torch.jit.script(nn.ReLU()).save(path)

    with pytest.raises(RuntimeError, match="Cannot use ``weights_only=True`` with TorchScript"):
        torch.load(path)
    assert torch.jit.load(path)(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
