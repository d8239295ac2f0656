"""What a fact was seen to do.

The source of `net.eval()` does not tell whose method it is; running it does. A fact is listened to
the first time it runs: methods of torch that it calls go into its symbols, errors and warnings that
it expects into its record. What was seen is kept in pytest's cache until the fact changes.
"""

import ast
import json
import sys

import pytest

from fixtures.facts import read_page
from fixtures.observed import Listener

HEAD = """
import sys
import warnings
import torchvision
from hypothesis import given, strategies as st
from torch.utils.data import DataLoader, SequentialSampler

class Net(torch.nn.Linear):
    def forward(self, x): return super().forward(x)
    def own(self): return 1

def net(): return Net(1, 1)
def ones(): return torch.ones(1)
def optimizer(): return torch.optim.SGD(net().parameters(), lr=1.0)
def loader(): return DataLoader([1])
def sampler(): return SequentialSampler([1])
def images(): return torchvision.datasets.FakeData(1)
def raising(error): raise error

"""
FACT = 'def test_it():\n    """It."""\n    {}\n    assert 1 == 1\n'


def record(book, code, *arguments):
    """Return what `--facts-json` tells of the one fact of a page with this code."""
    book.page("nn/test_modes.py", HEAD + code)
    book.run("--facts-json", "facts.json", *arguments)
    (fact,) = json.loads((book.path / "facts.json").read_text())["facts"]
    return fact


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("net().eval()", ["torch.nn.Module.eval"]),
        ("net()(ones())", ["torch.nn.Module.__call__"]),
        ("net().reset_parameters()", ["torch.nn.Linear.reset_parameters"]),
        ("x = net().forward(ones())", []),
        ("x = net().own()", []),
        ("optimizer().zero_grad()", ["torch.optim.Optimizer.zero_grad"]),
        ("optimizer().step()", ["torch.optim.SGD.step"]),
        ("for batch in loader(): pass", ["torch.utils.data.DataLoader.__iter__"]),
        ("n = len(sampler())", ["torch.utils.data.SequentialSampler.__len__"]),
        ("images()[0]", ["torchvision.datasets.FakeData.__getitem__"]),
        ("x = st.integers().map(str)", []),
    ],
)
def test_a_method_is_seen_by_the_class_of_torch_that_defines_it(book, code, used):
    """In `pytest --facts-json FILE`, the `symbols` of a passing test with `net().eval()` in its
    body, where `net()` is of a direct subclass of `nn.Linear` without `eval`, have
    `torch.nn.Module.eval`: the method behind the class that defines it.
    """
    fact = record(book, FACT.format(code))

    assert fact["symbols"] == used


@pytest.mark.parametrize(
    ("code", "errors"),
    [
        (
            "with pytest.raises(ValueError): raising(ValueError('one\\ntwo'))",
            [["ValueError", "one"]],
        ),
        ("with pytest.raises(ValueError): raising(ValueError('\\n one'))", [["ValueError", "one"]]),
        ("with pytest.raises(KeyError): raising(KeyError({}))", []),
        (
            "with pytest.raises(Exception): raising(RuntimeError())",
            [["RuntimeError", ""]],
        ),
        (
            "with pytest.warns(UserWarning): warnings.warn('one\\ntwo'); warnings.warn('two')",
            [["UserWarning", "one"], ["UserWarning", "two"]],
        ),
    ],
)
def test_an_expected_error_is_seen_by_its_type_and_first_line(book, code, errors):
    """In `pytest --facts-json FILE`, the `errors` of a passing test with
    `with pytest.raises(Exception):` around `raise ValueError('one\\ntwo')` are
    `[['ValueError', 'one']]`: the error's own type, and its first line.
    """
    fact = record(book, FACT.format(code))

    assert fact["errors"] == errors


def test_the_cases_of_a_fact_are_seen_together(book):
    """In `pytest --facts-json FILE`, the `symbols` of a parametrized test, two rows of which call
    `net().eval()` and one `net().train()` of an `nn.Linear`, have `torch.nn.Module.eval` and
    `torch.nn.Module.train` once each, if all rows pass.
    """
    fact = record(
        book,
        "@pytest.mark.parametrize('name', ['eval', 'train', 'eval'])\n"
        "def test_it(name):\n"
        "    with pytest.raises(ValueError): raising(ValueError('one'))\n"
        "    if name == 'eval': net().eval()\n"
        "    else: net().train()",
    )

    assert fact["symbols"] == ["torch.nn.Module.eval", "torch.nn.Module.train"]
    assert fact["errors"] == [["ValueError", "one"]]


def test_a_property_is_listened_to(book):
    """In the file of `pytest --facts-json FILE`, the `symbols` of a passing Hypothesis test have
    `torch.nn.Module.eval` if the function below `@given` has the statement `net().eval()` and
    `net()` returns an `nn.Linear`.
    """
    fact = record(book, "@given(st.just(1))\ndef test_it(n):\n    net().eval()")

    assert fact["symbols"] == ["torch.nn.Module.eval"]


LISTENS = """
@pytest.mark.parametrize("n", [1, 2])
def test_it(n):
    listener = sys.gettrace()
    print("listening", n, getattr(listener, "code", None) is test_it.__code__)
    net().eval()
"""


def listening(book, *arguments):
    """Return which cases of a page were listened to in one run."""
    result = book.run("-s", *arguments)
    text = str(result.stdout)
    return [n for n in (1, 2) if f"listening {n} True" in text]


def test_a_fact_is_listened_to_once(book):
    """With pytest's cache and no other tracer, the first `pytest` run of this suite traces a
    passing row of `parametrize` by `sys.settrace`. Later runs with the same code, PyTorch and
    cache read what the row called from `seen.json` there instead.
    """
    book.page("nn/test_modes.py", HEAD + LISTENS)
    keeping = ("-p", "cacheprovider")

    first = listening(book, "-k", "1", *keeping)
    second = listening(book, *keeping)
    third = listening(book, *keeping)

    assert (first, second, third) == ([1], [2], [])
    assert record(book, LISTENS, *keeping)["symbols"] == ["torch.nn.Module.eval"]


def test_a_fact_that_changed_is_listened_to_again(book):
    """A `pytest -p cacheprovider` run of this suite, without a debugger or coverage, traces a test
    by `sys.settrace` after a line of code that it never had was added to its body, although
    `seen.json` in pytest's cache has its calls before that.
    """
    book.page("nn/test_modes.py", HEAD + LISTENS)
    listening(book, "-p", "cacheprovider")
    book.page("nn/test_modes.py", HEAD + LISTENS + "    net()\n")
    read_page.cache_clear()

    again = listening(book, "-p", "cacheprovider")

    assert again == [1, 2]


def test_another_release_is_listened_to_by_itself(book, monkeypatch):
    """If `seen.json` in pytest's cache has the calls of a test only from another release of
    PyTorch, the next `pytest -p cacheprovider` run of that test, without debugger or coverage,
    traces it by `sys.settrace` again.
    """
    book.page("nn/test_modes.py", HEAD + LISTENS)
    listening(book, "-p", "cacheprovider")
    monkeypatch.setattr("fixtures.cache.release", lambda: "99.0")

    again = listening(book, "-p", "cacheprovider")

    assert again == [1, 2]


def test_a_fact_that_failed_is_listened_to_again(book):
    """If a row of `parametrize` failed in the first `pytest` run with pytest's cache, this suite
    traces that row again by `sys.settrace` in the second run of the same code with that cache, and
    not the row that passed.
    """
    book.page("nn/test_modes.py", HEAD + LISTENS + "    assert n == 2\n")
    listening(book, "-p", "cacheprovider")

    again = listening(book, "-p", "cacheprovider")

    assert again == [1]


def test_nobody_listens_where_nothing_is_kept_or_told(book):
    """In this suite, `pytest -p no:cacheprovider` (no cache) with no further option does not trace
    tests by `sys.settrace`; with `--facts-json FILE` added it does, unless a debugger or coverage
    has set a trace function.
    """
    book.page("nn/test_modes.py", HEAD + LISTENS)

    neither = listening(book)
    told = listening(book, "--facts-json", "facts.json")

    assert (neither, told) == ([], [1, 2])


def test_a_debugger_is_left_in_peace(book):
    """If another trace function was set by `sys.settrace`, as by a debugger,
    `pytest --facts-json FILE -p no:cacheprovider` does not replace it, nor list
    `torch.nn.Module.eval` for a test with `net().eval()` as its only use of torch.
    """
    events = []
    before = sys.gettrace()
    sys.settrace(lambda frame, event, arg: events.append(event))

    fact = record(book, FACT.format("net().eval()"))
    sys.settrace(before)

    assert fact["symbols"] == []
    assert set(events) == {"call"}


def test_a_run_inside_a_fact_is_listened_to_as_well(book):
    """If `sys.gettrace()` is a `Listener` of `fixtures/observed.py`, a `pytest --facts-json FILE`
    run in the same process lists `torch.nn.Module.eval` for a test that calls `eval()` of a
    module; `sys.gettrace()` is the same `Listener` afterwards.
    """
    (node,) = ast.parse("def outside(): pass").body
    outer = Listener(record.__code__, node)
    before = sys.gettrace()
    sys.settrace(outer)

    fact = record(book, FACT.format("net().eval()"))
    after = sys.gettrace()
    sys.settrace(before)

    assert fact["symbols"] == ["torch.nn.Module.eval"]
    assert (after is outer) is True


@pytest.mark.spare("'{'", reason="anything that is no JSON")
@pytest.mark.spare("''", reason="anything that is no JSON")
@pytest.mark.spare("'3'", reason="anything that is no JSON object")
@pytest.mark.parametrize("text", ["{", "", "3"])
def test_a_damaged_cache_counts_as_none(book, text):
    """If `d/torch-spec/seen.json` in pytest's cache holds only `{`, `3` or nothing, a `pytest` run
    of this suite in which no other trace function is set traces a passing test by `sys.settrace`
    and writes `seen.json` again.
    """
    (book.path / ".pytest_cache" / "d" / "torch-spec").mkdir(parents=True)
    (book.path / ".pytest_cache" / "d" / "torch-spec" / "seen.json").write_text(text)
    book.page("nn/test_modes.py", HEAD + LISTENS)

    first = listening(book, "-p", "cacheprovider")
    second = listening(book, "-p", "cacheprovider")

    assert (first, second) == ([1, 2], [])


def test_a_cache_that_cannot_be_written_ends_no_run(book):
    """`pytest --facts-json FILE` lists `torch.nn.Module.eval` for a passing test that runs
    `net().eval()`, where `net()` makes a `torch.nn.Linear`, also if pytest's cache cannot be
    written, as where `.pytest_cache/d` is a file.
    """
    (book.path / ".pytest_cache").mkdir()
    (book.path / ".pytest_cache" / "d").write_text("no folder")

    fact = record(book, FACT.format("net().eval()"), "-p", "cacheprovider")

    assert fact["symbols"] == ["torch.nn.Module.eval"]


def test_about_finds_what_an_earlier_run_saw(book):
    """If the only test of a book called `net().eval()`, where `net()` returns an `nn.Linear`, and
    passed in an earlier run with pytest's cache, `pytest --about Module.eval` runs this test,
    although its source does not tell the class of `net()`.
    """
    book.page("nn/test_modes.py", HEAD + FACT.format("net().eval()"))
    book.run("-p", "cacheprovider")

    result = book.run("-p", "cacheprovider", "--about", "Module.eval")

    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_workers_tell_what_they_saw(book):
    """`pytest -n 2 --facts-json FILE`, with two worker processes of xdist, lists
    `torch.nn.Module.eval` in the `symbols` of a passing test that runs `net().eval()`, if the
    class of `net()` inherits `eval` from `torch.nn.Module`.
    """
    book.page("nn/test_modes.py", HEAD + FACT.format("net().eval()"))

    book.run_as_a_person("-n", "2", "--facts-json", "facts.json")

    (fact,) = json.loads((book.path / "facts.json").read_text())["facts"]
    assert fact["symbols"] == ["torch.nn.Module.eval"]
