"""Compiled functions and modules.

`torch.compile(f)` returns a function that computes what `f` computes, and runs faster where the
compiler finds something to fuse. The first call records the operations on tensors as a graph (the
part of PyTorch that does so is called Dynamo) and hands the graph to a backend, which makes code
of it; later calls run that code. The default backend, `"inductor"`, writes C++ for the CPU and
Triton for a GPU, and needs a compiler for them. `backend="eager"` records and then runs the
operations as they are; `backend="aot_eager"` records the backward pass as well. Both need no
compiler: this page uses them wherever the backend does not matter.

What surprises: nothing is compiled before the first call, `torch.compile(model)` has `_orig_mod.`
in the keys of its `state_dict`, a first hook added later is ignored, and inductor draws other
random numbers. What is recorded for one kind of input is told in
`spec/compile/test_recompilation.py`, what cannot be recorded in
`spec/compile/test_graph_breaks.py`.
"""

import sys

import pytest
import torch
from torch import nn

CompileCounter = pytest.importorskip(
    "torch._dynamo.testing", reason="there is no torch.compile before 2.0"
).CompileCounter

pytestmark = [
    pytest.mark.torch(">=2.1"),
    pytest.mark.slow,
    pytest.mark.usefixtures("fresh_compiler"),
    # What PyTorch 2.10 to 2.13 say of calls of their own.
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method:DeprecationWarning"),
]


def test_a_compiled_function_gives_the_same_values(device):
    """`torch.compile(lambda x: (x * 2 + 1).sum(), backend="eager")` returns a function that gives
    8 for the float32 tensor [1.0, 2.0], as the uncompiled function does.

    The default backend, `"inductor"`, may round floats differently, and by default draws other
    random numbers from the same seed.
    """
    compiled = torch.compile(lambda x: (x * 2 + 1).sum(), backend="eager")

    result = compiled(torch.tensor([1.0, 2.0], device=device))

    assert result.item() == 8.0


def test_compile_decorates_a_function():
    """`@torch.compile(backend="eager")` decorates a function; the compiled function keeps
    `__name__` and `__doc__`.
    """

    @torch.compile(backend="eager")
    def double(x):
        """Twice as much."""
        return x * 2

    assert double(torch.tensor(3.0)).item() == 6.0
    assert double.__name__ == "double"
    assert double.__doc__ == "Twice as much."


def test_gradients_pass_through_compiled_code():
    """For a float32 leaf `x` that requires grad, `backward()` passes through
    `torch.compile(lambda x: (x**2).sum(), backend="aot_eager")`: `x.grad`, None before, becomes
    2x.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    compiled = torch.compile(lambda x: (x**2).sum(), backend="aot_eager")

    compiled(x).backward()

    assert x.grad.tolist() == [2.0, 4.0]


def test_nothing_is_compiled_before_the_first_call():
    """`compiled = torch.compile(lambda x: x + 1)` compiles nothing yet: the backend is called in
    the first call, `compiled(torch.ones(2))`, and not again in a second call under the same grad
    mode, `compiled(torch.zeros(2))`.

    So the first call is slow. Call the function once before you measure it.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter)
    before = counter.frame_count
    compiled(torch.ones(2))
    first = counter.frame_count
    compiled(torch.zeros(2))

    assert before == 0
    assert first == 1
    assert counter.frame_count == 1


def test_a_backend_gets_the_recorded_operations():
    """A `torch.compile` backend is a function of a graph module and example inputs that
    returns a callable: in the first call of `lambda x: x + 1` with `torch.ones(2)`, without
    `dynamic=True`, the graph has a placeholder, one call and an output."""
    recorded = []

    def backend(graph, inputs):
        recorded.append([node.op for node in graph.graph.nodes])
        return graph.forward

    result = torch.compile(lambda x: x + 1, backend=backend)(torch.ones(2))

    assert result.tolist() == [2.0, 2.0]
    assert recorded == [["placeholder", "call_function", "output"]]


@pytest.mark.torch(">=2.2")
def test_a_module_compiled_in_place_keeps_its_keys():
    """`model.compile()` of an `nn.Linear` changes the model itself and makes no new module:
    the model stays an `nn.Linear`, and the keys of its `state_dict()` stay as they are."""
    model = nn.Linear(2, 1, bias=False)
    nn.init.ones_(model.weight)

    model.compile(backend="eager")

    assert model(torch.tensor([1.0, 2.0])).tolist() == [3.0]
    assert list(model.state_dict()) == ["weight"]
    assert isinstance(model, nn.Linear) is True


def test_a_compiled_module_shares_its_parameters():
    """`torch.compile(model)` of an `nn.Linear` makes an `OptimizedModule`: the parameters are the
    model's own, with `_orig_mod.` before their names in `state_dict()`, and `_orig_mod` is the
    model.

    So an optimizer may be made from either. `isinstance(compiled, nn.Linear)` is False.
    """
    model = nn.Linear(2, 1, bias=False)

    compiled = torch.compile(model, backend="eager")

    assert compiled.weight is model.weight
    assert list(compiled.state_dict()) == ["_orig_mod.weight"]
    assert list(model.state_dict()) == ["weight"]
    assert (compiled._orig_mod is model) is True
    assert type(compiled).__name__ == "OptimizedModule"
    assert isinstance(compiled, nn.Linear) is False


def test_a_checkpoint_of_a_compiled_module_is_refused_by_the_plain_one():
    """For `model = nn.Linear(2, 1, bias=False)`,
    `model.load_state_dict(torch.compile(model).state_dict())` raises RuntimeError, "Error(s) in
    loading state_dict for Linear", and below "Unexpected key(s) in state_dict:
    "_orig_mod.weight"".

    Save `model.state_dict()` of the model itself, or `compiled._orig_mod.state_dict()`. In a dict
    `saved` with the prefix,
    `nn.modules.utils.consume_prefix_in_state_dict_if_present(saved, "_orig_mod.")` removes it in
    place.
    """
    model = nn.Linear(2, 1, bias=False)
    saved = torch.compile(model, backend="eager").state_dict()

    with pytest.raises(RuntimeError, match=r"Error\(s\) in loading state_dict for Linear") as error:
        model.load_state_dict(saved)
    nn.modules.utils.consume_prefix_in_state_dict_if_present(saved, "_orig_mod.")
    model.load_state_dict(saved)

    assert 'Unexpected key(s) in state_dict: "_orig_mod.weight"' in str(error.value)
    assert list(saved) == ["weight"]


def test_changed_weights_are_used_without_compiling_again():
    """`compiled = torch.compile(model)` of an `nn.Linear` `model` sees in-place changes of its
    weight: after a call and `nn.init.constant_(model.weight, 3.0)`, a second call with the same
    input uses the value 3 and compiles nothing again.

    Because the graph refers to the parameters and holds none of their values as constants.
    """
    counter = CompileCounter()
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    compiled = torch.compile(model, backend=counter)
    before = compiled(torch.ones(1))

    nn.init.constant_(model.weight, 3.0)
    after = compiled(torch.ones(1))

    assert before.tolist() == [1.0]
    assert after.tolist() == [3.0]
    assert counter.frame_count == 1


@pytest.mark.torch(">=2.5")
def test_a_hook_added_after_compiling_is_ignored():
    """If `torch.compile(model)` of an `nn.Linear` has run without hooks, a first
    `model.register_forward_hook` is ignored by another call with the same input and grad mode;
    `torch.compiler.reset()` makes the next call see the hook.

    Because code that was compiled without hooks does not look for any. Register hooks before the
    first call.
    """
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    compiled = torch.compile(model, backend="eager")
    compiled(torch.ones(1))

    model.register_forward_hook(lambda module, inputs, output: output * 100)
    ignored = compiled(torch.ones(1))
    torch.compiler.reset()
    seen = compiled(torch.ones(1))

    assert ignored.tolist() == [1.0]
    assert seen.tolist() == [100.0]


@pytest.mark.torch(">=2.5")
def test_the_step_of_an_optimizer_can_be_compiled():
    """With `optimizer = torch.optim.SGD([weight], lr=0.25)`, `torch.compile` without
    `fullgraph=True` compiles a function that only calls `optimizer.step()`: three calls, each with
    the gradient 1, compile once and move the weight from 1 to 0.25.

    With `fused=True` nothing is compiled and the step is taken all the same. `fullgraph=True`
    raises Unsupported, because the step contains a graph break.
    """
    counter = CompileCounter()
    weight = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=0.25)

    @torch.compile(backend=counter)
    def step():
        optimizer.step()

    for _ in range(3):
        weight.grad = torch.ones(1)
        step()

    assert weight.tolist() == [0.25]
    assert counter.frame_count == 1


def test_compile_can_be_switched_off():
    """`torch.compile(f, backend=my_backend, disable=True)` of `f = lambda x: x + 1`
    compiles nothing: calling the result gives x + 1 and never calls `my_backend`.

    For a whole program the environment variable `TORCH_COMPILE_DISABLE=1` does the same.
    """
    counter = CompileCounter()

    compiled = torch.compile(lambda x: x + 1, backend=counter, disable=True)

    assert compiled(torch.ones(2)).tolist() == [2.0, 2.0]
    assert counter.frame_count == 0


@pytest.mark.torch(">=2.6")
def test_a_stance_runs_compiled_functions_uncompiled():
    """Inside `torch.compiler.set_stance("force_eager")` a function that `torch.compile`
    returned runs uncompiled, which tells whether an error comes from the compiler or from the
    function.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter)

    with torch.compiler.set_stance("force_eager"):
        inside = compiled(torch.ones(2))
    compiled_inside = counter.frame_count
    compiled(torch.ones(2))

    assert inside.tolist() == [2.0, 2.0]
    assert compiled_inside == 0
    assert counter.frame_count == 1


@pytest.mark.torch(">=2.3")
@pytest.mark.spare("'eager'", reason="what is absent is absent in other words too")
@pytest.mark.spare("'aot_eager'", reason="what is absent is absent in other words too")
def test_the_listed_backends_leave_out_those_for_debugging():
    """`torch.compiler.list_backends()` names "inductor" and not "eager" or "aot_eager";
    `list_backends(exclude_tags=None)` names these as well.

    To find out what fails in a function that works without `torch.compile`, try `backend="eager"`,
    then `"aot_eager"`, then `"inductor"`: if `"eager"` fails, recording the function does; if
    `"aot_eager"` is the first to fail, AOTAutograd does, which records the forward pass once more
    and the backward pass; if only `"inductor"` fails, look at what it adds: decomposing
    operations, generating code, running this code.
    """
    usual = torch.compiler.list_backends()
    every = torch.compiler.list_backends(exclude_tags=None)

    assert ("inductor" in usual, "eager" in usual, "aot_eager" in usual) == (True, False, False)
    assert ("eager" in every, "aot_eager" in every) == (True, True)


def test_a_backend_that_is_not_there_is_refused():
    """`torch.compile(lambda x: x, backend="nope")(torch.ones(1))` raises InvalidBackend,
    "Invalid backend: 'nope'".
    """
    with pytest.raises(torch._dynamo.exc.InvalidBackend, match="Invalid backend: 'nope'"):
        torch.compile(lambda x: x, backend="nope")(torch.ones(1))


def test_an_error_in_a_backend_names_the_backend():
    """If a function `broken` raises ValueError, calling
    `torch.compile(lambda x: x + 1, backend=broken)` on a tensor raises BackendCompilerFailed,
    "backend='broken' raised:", followed by the type and the message of the ValueError.

    A function without tensor operations, `lambda x: x`, never calls its backend. Without a working
    C++ compiler the default backend fails on a CPU: PyTorch 2.5 writes
    `backend='inductor' raised:` and below it `InvalidCxxCompiler`; PyTorch 2.8 and 2.14 raise
    InductorError, a subclass of BackendCompilerFailed, whose message begins with
    `InvalidCxxCompiler`.
    """

    def broken(graph, inputs):
        raise ValueError("no code for you")

    compiled = torch.compile(lambda x: x + 1, backend=broken)

    with pytest.raises(
        torch._dynamo.exc.BackendCompilerFailed, match="backend='broken' raised:"
    ) as error:
        compiled(torch.ones(2))
    assert "ValueError: no code for you" in str(error.value)


def test_errors_of_the_compiler_can_be_suppressed():
    """With `torch._dynamo.config.suppress_errors = True`,
    `torch.compile(lambda x: x + 1, backend=broken)`, where the function
    `broken(graph, inputs)` raises ValueError, runs uncompiled: a call gives `x + 1` and
    raises nothing.
    """

    def broken(graph, inputs):
        raise ValueError("no code for you")

    compiled = torch.compile(lambda x: x + 1, backend=broken)

    with torch._dynamo.config.patch(suppress_errors=True):
        result = compiled(torch.ones(2))

    assert result.tolist() == [2.0, 2.0]


def test_an_error_in_compiled_code_is_the_error_of_the_function():
    """`torch.compile(f, backend="eager")(torch.ones(2))`, where `f` is
    `def f(x): raise ValueError("no")`, raises this ValueError, as `f(torch.ones(2))` does
    without compiling.
    """

    @torch.compile(backend="eager")
    def f(x):
        raise ValueError("no room for this")

    with pytest.raises(ValueError, match="no room for this"):
        f(torch.ones(2))


@pytest.mark.torch(">=2.11")
def test_shapes_that_do_not_fit_are_found_while_recording():
    """Since PyTorch 2.11, `x @ y` of dense tensors of the shapes (2, 3) and (4,) raises
    TorchRuntimeError under `torch.compile`, "RuntimeError when making fake tensor call";
    the error of the operation stands below it.

    Because the compiler first runs the function with fake tensors, which have shapes and no
    values. Run the function uncompiled to see the usual message.
    """
    compiled = torch.compile(lambda x: x @ torch.ones(4), backend="eager")

    with pytest.raises(
        torch._dynamo.exc.TorchRuntimeError, match="RuntimeError when making fake tensor call"
    ) as error:
        compiled(torch.ones(2, 3))
    assert "size mismatch, got input (2x3), vec (4)" in str(error.value)


@pytest.mark.torch("<2.11")
def test_before_2_11_the_node_that_did_not_fit_was_named():
    """Before PyTorch 2.11 the TorchRuntimeError of `x @ y` of dense tensors of the shapes
    (2, 3) and (4,) under `torch.compile` begins with "Failed running call_function" (2.5)
    or "Dynamo failed to run FX node with fake tensors" (2.8).
    """
    compiled = torch.compile(lambda x: x @ torch.ones(4), backend="eager")

    with pytest.raises(
        torch._dynamo.exc.TorchRuntimeError,
        match=r"^(Failed running call_function|Dynamo failed to run FX node with fake tensors)",
    ) as error:
        compiled(torch.ones(2, 3))
    assert "size mismatch, got input (2x3), vec (4)" in str(error.value)


@pytest.mark.torch(">=2.3")
def test_second_derivatives_of_compiled_code_are_refused():
    """For a new `f = torch.compile(lambda x: x**3, backend="aot_eager")` and a float32 0-d `x`,
    `torch.autograd.grad` of a gradient of `f(x)` made with `create_graph=True` raises
    RuntimeError, "does not currently support double backward".

    Differentiate the uncompiled function twice, as for a gradient penalty; `backend="eager"` works
    too, because it does not record the backward pass, and so does
    `torch.func.grad(torch.func.grad(f))`. An `f` that was called by `torch.func.grad` before can
    run uncompiled from then on, and raises nothing.
    """
    x = torch.tensor(2.0, requires_grad=True)
    recorded = torch.compile(lambda x: x**3, backend="aot_eager")
    plain = torch.compile(lambda x: x**3, backend="eager")

    (slope,) = torch.autograd.grad(recorded(x), x, create_graph=True)
    with pytest.raises(RuntimeError, match="aot_autograd does not currently support double"):
        torch.autograd.grad(slope, x)
    (slope,) = torch.autograd.grad(plain(x), x, create_graph=True)

    assert torch.autograd.grad(slope, x)[0].item() == 12.0
    assert torch.func.grad(torch.func.grad(recorded))(torch.tensor(2.0)).item() == 12.0


def test_an_unknown_mode_is_refused():
    """`torch.compile(f, mode="fast")` with the default backend raises RuntimeError, "Unrecognized
    mode=fast, should be one of: default, ...", before the first call.

    `"reduce-overhead"` and `"max-autotune"` are modes of inductor, the default backend. With
    another backend the name is not checked: `torch.compile(f, mode="fast", backend="eager")`
    raises nothing at this point.
    """
    with pytest.raises(RuntimeError, match="Unrecognized mode=fast, should be one of: default"):
        torch.compile(lambda x: x, mode="fast")


@pytest.mark.torch(">=2.7")
def test_a_mode_is_a_set_of_options():
    """For `torch.compile` with its default backend, `mode="reduce-overhead"` sets the
    option `triton.cudagraphs`, and `mode="max-autotune"` sets `max_autotune`,
    `triton.cudagraphs` and `coordinate_descent_tuning`.

    The first replays the kernels of a GPU as one CUDA graph, which helps small batches; the
    second times several kernels and takes the fastest, so compiling takes longer. All three
    options are those of inductor.
    """
    modes = torch._inductor.list_mode_options()

    assert modes["default"] == {}
    assert modes["reduce-overhead"] == {"triton.cudagraphs": True}
    assert sorted(modes["max-autotune"]) == [
        "coordinate_descent_tuning",
        "max_autotune",
        "triton.cudagraphs",
    ]


def test_mode_and_options_together_are_refused():
    """`torch.compile(f, mode="default", options={"max_autotune": True})` raises
    RuntimeError, "Either mode or options can be specified, but both can't be specified at
    the same time."
    """
    with pytest.raises(RuntimeError, match="Either mode or options can be specified, but both"):
        torch.compile(lambda x: x, mode="default", options={"max_autotune": True})


def test_a_python_that_is_too_new_is_refused(monkeypatch):
    """`torch.compile` raises RuntimeError on a Python that is too new for the PyTorch release,
    with words such as "torch.compile is not supported on Python 3.15+" or "Dynamo is not supported
    on Python 3.12+".

    Because Dynamo reads bytecode, which changes with each Python. Python 3.12 is supported since
    PyTorch 2.4, 3.13 since 2.6.
    """
    monkeypatch.setattr(sys, "version_info", (3, 99))

    with pytest.raises(RuntimeError, match=r"is not supported on Python 3\.\d+\+"):
        torch.compile(lambda x: x)


@pytest.mark.slow
def test_inductor_gives_the_same_values_up_to_rounding():
    """`torch.compile` with the default backend, inductor, fuses `relu(x.sin() * 2 + 1)` of
    `x = torch.linspace(-3.0, 3.0, 64)` into a single C++ kernel on the CPU; the values are
    those of the uncompiled function up to rounding."""
    from torch._inductor.utils import run_and_get_code

    def f(x):
        return torch.relu(x.sin() * 2 + 1)

    x = torch.linspace(-3.0, 3.0, 64)

    result, (code,) = run_and_get_code(torch.compile(f), x)

    torch.testing.assert_close(result, f(x))
    assert code.count("async_compile.cpp_pybinding(") == 1


@pytest.mark.slow
def test_inductor_draws_other_random_numbers():
    """After the same `torch.manual_seed`, a function `f` that returns `torch.rand(3)` gives other
    numbers compiled by inductor than uncompiled; compiled first as
    `torch.compile(f, options={"fallback_random": True})` it gives the same numbers.

    Because inductor has a generator of its own, which dropout uses too. It is no error. If `f` is
    compiled already, call `torch.compiler.reset()` first: without it PyTorch 2.1 and 2.4 keep the
    numbers of the first compilation.
    """

    def draw():
        return torch.rand(3)

    torch.manual_seed(0)
    plain = draw()
    torch.manual_seed(0)
    compiled = torch.compile(draw)()
    torch.compiler.reset()
    torch.manual_seed(0)
    fallback = torch.compile(draw, options={"fallback_random": True})()

    assert torch.equal(compiled, plain) is False
    assert torch.equal(fallback, plain) is True


@pytest.mark.slow
@pytest.mark.torch(">=2.5")
def test_inductor_needs_a_cpp_compiler():
    """On Linux without a C++ compiler and with an empty cache, the first call of
    `torch.compile(lambda x: x.sin() + x.cos() * 3)` with `torch.ones(8)` raises
    "InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx".

    Install one (`apt install g++`; on Windows, where the message is "Compiler: cl is not found",
    the Build Tools of Visual Studio), or name it in the environment variable `CXX`.
    `backend="aot_eager"` needs none, and makes nothing faster.
    """
    import torch._inductor.config as inductor

    with (
        inductor.patch({"cpp.cxx": ("no-such-compiler",), "fx_graph_cache": False}),
        pytest.raises(RuntimeError, match=r"No working C\+\+ compiler found in torch._inductor"),
    ):
        torch.compile(lambda x: x.sin() + x.cos() * 3)(torch.ones(8))


@pytest.mark.torch(">=2.5")
def test_on_windows_the_compiler_is_cl(monkeypatch):
    """On Windows `torch.compile` with the default backend looks for the compiler `cl`, unless the
    environment variable `CXX` names another: without `cl` on the `PATH`, the first call that
    compiles C++ code raises "Compiler: cl is not found".

    Install the Build Tools of Visual Studio and start Python from their "x64 Native Tools Command
    Prompt", which puts `cl` on the `PATH`. `backend="aot_eager"` needs no compiler.
    """
    from torch._inductor import cpp_builder

    monkeypatch.setattr(cpp_builder, "_IS_WINDOWS", True)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)

    with pytest.raises(RuntimeError, match="Compiler: cl is not found"):
        cpp_builder.get_cpp_compiler()
    monkeypatch.setenv("CXX", "clang-cl")
    with pytest.raises(RuntimeError, match="Compiler: clang-cl is not found"):
        cpp_builder.get_cpp_compiler()


@pytest.mark.slow
@pytest.mark.cuda
@pytest.mark.torch(">=2.7")
def test_inductor_needs_triton_on_a_gpu(monkeypatch):
    """Without `triton` and with an empty cache, on a GPU of compute capability 7.0 or higher,
    `torch.compile(lambda x: x.sin() + x.cos() * 5)(torch.ones(8, device="cuda"))` raises
    RuntimeError, "Cannot find a working triton installation."

    On Linux (x86-64) `pip install torch` usually installs `triton` as well; on Windows use
    `pip install triton-windows`. A GPU older than compute capability 7.0 is refused as "too old to
    be supported by the triton GPU compiler".
    """
    monkeypatch.setattr("torch._inductor.scheduler.has_triton", lambda: False)
    compiled = torch.compile(lambda x: x.sin() + x.cos() * 5, options={"fx_graph_cache": False})

    with pytest.raises(RuntimeError, match="Cannot find a working triton installation"):
        compiled(torch.ones(8, device="cuda"))
