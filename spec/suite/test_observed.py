"""What a fact was seen to do.

The source of `net.eval()` does not tell whose method it is; running it does. A fact is listened to
the first time it runs: methods of torch that it calls go into its symbols, errors and warnings that
it expects into its record. What was seen is kept in pytest's cache until the fact changes.
"""

import json
import sys

import pytest

from fixtures.facts import read_page

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
        ("net().forward(ones())", []),
        ("net().own()", []),
        ("optimizer().zero_grad()", ["torch.optim.Optimizer.zero_grad"]),
        ("optimizer().step()", ["torch.optim.SGD.step"]),
        ("for batch in loader(): pass", ["torch.utils.data.DataLoader.__iter__"]),
        ("len(sampler())", ["torch.utils.data.SequentialSampler.__len__"]),
        ("images()[0]", ["torchvision.datasets.FakeData.__getitem__"]),
        ("st.integers().map(str)", []),
    ],
)
def test_a_method_is_seen_by_the_class_of_torch_that_defines_it(book, code, used):
    """What the fact's own lines call, written out or implied, is among its symbols."""
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
    """What `pytest.raises` and `pytest.warns` met is in the record, by its own class."""
    fact = record(book, FACT.format(code))

    assert fact["errors"] == errors


def test_the_cases_of_a_fact_are_seen_together(book):
    """A table's rows may call different methods: the fact uses them all, each told once."""
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
    """What the function below `@given` calls counts as the fact's."""
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
    """A second run finds in the cache what the first one saw, and each case is kept for itself."""
    book.page("nn/test_modes.py", HEAD + LISTENS)
    keeping = ("-p", "cacheprovider")

    first = listening(book, "-k", "1", *keeping)
    second = listening(book, *keeping)
    third = listening(book, *keeping)

    assert (first, second, third) == ([1], [2], [])
    assert record(book, LISTENS, *keeping)["symbols"] == ["torch.nn.Module.eval"]


def test_a_fact_that_changed_is_listened_to_again(book):
    """What was seen counts for the source that was run."""
    book.page("nn/test_modes.py", HEAD + LISTENS)
    listening(book, "-p", "cacheprovider")
    book.page("nn/test_modes.py", HEAD + LISTENS + "    net()\n")
    read_page.cache_clear()

    again = listening(book, "-p", "cacheprovider")

    assert again == [1, 2]


def test_another_release_is_listened_to_by_itself(book, monkeypatch):
    """A release of PyTorch may call its methods otherwise than the one before."""
    book.page("nn/test_modes.py", HEAD + LISTENS)
    listening(book, "-p", "cacheprovider")
    monkeypatch.setattr("fixtures.cache.release", lambda: "99.0")

    again = listening(book, "-p", "cacheprovider")

    assert again == [1, 2]


def test_a_fact_that_failed_is_listened_to_again(book):
    """A fact that broke off has not been seen to the end."""
    book.page("nn/test_modes.py", HEAD + LISTENS + "    assert n == 2\n")
    listening(book, "-p", "cacheprovider")

    again = listening(book, "-p", "cacheprovider")

    assert again == [1]


def test_nobody_listens_where_nothing_is_kept_or_told(book):
    """Without pytest's cache, and without `--facts-json`, facts run at full speed."""
    book.page("nn/test_modes.py", HEAD + LISTENS)

    assert listening(book) == []
    assert listening(book, "--facts-json", "facts.json") == [1, 2]


def test_a_debugger_is_left_in_peace(book):
    """Where something else follows the code already, as a debugger does, nobody listens."""
    events = []
    before = sys.gettrace()
    sys.settrace(lambda frame, event, arg: events.append(event))

    fact = record(book, FACT.format("net().eval()"))
    sys.settrace(before)

    assert fact["symbols"] == []
    assert set(events) == {"call"}


@pytest.mark.spare("'{'", reason="anything that is no JSON")
@pytest.mark.parametrize("text", ["{", ""])
def test_a_damaged_cache_counts_as_none(book, text):
    """What cannot be read is seen anew and written again."""
    (book.path / ".pytest_cache" / "d" / "torch-spec").mkdir(parents=True)
    (book.path / ".pytest_cache" / "d" / "torch-spec" / "seen.json").write_text(text)
    book.page("nn/test_modes.py", HEAD + LISTENS)

    assert listening(book, "-p", "cacheprovider") == [1, 2]
    assert listening(book, "-p", "cacheprovider") == []


def test_a_cache_that_cannot_be_written_ends_no_run(book):
    """A run is not about its cache: without room for it everything is told as ever."""
    (book.path / ".pytest_cache").mkdir()
    (book.path / ".pytest_cache" / "d").write_text("no folder")

    fact = record(book, FACT.format("net().eval()"), "-p", "cacheprovider")

    assert fact["symbols"] == ["torch.nn.Module.eval"]


def test_about_finds_what_an_earlier_run_saw(book):
    """`--about` knows the methods that facts were seen to call."""
    book.page("nn/test_modes.py", HEAD + FACT.format("net().eval()"))
    book.run("-p", "cacheprovider")

    result = book.run("-p", "cacheprovider", "--about", "Module.eval")

    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_workers_tell_what_they_saw(book):
    """Under xdist the record of a fact is as it is in one process."""
    book.page("nn/test_modes.py", HEAD + FACT.format("net().eval()"))

    book.run_as_a_person("-n", "2", "--facts-json", "facts.json")

    (fact,) = json.loads((book.path / "facts.json").read_text())["facts"]
    assert fact["symbols"] == ["torch.nn.Module.eval"]
