"""ONNX: a model as a file for other runtimes.

ONNX is a file format for models that other programs run, such as ONNX Runtime, TensorRT or a
browser. `torch.onnx.export(model, args, path)` writes one. Since PyTorch 2.9 it goes through
`torch.export` (`dynamo=True` is the default; see `spec/compile/test_export.py`) and needs the
packages `onnx` and `onnxscript`; before, it went through TorchScript (`dynamo=False`, deprecated
now), which needs `onnx` only. To run the file, `onnxruntime` is a third package.

What surprises: installing torch brings none of the three, sizes are fixed unless `dynamic_shapes`
names what changes, and ONNX Runtime takes NumPy arrays of exactly the dtype of the example.

Facts about a written file need the packages and are skipped without them:
`pip install onnx onnxscript onnxruntime`.
"""

import inspect
from importlib.util import find_spec

import pytest
import torch
from torch import nn

ONNX = all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not ONNX, reason="needs onnx, onnxscript and onnxruntime")
# The exporter imports and calls parts of torch and of onnxscript that are deprecated.
quiet = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def path(tmp_path):
    """Where the file is written."""
    return str(tmp_path / "net.onnx")


@pytest.mark.torch(">=2.9")
def test_export_goes_through_torch_export_by_default():
    """Since PyTorch 2.9 the default of `torch.onnx.export` is `dynamo=True`, the exporter that
    uses `torch.export`.
    """
    default = inspect.signature(torch.onnx.export).parameters["dynamo"].default

    assert default is True


@pytest.mark.torch(">=2.4,<2.9")
def test_before_2_9_export_went_through_torchscript_by_default():
    """From PyTorch 2.4 to 2.8 the default of `torch.onnx.export` is `dynamo=False`: it exports a
    module by the exporter that uses TorchScript.
    """
    default = inspect.signature(torch.onnx.export).parameters["dynamo"].default

    assert default is False


@pytest.mark.skipif(find_spec("onnxscript") is not None, reason="onnxscript is installed here")
@pytest.mark.torch(">=2.9")
def test_export_needs_onnxscript(path):
    """Since PyTorch 2.9 `torch.onnx.export(model, (x,), path)` of an `nn.Linear` raises
    ModuleNotFoundError by default, "No module named 'onnxscript'", where the package `onnxscript`
    is missing; installing torch does not bring it.

    Install what it needs: `pip install onnx onnxscript`.
    """
    with pytest.raises(ModuleNotFoundError, match="No module named 'onnxscript'"):
        torch.onnx.export(nn.Linear(2, 1).eval(), (torch.zeros(1, 2),), path)


@pytest.mark.skipif(find_spec("onnx") is not None, reason="onnx is installed here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.torch(">=2.5")
def test_the_exporter_through_torchscript_needs_onnx(path):
    """Without the package `onnx`, `torch.onnx.export(..., dynamo=False)` raises
    OnnxExporterError, "Module onnx is not installed!"

    Install it: `pip install onnx`.
    """
    with pytest.raises(torch.onnx.OnnxExporterError, match="Module onnx is not installed!"):
        torch.onnx.export(nn.Linear(2, 1).eval(), (torch.zeros(1, 2),), path, dynamo=False)


@pytest.mark.torch(">=2.9")
def test_dynamo_export_is_gone():
    """In PyTorch 2.9 and later `torch.onnx.dynamo_export` raises AttributeError, "module
    'torch.onnx' has no attribute 'dynamo_export'".

    Write `torch.onnx.export(model, args, path, dynamo=True)`.
    """
    with pytest.raises(AttributeError, match="has no attribute 'dynamo_export'"):
        _ = torch.onnx.dynamo_export
    assert "dynamo" in inspect.signature(torch.onnx.export).parameters


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_onnx_runtime_gives_the_same_values(path):
    """`nn.Sequential(nn.Linear(2, 1), nn.ReLU())` in `eval()` mode, written by `torch.onnx.export`
    and run by ONNX Runtime on a float32 input of the shape that was exported, gives the values of
    the model up to rounding.

    `session.run(None, {name: array})` returns a list of NumPy arrays, one per output. By default
    another batch size than that of the export raises InvalidArgument.
    """
    import onnxruntime

    net = nn.Sequential(nn.Linear(2, 1), nn.ReLU()).eval()
    net[0].weight.data = torch.tensor([[2.0, 3.0]])
    net[0].bias.data.fill_(0.5)
    torch.onnx.export(net, (torch.zeros(2, 2),), path, input_names=["x"], verbose=False)

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"x": torch.tensor([[1.0, 10.0], [-1.0, 0.0]]).numpy()})

    assert output.tolist() == [[32.5], [0.0]]


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_the_output_of_onnx_runtime_is_compared_with_that_of_the_model(path):
    """`torch.testing.assert_close(torch.from_numpy(session.run(None, {"x": x.numpy()})[0]),
    net(x))` raises AssertionError if the one output of `net`, exported with `input_names=["x"]`,
    isn't close to that of its ONNX Runtime `session`.

    `x` has the exported shape and dtype. Call `net.eval()` before the export: in training mode
    dropout and batch norm of `net` compute something else. If `net` returns a tuple, as `nn.LSTM`
    does, compare output by output.
    """
    import onnxruntime

    net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Tanh()).eval()
    torch.onnx.export(net, (torch.zeros(2, 4),), path, input_names=["x"], verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = torch.ones(2, 4)

    (array,) = session.run(None, {"x": x.numpy()})

    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(array), net(x))
        with pytest.raises(AssertionError, match="Tensor-likes are not close!"):
            torch.testing.assert_close(torch.from_numpy(array), net.train()(x))
    assert array.shape == (2, 8)


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_the_batch_of_the_example_is_fixed(path):
    """`nn.Linear(2, 1)` written by `torch.onnx.export` with an example batch of 4, without
    `dynamic_shapes` and `dynamic_axes`, is refused by ONNX Runtime for a batch of 7, "Got invalid
    dimensions for input".

    Because the sizes of the example are written as constants, unless one of these two arguments
    makes a dimension dynamic: `dynamic_shapes=({0: "batch"},)`.
    """
    import onnxruntime

    example = (torch.zeros(4, 2),)
    torch.onnx.export(nn.Linear(2, 1).eval(), example, path, input_names=["x"], verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    with pytest.raises(Exception, match="Got invalid dimensions for input: x"):
        session.run(None, {"x": torch.zeros(7, 2).numpy()})


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_dynamic_shapes_names_what_may_change(path):
    """`torch.onnx.export(nn.Linear(2, 1), (torch.zeros(4, 2),), path, dynamic_shapes=({0:
    "batch"},))` leaves dimension 0 of the input open: the file gives its shape as
    `["batch", 2]`, and ONNX Runtime takes 7 rows.

    The export doesn't find every fixed size in the model's code: if `forward` returns
    `x.reshape(4, -1)`, the file gives `["batch", 2]` too, but with 7 rows ONNX Runtime fails.
    """
    import onnx
    import onnxruntime

    torch.onnx.export(
        nn.Linear(2, 1).eval(),
        (torch.zeros(4, 2),),
        path,
        input_names=["x"],
        output_names=["y"],
        dynamic_shapes=({0: "batch"},),
        verbose=False,
    )
    (x,) = onnx.load(path).graph.input
    sizes = [size.dim_param or size.dim_value for size in x.type.tensor_type.shape.dim]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    (y,) = session.run(["y"], {"x": torch.zeros(7, 2).numpy()})

    assert sizes == ["batch", 2]
    assert y.shape == (7, 1)


@needs_onnx
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_dynamic_axes_is_the_old_name(path):
    """`torch.onnx.export` of an `nn.Linear` with `input_names=["x"]` and
    `dynamic_axes={"x": {0: "batch"}}` names dimension 0 of `x` "batch" and gives a UserWarning,
    "'dynamic_axes' is not recommended when dynamo=True" (the default).

    Use `dynamic_shapes` instead.
    """
    import onnx

    with pytest.warns(UserWarning, match="'dynamic_axes' is not recommended when dynamo=True"):
        torch.onnx.export(
            nn.Linear(2, 1).eval(),
            (torch.zeros(4, 2),),
            path,
            input_names=["x"],
            dynamic_axes={"x": {0: "batch"}},
            verbose=False,
        )

    assert onnx.load(path).graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_onnx_runtime_wants_the_dtype_of_the_example(path):
    """A float32 input of a model written by `torch.onnx.export` takes no float64 array: ONNX
    Runtime says "Unexpected input data type. Actual: (tensor(double)) , expected:
    (tensor(float))".

    NumPy makes float64 arrays of Python's floats: convert with `array.astype("float32")`.
    """
    import onnxruntime

    example = (torch.zeros(4, 2),)
    torch.onnx.export(nn.Linear(2, 1).eval(), example, path, input_names=["x"], verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    with pytest.raises(Exception, match=r"data type. Actual: \(tensor\(double\)\) , expected:"):
        session.run(None, {"x": torch.zeros(4, 2).double().numpy()})


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_the_opset_is_chosen(path):
    """`torch.onnx.export(nn.Linear(2, 1), (torch.zeros(1, 2),), path, opset_version=18)` writes
    opset 18, as `onnx.load(path).opset_import` shows; `opset_version=11`, for which there is no
    conversion of this layer, gives opset 18 as well.

    So look at what was written. The older exporter, chosen by `dynamo=False`, does write opset
    11.
    """
    import onnx

    written = []
    for version in (18, 11):
        torch.onnx.export(
            nn.Linear(2, 1).eval(),
            (torch.zeros(1, 2),),
            path,
            opset_version=version,
            verbose=False,
        )
        written.append(onnx.load(path).opset_import[0].version)

    assert written == [18, 18]


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_a_condition_on_a_value_is_not_exported(path):
    """`torch.onnx.export` of a `forward` with `if x.sum() > 0:` raises TorchExportError, an
    OnnxExporterError, "Failed to export the model with torch.export."; `torch.cond` in
    place of the `if` is written as an `If` node.

    The message goes on with the error of `torch.export`. With `dynamo=False` the older exporter
    keeps one branch, with a TracerWarning.
    """
    import onnx

    class Branch(nn.Module):
        def forward(self, x):
            return x + 1 if x.sum() > 0 else x - 1

    class Cond(nn.Module):
        def forward(self, x):
            return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))

    message = r"Failed to export the model with torch\.export\."
    with pytest.raises(torch.onnx.OnnxExporterError, match=message) as caught:
        torch.onnx.export(Branch().eval(), (torch.ones(2),), path, verbose=False)
    torch.onnx.export(Cond().eval(), (torch.ones(2),), path, verbose=False)

    assert type(caught.value).__name__ == "TorchExportError"
    assert [node.op_type for node in onnx.load(path).graph.node][-1] == "If"


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_a_model_in_training_mode_is_warned_of(path):
    """By default (`dynamo=True`) `torch.onnx.export` of
    `nn.Sequential(nn.Linear(2, 1), nn.Dropout())` in `train()` mode gives a UserWarning,
    "Exporting a model while it is in training mode", and a `Dropout` node; after `eval()` it gives
    neither.
    """
    import onnx

    net = nn.Sequential(nn.Linear(2, 1), nn.Dropout())
    with pytest.warns(UserWarning, match="Exporting a model while it is in training mode"):
        torch.onnx.export(net.train(), (torch.zeros(1, 2),), path, verbose=False)
    training = [node.op_type for node in onnx.load(path).graph.node]
    torch.onnx.export(net.eval(), (torch.zeros(1, 2),), path, verbose=False)
    evaluation = [node.op_type for node in onnx.load(path).graph.node]

    assert training == ["Gemm", "Dropout"]
    assert evaluation == ["Gemm"]


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_an_operation_without_a_translation_is_refused(path):
    """By default `torch.onnx.export` of a model calling a custom operator with `register_fake` but
    no translation raises `torch.onnx.OnnxExporterError`, "Failed to convert the exported program
    to an ONNX model." and "No ONNX function found for".

    `custom_translation_table` takes a translation for it: a Python function that computes with the
    ops of onnxscript.
    """

    class Twice(nn.Module):
        def forward(self, x):
            return torch.ops.torch_spec.twice(x)

    @torch.library.custom_op("torch_spec::twice", mutates_args=())
    def twice(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    twice.register_fake(torch.empty_like)

    with pytest.raises(torch.onnx.OnnxExporterError, match="Failed to convert the exported") as e:
        torch.onnx.export(Twice().eval(), (torch.zeros(2),), path, verbose=False)
    assert "No ONNX function found for" in str(e.value)


@needs_onnx
@quiet
@pytest.mark.slow
@pytest.mark.torch(">=2.9")
def test_export_returns_a_program_that_can_be_run(path):
    """With `onnxscript` and `onnxruntime` installed,
    `program = torch.onnx.export(nn.Linear(2, 1), (x,))` of `x = torch.zeros(1, 2)` is an
    `ONNXProgram`: `program(x)` runs in ONNX Runtime and returns a tuple, `program.save(path)`
    writes the file.
    """
    import onnxruntime

    net = nn.Linear(2, 1, bias=False).eval()
    nn.init.ones_(net.weight)

    program = torch.onnx.export(net, (torch.zeros(1, 2),), verbose=False)
    outputs = program(torch.tensor([[1.0, 2.0]]))
    program.save(path)
    session = onnxruntime.InferenceSession(path)

    assert type(program).__name__ == "ONNXProgram"
    assert type(outputs) is tuple
    assert outputs[0].tolist() == [[3.0]]
    assert session.run(None, {"input": [[1.0, 2.0]]})[0].tolist() == [[3.0]]


@needs_onnx
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
@pytest.mark.torch(">=2.8")
def test_the_exporter_through_torchscript_is_deprecated(path):
    """Since PyTorch 2.8 `torch.onnx.export(..., dynamo=False)` issues a DeprecationWarning, "You
    are using the legacy TorchScript-based ONNX export"; with the package `onnx` installed it still
    writes a file.
    """
    import onnx

    net = nn.Linear(2, 1).eval()
    with pytest.warns(DeprecationWarning, match="You are using the legacy TorchScript-based ONNX"):
        torch.onnx.export(net, (torch.zeros(1, 2),), path, dynamo=False, opset_version=11)

    assert onnx.load(path).opset_import[0].version == 11


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.torch(">=2.5")
def test_the_older_exporter_names_the_operator_that_it_lacks(path):
    """`torch.onnx.export(..., dynamo=False, opset_version=17)`, the older exporter, raises
    UnsupportedOperatorError for `torch.fft.fft(x)` of a float32 input: "Exporting the operator
    'aten::fft_fft' to ONNX opset version 17 is not supported".

    No higher `opset_version` helps here. The exporter with `dynamo=True`, the default since
    PyTorch 2.9, translates this operator in PyTorch 2.14.
    """

    class Spectrum(nn.Module):
        def forward(self, x):
            return torch.fft.fft(x).real

    with pytest.raises(
        torch.onnx.errors.UnsupportedOperatorError,
        match="Exporting the operator 'aten::fft_fft' to ONNX opset version 17 is not supported",
    ):
        torch.onnx.export(Spectrum(), (torch.ones(4),), path, dynamo=False, opset_version=17)
