"""Recompilation: one function, compiled for several kinds of input.

What `torch.compile` records is right for inputs like the one it saw. With the code it keeps
guards, conditions such as "x is float32 with two dimensions", and looks at them in each call. If
they fail, the function is compiled once more and both results are kept. Recompiling costs as much
as the first compilation, so a program in which something always changes gets slower, until the
limit of 8 results per function is reached and new kinds of input run uncompiled.

Sizes are treated gently: the second size of a dimension is compiled as a symbol that stands for
any size from 2 on, unless the code depends on it. `TORCH_LOGS="recompiles"` prints which guard
failed.

What surprises: sizes 0 and 1 are compiled separately, the count is kept per code object and
not per compiled function, and after the limit the results are still right.

Compilations are counted here with `torch._dynamo.testing.CompileCounter`, a backend that runs the
operations as they are. How graphs are split is told in `spec/compile/test_graph_breaks.py`.
"""

import io
import logging

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
]

offset = 1


def test_another_dtype_is_compiled_anew():
    """`torch.compile(lambda x: x + 1)`, called with a float32 tensor, is compiled once more
    for a float64 tensor of the same shape; both compilations are kept: called again with the
    float32 tensor it is not compiled a third time.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter)
    compiled(torch.ones(2))
    compiled(torch.ones(2, dtype=torch.float64))
    compiled(torch.ones(2))

    assert counter.frame_count == 2


def test_the_second_size_is_compiled_for_all_sizes():
    """`f = torch.compile(lambda x: x + 1)`, called in a new process on `torch.ones(2)`,
    `torch.ones(3)`, `torch.ones(4)` and `torch.ones(5)`, is compiled twice: for exactly 2
    elements, and then for a size that may change.

    In the same process, since PyTorch 2.6, the same line run anew may start with the size that may
    change, because the sizes seen are kept per file, line and name; `torch.compiler.reset()`
    forgets them.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter)
    counts = []

    for size in (2, 3, 4, 5):
        compiled(torch.ones(size))
        counts.append(counter.frame_count)

    assert counts == [1, 2, 2, 2]


def test_sizes_0_and_1_are_compiled_separately():
    """`torch.compile(lambda x: x + 1, dynamic=True)` compiles sizes 0 and 1 each on their own: 1-D
    inputs of 3, 4, 1 and 0 elements take three compilations.

    Because a dimension of size 1 broadcasts and an empty one has no values. A last batch of a
    single sample costs a compilation; `drop_last=True` avoids it.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter, dynamic=True)
    counts = []

    for size in (3, 4, 1, 0):
        compiled(torch.ones(size))
        counts.append(counter.frame_count)

    assert counts == [1, 1, 2, 3]


def test_dynamic_false_compiles_each_size():
    """`torch.compile(lambda x: x + 1, dynamic=False)` is compiled again for each new size, up to
    the recompile limit: vectors of 2, 3, 4 and 5 elements take four compilations.

    By default a function is compiled at most 8 times (`torch._dynamo.config.recompile_limit` in
    PyTorch 2.14): further sizes run uncompiled, and with `fullgraph=True` they raise
    FailOnRecompileLimitHit.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter, dynamic=False)

    for size in (2, 3, 4, 5):
        compiled(torch.ones(size))

    assert counter.frame_count == 4


def test_a_marked_dimension_is_compiled_once():
    """`torch._dynamo.mark_dynamic(x, 0)` says that dimension 0 of `x` will change: if it is called
    for each input, `torch.compile(lambda x: x + 1)` compiles once for `torch.ones(4)`,
    `torch.ones(5)` and `torch.ones(6)`.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter)

    for size in (4, 5, 6):
        x = torch.ones(size)
        torch._dynamo.mark_dynamic(x, 0)
        compiled(x)

    assert counter.frame_count == 1


@pytest.mark.torch(">=2.3")
def test_a_marked_dimension_that_cannot_change_is_refused():
    """With `weight = torch.ones(1, 2)`, `torch.compile(lambda x: F.linear(x, weight))` called
    with `x = torch.ones(3, 2)` after `torch._dynamo.mark_dynamic(x, 1)` raises
    ConstraintViolationError, "Constraints violated (L['x'].size()[1])!".

    Because `F.linear` requires the last size of `x` to be that of `weight`, the constant 2.
    After `torch._dynamo.maybe_mark_dynamic(x, 1)` instead, the call raises no error.
    """
    weight = torch.ones(1, 2)
    compiled = torch.compile(lambda x: nn.functional.linear(x, weight), backend="eager")
    x = torch.ones(3, 2)
    torch._dynamo.mark_dynamic(x, 1)

    with pytest.raises(RuntimeError, match=r"Constraints violated \(L\['x'\]\.size\(\)\[1\]\)!"):
        compiled(x)


def test_other_kinds_of_tensor_are_compiled_anew():
    """Compiled for `torch.ones(2)`, `torch.compile(lambda x: x + 1)` is compiled anew for
    `torch.ones(2, 1)`, for `torch.ones(4)[::2]` with its stride 2, for
    `torch.ones(2, requires_grad=True)`, and for `torch.ones(2)` inside `torch.no_grad()`.

    Because the guards check the number of dimensions, the strides, `requires_grad` and the grad
    mode, as they check dtype and size. By default, in PyTorch 2.5 and later, strides 3 and 4 after
    1 and 2 need no compilation: the stride has become a symbol, which stands for neither 0 nor 1.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter)
    compiled(torch.ones(2))
    counts = [counter.frame_count]

    for x in (torch.ones(2, 1), torch.ones(4)[::2], torch.ones(2, requires_grad=True)):
        compiled(x)
        counts.append(counter.frame_count)
    with torch.no_grad():
        compiled(torch.ones(2))
    counts.append(counter.frame_count)

    assert counts == [1, 2, 3, 4, 5]


def test_a_second_integer_argument_is_compiled_for_all():
    """In a new process `torch.compile(lambda x, n: x + n)`, called with `x = torch.ones(1)` and
    the ints 2, 3, 4 and 5 for `n` in turn, is compiled twice: with `n` as the constant 2, and from
    3 on with `n` as a symbol.

    Where `n` counts the turns of a Python loop, as in `range(n)`, each value is compiled on its
    own, by default eight values at most (64 in PyTorch 2.1); further ones run uncompiled.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x, n: x + n, backend=counter)

    results = [compiled(torch.ones(1), n).item() for n in (2, 3, 4, 5)]

    assert results == [3.0, 4.0, 5.0, 6.0]
    assert counter.frame_count == 2


def test_strings_and_booleans_are_compiled_each():
    """Under `torch.compile` a Python string or bool on which the code depends is a
    constant: "a", "bb" and "ccc" as `how` in `x + len(how)` take three compilations, True
    and False as `flag` in `x + 1 if flag else x - 1` two.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x, how: x + len(how), backend=counter)

    for how in ("a", "bb", "ccc"):
        compiled(torch.ones(1), how)
    assert counter.frame_count == 3

    flags = CompileCounter()
    compiled = torch.compile(lambda x, flag: x + 1 if flag else x - 1, backend=flags)
    for flag in (True, False, True):
        compiled(torch.ones(1), flag)
    assert flags.frame_count == 2


def test_a_changed_global_is_noticed():
    """A function under `torch.compile` that returns `x + offset`, a tensor plus a global int, is
    compiled anew at the first call after `offset` has changed from 1 to 5: the result follows the
    new value.
    """
    global offset
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + offset, backend=counter)
    before = compiled(torch.ones(1)).item()

    offset = 5
    after = compiled(torch.ones(1)).item()
    offset = 1

    assert (before, after) == (2.0, 6.0)
    assert counter.frame_count == 2


@pytest.mark.torch(">=2.8")
def test_an_integer_attribute_of_a_module_is_a_constant():
    """An int attribute `factor` of an `nn.Module` whose `forward` returns `x * self.factor` is
    by default a constant under `torch.compile`: `factor` set to 1, 2 and 3 takes three
    compilations.

    A counter such as `self.step += 1` in `forward` therefore recompiles at each call, until the
    limit of 8 is reached. Make it a buffer. PyTorch 2.5 to 2.7 compiled twice, the second time for
    any int.
    """

    class Scale(nn.Module):
        factor = 1

        def forward(self, x):
            return x * self.factor

    counter = CompileCounter()
    model = Scale()
    compiled = torch.compile(model, backend=counter)
    results = []

    for factor in (1, 2, 3, 3):
        model.factor = factor
        results.append(compiled(torch.ones(1)).item())

    assert results == [1.0, 2.0, 3.0, 3.0]
    assert counter.frame_count == 3


def test_train_and_eval_are_compiled_each():
    """`nn.Sequential(nn.Linear(2, 2), nn.Dropout())` under `torch.compile`, called each time with
    `torch.ones(1, 2)`, is compiled once for `train()` and once for `eval()`; going back and forth
    compiles nothing more.

    Under `torch.no_grad()`, or with an input that requires grad, each of the two is compiled once
    more.
    """
    counter = CompileCounter()
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    compiled = torch.compile(model, backend=counter)

    for training in (True, False, True, False):
        model.train(training)
        compiled(torch.ones(1, 2))

    assert counter.frame_count == 2


@pytest.mark.torch(">=2.3")
def test_after_the_limit_new_inputs_run_uncompiled():
    """By default `torch.compile(lambda x, how: x + len(how))`, without `fullgraph=True`, is
    compiled for at most 8 different strings `how`; with a ninth string the function runs
    uncompiled, and its result is right.

    The limit is `torch._dynamo.config.recompile_limit` (`cache_size_limit` before PyTorch 2.6).
    After the ninth string the first 8 still run compiled since PyTorch 2.6; in 2.3 to 2.5 they run
    uncompiled too.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x, how: x + len(how), backend=counter)

    results = [compiled(torch.zeros(1), "a" * length).item() for length in range(12)]

    assert results == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]
    assert counter.frame_count == 8


@pytest.mark.torch(">=2.7")
def test_reaching_the_limit_is_logged():
    """When a function compiled without `fullgraph=True` passes
    `torch._dynamo.config.recompile_limit`, a warning is logged, "torch._dynamo hit
    config.recompile_limit", with the function and the guard that failed last.

    Often an int that is an attribute of a module takes a new value in every call: keep it as a
    tensor. Raising the limit only helps if the kinds of input are few.
    """
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logger = logging.getLogger("torch._dynamo.convert_frame")
    compiled = torch.compile(lambda x, how: x + len(how), backend="eager")

    logger.addHandler(handler)
    with torch._dynamo.config.patch(recompile_limit=2):
        for how in ("a", "bb", "ccc"):
            compiled(torch.zeros(1), how)
    logger.removeHandler(handler)

    assert text.getvalue().splitlines()[0] == "torch._dynamo hit config.recompile_limit (2)"
    assert "function: '<lambda>'" in text.getvalue()
    assert "last reason: 0/1: how == 'bb'" in text.getvalue()


@pytest.mark.torch(">=2.7")
def test_the_old_name_of_the_limit_still_works():
    """`torch._dynamo.config.cache_size_limit` is the same setting as `recompile_limit`."""
    with torch._dynamo.config.patch(cache_size_limit=3):
        assert torch._dynamo.config.recompile_limit == 3


@pytest.mark.torch(">=2.11")
def test_fullgraph_refuses_to_pass_the_limit():
    """With `torch._dynamo.config.recompile_limit = 1` and
    `g = torch.compile(lambda x, s: x + len(s), fullgraph=True)`, `g(torch.ones(1), "bb")`
    after `g(torch.ones(1), "a")` raises FailOnRecompileLimitHit, "Hard failure due to
    fullgraph=True".
    """
    compiled = torch.compile(lambda x, how: x + len(how), backend="eager", fullgraph=True)

    with torch._dynamo.config.patch(recompile_limit=1):
        compiled(torch.ones(1), "a")
        with pytest.raises(
            torch._dynamo.exc.FailOnRecompileLimitHit, match="Hard failure due to fullgraph=True"
        ):
            compiled(torch.ones(1), "bb")


@pytest.mark.torch(">=2.7,<2.11")
def test_before_2_11_the_limit_was_named():
    """From PyTorch 2.7 to 2.10, with `torch.compile(f, fullgraph=True)` a call that would
    pass the recompile limit raises FailOnRecompileLimitHit, "recompile_limit reached with",
    followed by `one_graph=True` or `fullgraph=True`."""
    compiled = torch.compile(lambda x, how: x + len(how), backend="eager", fullgraph=True)

    with torch._dynamo.config.patch(recompile_limit=1):
        compiled(torch.ones(1), "a")
        with pytest.raises(
            torch._dynamo.exc.FailOnRecompileLimitHit,
            match=r"recompile_limit reached with (fullgraph|one_graph)=True",
        ):
            compiled(torch.ones(1), "bb")


def test_compiling_a_function_twice_shares_the_code():
    """`torch.compile(f, backend=backend)` called twice for one Python function `f` gives
    two functions that share what was compiled: after a call of the first with
    `torch.ones(1)` the second needs no compilation for `torch.ones(1)`.

    Because what was compiled is kept with the code object of `f`; both count towards one limit.
    """
    counter = CompileCounter()

    def f(x):
        return x + 1

    torch.compile(f, backend=counter)(torch.ones(1))
    torch.compile(f, backend=counter)(torch.ones(1))

    assert counter.frame_count == 1


def test_reset_forgets_what_was_compiled():
    """After `torch.compiler.reset()` the next call of a function made by
    `torch.compile(lambda x: x + 1)` traces it and calls the backend anew, also for a tensor of the
    shape and dtype of an earlier call.

    The backend "inductor" may still take its generated code from the cache on disk, which `reset`
    leaves: this second compilation can be quick.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter)
    compiled(torch.ones(2))

    torch.compiler.reset()
    compiled(torch.ones(2))

    assert counter.frame_count == 2


@pytest.mark.torch(">=2.6")
def test_recompiling_can_be_forbidden():
    """In a new process, `f(torch.ones(3))` inside
    `torch.compiler.set_stance("fail_on_recompile")`, after
    `f = torch.compile(lambda x: x + 1)` and `f(torch.ones(2))`, raises RuntimeError:
    "Detected recompile when torch.compile stance is".

    In PyTorch 2.14 the message also names the guard that failed, in 2.8 it doesn't. With
    "eager_on_recompile" such an input runs uncompiled.
    """
    counter = CompileCounter()
    compiled = torch.compile(lambda x: x + 1, backend=counter)
    compiled(torch.ones(2))

    with (
        torch.compiler.set_stance("fail_on_recompile"),
        pytest.raises(RuntimeError, match=r"Detected recompile when torch\.compile stance is"),
    ):
        compiled(torch.ones(3))
    with torch.compiler.set_stance("eager_on_recompile"):
        uncompiled = compiled(torch.ones(3))

    assert uncompiled.tolist() == [2.0, 2.0, 2.0]
    assert counter.frame_count == 1
