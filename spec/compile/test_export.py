"""`torch.export`: a whole model as one graph.

`torch.export.export(model, args)` runs the model once on example inputs and records all of it as
one graph, an `ExportedProgram`, together with the parameters and buffers. The program can be
saved, loaded where the class of the model is not known, and translated: to ONNX
(`spec/compile/test_onnx.py`) or to compiled code. `program.module()` is a module that runs it.
Unlike `torch.compile`, it leaves nothing to Python: what cannot be recorded is an error.

Saving and loading, and the batch size that is fixed unless it is marked, are told in
`spec/training/test_deployment.py`.

What surprises: the program itself cannot be called, Python numbers and shapes become constants,
the mode (`train` or `eval`) is that of the export, and a `print` runs while exporting and never
again.
"""

import pytest
import torch
from torch import nn

pytestmark = [
    pytest.mark.torch(">=2.5"),
    pytest.mark.slow,
    # What PyTorch 2.10 and 2.13 say of calls of their own.
    pytest.mark.filterwarnings("ignore:You are calling torch.compile inside:UserWarning"),
    pytest.mark.filterwarnings("ignore:`isinstance:FutureWarning"),
]


def test_a_program_holds_one_graph_and_the_parameters():
    """`program = torch.export.export(nn.Linear(2, 1), (torch.zeros(4, 2),))` has a graph with a
    single call, of `aten.linear`; the parameters are inputs of the graph and stand in
    `program.state_dict`.
    """
    program = torch.export.export(nn.Linear(2, 1), (torch.zeros(4, 2),))
    calls = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]

    assert calls == ["aten.linear.default"]
    assert list(program.state_dict) == ["weight", "bias"]
    assert list(program.graph_signature.user_inputs) == ["input"]
    parameters = program.graph_signature.inputs_to_parameters
    assert list(parameters.values()) == ["weight", "bias"]


def test_a_program_is_run_through_its_module():
    """`program.module()(x)` of
    `program = torch.export.export(nn.Linear(2, 1), (torch.zeros(1, 2),))` computes for a float32
    `x` of shape (1, 2) what the layer does; `program(x)` raises RuntimeError, "Unable to call
    ExportedProgram directly."
    """
    model = nn.Linear(2, 1, bias=False)
    nn.init.ones_(model.weight)
    program = torch.export.export(model, (torch.zeros(1, 2),))

    assert program.module()(torch.tensor([[1.0, 2.0]])).tolist() == [[3.0]]
    with pytest.raises(RuntimeError, match="Unable to call ExportedProgram directly"):
        program(torch.zeros(1, 2))


def test_only_modules_are_exported():
    """`torch.export.export` of a function raises ValueError, "Expected `mod` to be an instance of
    `torch.nn.Module`"; put the function into the `forward` of a module.
    """
    with pytest.raises(ValueError, match="Expected `mod` to be an instance of"):
        torch.export.export(lambda x: x + 1, (torch.ones(1),))


def test_example_inputs_are_a_tuple():
    """The example inputs of `torch.export.export` are a tuple, also for one input: a tensor raises
    a RuntimeError (UserError), "Expecting `args` to be a tuple of example positional inputs".

    Write `(x,)`, with the comma.
    """
    with pytest.raises(RuntimeError, match="Expecting `args` to be a tuple of example positional"):
        torch.export.export(nn.Linear(2, 1), torch.zeros(4, 2))


@pytest.mark.torch(">=2.7")
def test_a_condition_on_a_value_is_refused():
    """`torch.export.export(..., strict=False)` of a `forward` that begins with `if x.sum() > 0:`
    raises RuntimeError, "Could not guard on data-dependent expression Eq(u0, 1)"; with
    `strict=True` it says "Data-dependent branching".

    Because one graph cannot hold a decision of Python. Write
    `torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))` or `torch.where`.
    """

    class Branch(nn.Module):
        def forward(self, x):
            if x.sum() > 0:
                return x + 1
            return x - 1

    with pytest.raises(RuntimeError, match=r"guard on data-dependent expression Eq\(u0, 1\)"):
        torch.export.export(Branch(), (torch.ones(2),), strict=False)
    with pytest.raises(RuntimeError, match="Data-dependent branching"):
        torch.export.export(Branch(), (torch.ones(2),), strict=True)


def test_cond_exports_both_branches():
    """`torch.export.export` keeps both branches of
    `torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))` with a float32 `x`: the
    exported program decides by the values of each input.
    """

    class Branch(nn.Module):
        def forward(self, x):
            return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))

    program = torch.export.export(Branch(), (torch.ones(2),)).module()

    assert program(torch.tensor([1.0, 2.0])).tolist() == [2.0, 3.0]
    assert program(torch.tensor([-1.0, -2.0])).tolist() == [-2.0, -3.0]


def test_a_size_that_is_a_value_is_declared_by_check():
    """`torch.export.export(net, (torch.tensor([1, 2, 3, 1]),))` accepts a `forward` with
    `end = x.max().item()`, `torch._check(end >= 0)`, `torch._check(end <= x.shape[0])`,
    `return x[:end]`; its `.module()` raises RuntimeError for [1, 1, 2, 9].
    """

    class Head(nn.Module):
        def forward(self, x):
            end = x.max().item()
            torch._check(end >= 0)
            torch._check(end <= x.shape[0])
            return x[:end]

    program = torch.export.export(Head(), (torch.tensor([1, 2, 3, 1]),)).module()

    assert program(torch.tensor([1, 1, 2, 2])).tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="Runtime assertion failed for expression"):
        program(torch.tensor([1, 1, 2, 9]))


def test_a_condition_on_a_shape_keeps_the_branch_of_the_example():
    """`if x.shape[0] > 3:` in `forward` is decided in `torch.export.export`: the program
    keeps the branch of the example and, without `dynamic_shapes`, refuses inputs of another
    size."""

    class Branch(nn.Module):
        def forward(self, x):
            return x + 1 if x.shape[0] > 3 else x - 1

    program = torch.export.export(Branch(), (torch.zeros(4),))
    calls = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]

    assert calls == ["aten.add.Tensor"]
    with pytest.raises(Exception, match=r"Guard failed: x\.size\(\)\[0\] == 4|to be equal to 4"):
        program.module()(torch.zeros(2))


def test_a_marked_dimension_that_a_condition_limits_is_refused():
    """If `forward` has `if x.shape[0] > 3` and dimension 0 of `x` is marked with
    `torch.export.Dim("batch")`, `torch.export.export` with an `x` of 4 rows raises an
    error, "Constraints violated (batch)!", and suggests `Dim('batch', min=4)`.

    With `torch.export.Dim("batch", min=4)` the export succeeds, and the program takes sizes from 4
    on.
    """

    class Branch(nn.Module):
        def forward(self, x):
            return x + 1 if x.shape[0] > 3 else x - 1

    batch = torch.export.Dim("batch")
    with pytest.raises(Exception, match=r"Constraints violated \(batch\)!") as error:
        torch.export.export(Branch(), (torch.zeros(4),), dynamic_shapes=({0: batch},))
    batch = torch.export.Dim("batch", min=4)
    program = torch.export.export(
        Branch(), (torch.zeros(4),), dynamic_shapes=({0: batch},)
    ).module()

    assert "batch = Dim('batch', min=4)" in str(error.value)
    assert program(torch.zeros(5)).tolist() == [1.0, 1.0, 1.0, 1.0, 1.0]


def test_a_dimension_of_the_weights_cannot_be_dynamic():
    """`torch.export.export(nn.Linear(2, 1), (torch.zeros(4, 2),), dynamic_shapes=({1:
    torch.export.Dim("features")},))` raises an error, "Constraints violated (features)!":
    the weight fixes this dimension at 2.
    """
    features = torch.export.Dim("features")

    with pytest.raises(Exception, match=r"Constraints violated \(features\)!"):
        torch.export.export(nn.Linear(2, 1), (torch.zeros(4, 2),), dynamic_shapes=({1: features},))


def test_dim_auto_marks_what_can_change():
    """`torch.export.Dim.AUTO` lets `torch.export.export` find out which dimensions can change:
    given for both dimensions of a 4 x 2 input of `nn.Linear(2, 1)`, the batch may change and
    the 2 features may not.

    Take an example of at least 2 samples: a dimension of size 1 may be taken for a constant.
    """
    auto = torch.export.Dim.AUTO
    program = torch.export.export(
        nn.Linear(2, 1), (torch.zeros(4, 2),), dynamic_shapes=({0: auto, 1: auto},)
    )

    assert program.module()(torch.zeros(7, 2)).shape == (7, 1)
    with pytest.raises(Exception, match=r"Guard failed: input\.size\(\)\[1\] == 2|equal to 2"):
        program.module()(torch.zeros(7, 3))


def test_a_dim_may_have_a_largest_size():
    """`torch.export.export(nn.Linear(2, 1), (torch.zeros(4, 2),), dynamic_shapes=({0:
    torch.export.Dim("batch", max=8)},))` gives a program whose `module()` takes a batch of
    8 and raises an error for one of 9.
    """
    batch = torch.export.Dim("batch", max=8)
    shapes = ({0: batch},)
    program = torch.export.export(
        nn.Linear(2, 1), (torch.zeros(4, 2),), dynamic_shapes=shapes
    ).module()

    assert program(torch.zeros(8, 2)).shape == (8, 1)
    with pytest.raises(Exception, match=r"input\.size\(\)\[0\] <= 8|to be <= 8, but got 9"):
        program(torch.zeros(9, 2))


def test_dynamic_shapes_are_named_like_the_arguments():
    """`dynamic_shapes` of `torch.export.export` may be a tuple like the inputs, or a dict with a
    key for each argument that `forward` gets; for `nn.Linear` the key `"x"` raises an error, "its
    top-level keys must be the arg names ['input']".
    """
    batch = torch.export.Dim("batch")
    shapes = {"input": {0: batch}}
    program = torch.export.export(
        nn.Linear(2, 1), (torch.zeros(4, 2),), dynamic_shapes=shapes
    ).module()
    by_place = torch.export.export(
        nn.Linear(2, 1), (torch.zeros(4, 2),), dynamic_shapes=({0: batch},)
    ).module()

    assert program(torch.zeros(7, 2)).shape == (7, 1)
    assert by_place(torch.zeros(7, 2)).shape == (7, 1)
    with pytest.raises(Exception, match=r"its top-level keys must be the arg names \['input'\]"):
        torch.export.export(nn.Linear(2, 1), (torch.zeros(4, 2),), dynamic_shapes={"x": {0: batch}})


def test_two_dimensions_that_must_agree_share_a_dim():
    """With `a, b = Dim("a"), Dim("b")` of `torch.export`, `torch.export.export` of `x + y` for
    `(torch.zeros(4), torch.zeros(4))` takes `dynamic_shapes=({0: a}, {0: a})`; `({0: a}, {0: b})`
    raises "Constraints violated", "must always be equal".
    """

    class Add(nn.Module):
        def forward(self, x, y):
            return x + y

    example = (torch.zeros(4), torch.zeros(4))
    a, b = torch.export.Dim("a"), torch.export.Dim("b")
    program = torch.export.export(Add(), example, dynamic_shapes=({0: a}, {0: a})).module()

    assert program(torch.zeros(3), torch.ones(3)).tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(Exception, match="Constraints violated") as error:
        torch.export.export(Add(), example, dynamic_shapes=({0: a}, {0: b}))
    assert "must always be equal" in str(error.value)


def test_python_numbers_are_constants():
    """For a net called as `net(x, scale)`,
    `program = torch.export.export(net, (x, 2.0)).module()` keeps the float 2.0 as a constant:
    `program(x, 3.0)` raises, since PyTorch 2.9 with the words "Guard failed: scale == 2.0".

    Pass a tensor if the value has to change.
    """

    class Scale(nn.Module):
        def forward(self, x, scale):
            return x * scale

    program = torch.export.export(Scale(), (torch.ones(2), 2.0)).module()

    assert program(torch.ones(2), 2.0).tolist() == [2.0, 2.0]
    with pytest.raises(Exception, match=r"scale == 2\.0|to be equal to 2\.0"):
        program(torch.ones(2), 3.0)


@pytest.mark.torch(">=2.7")
def test_print_runs_while_exporting_only(capsys):
    """A `print` in the `forward` of `model` runs while
    `torch.export.export(model, args, strict=False)` traces it; calls of the exported program's
    `module()` print nothing.

    A tensor is printed as a FakeTensor, without values; `f"{x.sum().item():.2f}"` raises TypeError
    while it is traced.
    """

    class Loud(nn.Module):
        def forward(self, x):
            print("recorded")
            return x + 1

    program = torch.export.export(Loud(), (torch.ones(1),), strict=False).module()
    program(torch.ones(1))

    assert capsys.readouterr().out == "recorded\n"


def test_the_mode_of_the_export_stays():
    """`program = torch.export.export(nn.Dropout(p=1.0), (torch.ones(2),))` keeps the `train()`
    mode: `program.module()` goes on dropping, and its `eval()` raises NotImplementedError,
    "Calling eval() is not supported yet."

    Call `model.eval()` before `export`.
    """
    model = nn.Dropout(p=1.0)
    training = torch.export.export(model.train(), (torch.ones(2),)).module()
    evaluation = torch.export.export(model.eval(), (torch.ones(2),)).module()

    assert training(torch.ones(2)).tolist() == [0.0, 0.0]
    assert evaluation(torch.ones(2)).tolist() == [1.0, 1.0]
    with pytest.raises(NotImplementedError, match=r"Calling eval\(\) is not supported yet"):
        training.eval()


def test_decompositions_leave_a_smaller_set_of_operations():
    """`run_decompositions()` of the `ExportedProgram` of `nn.Linear(2, 1)`, made with a 2-D
    input, returns a program in a smaller set of core operations: `aten.permute` and
    `aten.addmm` in place of `aten.linear`.

    A translator into another format has fewer operations to know then.
    """
    program = torch.export.export(nn.Linear(2, 1), (torch.zeros(4, 2),)).run_decompositions()
    calls = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]

    assert calls == ["aten.permute.default", "aten.addmm.default"]


@pytest.mark.torch(">=2.14")
def test_ahead_of_time_compilation_takes_an_exported_program():
    """`torch._inductor.aoti_compile_and_package(program, package_path="net.pt2")` compiles
    an `ExportedProgram` ahead of time (AOTInductor); an `nn.Module` in place of `program`
    raises ValueError, "Only ExportedProgram is supported".

    The program is made by `torch.export.export(model.eval(), args)`. A path that doesn't end in
    `.pt2` is refused too; `torch._inductor.aoti_load_package("net.pt2")` loads the compiled model.
    """
    program = torch.export.export(nn.ReLU(), (torch.zeros(2),))

    with pytest.raises(ValueError, match="Only ExportedProgram is supported"):
        torch._inductor.aoti_compile_and_package(nn.ReLU(), package_path="net.pt2")
    with pytest.raises(AssertionError, match=r"to be a file ending in .pt2"):
        torch._inductor.aoti_compile_and_package(program, package_path="net.so")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.torch(">=2.14")
def test_a_program_compiled_ahead_of_time_runs_without_the_model(tmp_path):
    """`run = torch._inductor.aoti_load_package(path)` loads what
    `torch._inductor.aoti_compile_and_package` compiled from a module that returns `x * 2 + 1`:
    `run(torch.ones(4))` is [3, 3, 3, 3] and doesn't call the module's Python code.

    Compiling needs a C++ compiler and takes from seconds to minutes. The module was exported with
    `torch.ones(4)`. The file is of use only on the kind of machine that it was compiled for.
    """

    class Twice(nn.Module):
        calls = 0

        def forward(self, x):
            Twice.calls += 1
            return x * 2 + 1

    x = torch.ones(4)
    program = torch.export.export(Twice(), (x,))
    recorded = Twice.calls
    path = torch._inductor.aoti_compile_and_package(
        program,
        package_path=str(tmp_path / "net.pt2"),
        inductor_configs={"aot_inductor.compile_wrapper_opt_level": "O0"},
    )

    run = torch._inductor.aoti_load_package(path)

    assert run(x).tolist() == [3.0, 3.0, 3.0, 3.0]
    assert (Twice.calls - recorded) == 0
