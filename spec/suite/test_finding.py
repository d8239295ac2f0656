"""What an answer begins with.

`--about` looks for a symbol, a message or words in every fact of the book and puts the nearest facts
first. A symbol is looked for in the code that a sentence has in backticks, a message among those
that facts expect or quote, words in sentences, reasons, titles and names.

What surprises: a module and its function are one thing to it, `nn.KLDivLoss` and `F.kl_div`, but
`add` and `add_` are two; and words that stand side by side in a question count for more than the
same words apart.
"""

import re

import pytest

from fixtures.finding import by_symbol, find
from fixtures.index import Entry


def entry(sentence, uses="", why="", page="tensors/test_views.py", messages=()):
    """What the index has of a fact with this sentence; `uses` are names with spaces between."""
    named = re.findall(r"\w+", " ".join(re.findall("`([^`]+)`", sentence)))
    return Entry(
        id=f"spec/{page}::test_it",
        line=1,
        title="Page",
        prose="Prose.",
        sentence=sentence,
        why=why,
        hash="",
        gates=[],
        uses=uses.split(),
        named=named,
        keywords=[],
        messages=list(messages),
    )


def answers(asked, *entries):
    """The sentences that answer a question, nearest first."""
    return [one.sentence for one in find(list(entries), asked).about]


def test_what_a_sentence_names_comes_before_what_it_merely_speaks_of():
    """Of tests that call `x.view(6)`, `pytest --about Tensor.view` puts one with `view` in
    backticks in its sentence before one that has it in the second paragraph. One whose
    docstring and page do not name `view` counts as a use.
    """
    only_uses = entry("Shapes change.", "torch.Tensor.view")
    explains = entry("Strides matter.", "torch.Tensor.view", why="Because `view` copies nothing.")
    names = entry("`x.view(6)` merges.", "torch.Tensor.view")

    found = find([only_uses, explains, names], "Tensor.view")

    assert found.about == [names, explains]
    assert found.uses == [only_uses]


def test_a_class_is_asked_for_with_its_methods():
    """`by_symbol` of `fixtures/finding.py`, asked for `torch.amp.GradScaler`, finds a test about
    its `GradScaler()` and one about `scaler.step(optimizer)` of such a scaler, but not one that
    uses only `optimizer.step()` of `torch.optim.SGD`.
    """
    scaler = "torch.amp.GradScaler"
    steps = entry("`scaler.step(optimizer)` may skip.", f"{scaler} {scaler}.step")
    makes = entry("`GradScaler()` needs CUDA.", scaler)
    other = entry("`optimizer.step()` moves.", "torch.optim.SGD.step")

    found = by_symbol([steps, makes, other], "torch.amp.GradScaler").about

    assert [one.sentence for one in found] == [
        "`GradScaler()` needs CUDA.",
        "`scaler.step(optimizer)` may skip.",
    ]


@pytest.mark.spare("name", reason="what stands before its last part does not matter")
@pytest.mark.spare("asked", reason="what stands before its last part does not matter")
@pytest.mark.parametrize(
    ("asked", "name", "found"),
    [
        ("nn.KLDivLoss", "torch.nn.functional.kl_div", 1),
        ("F.cross_entropy", "torch.nn.CrossEntropyLoss", 1),
        ("nn.BCEWithLogitsLoss", "torch.nn.functional.binary_cross_entropy_with_logits", 1),
        ("torch.half", "torch.Tensor.half", 1),
        ("nn.ReLU6", "torch.nn.functional.relu", 0),
        ("Tensor.add_", "torch.Tensor.add", 0),
    ],
)
def test_a_module_and_its_function_are_one_thing(asked, name, found):
    """`by_symbol` of `fixtures/finding.py`, asked for `nn.KLDivLoss`, finds a test that uses and
    names `F.kl_div`; asked for `F.cross_entropy`, one that uses and names `nn.CrossEntropyLoss`;
    asked for `Tensor.add_`, no such one of `Tensor.add`.
    """
    one = entry(f"`{name.rpartition('.')[2]}` does something.", name)

    assert len(by_symbol([one], asked).about) == found


@pytest.mark.spare("'torch.Tensor'", reason="what stands before its last part does not matter")
@pytest.mark.spare("'torch.tensor'", reason="what stands before its last part does not matter")
def test_the_case_that_was_asked_for_comes_first():
    """Of two tests, one with `torch.Tensor(3)` in docstring and code, one with `torch.tensor(3)`,
    `pytest --collect-only --about torch.Tensor` prints the first one's docstring before the
    other's, `--about torch.tensor` after it.
    """
    function = entry("`torch.tensor(3)` has a value.", "torch.tensor")
    type_ = entry("`torch.Tensor(3)` has a size.", "torch.Tensor")

    assert answers("torch.Tensor", function, type_)[0] == "`torch.Tensor(3)` has a size."
    assert answers("torch.tensor", type_, function)[0] == "`torch.tensor(3)` has a value."
    assert len(answers("torch.Tensor", function, type_)) == 2


def test_each_page_has_a_share_of_a_long_answer():
    """If one page has 60 tests whose sentences begin with `view` and another page has one,
    `find` of `fixtures/finding.py`, asked for "view", puts that one among its first forty
    answers; a test of `spec/models` comes last.
    """
    page = [entry(f"`view` {i}.", "torch.Tensor.view") for i in range(60)]
    for i, one in enumerate(page):
        one.id += str(i)
    short = entry("`view` elsewhere.", "torch.Tensor.view", page="nn/test_shapes.py")
    model = entry("`view` in a model.", "torch.Tensor.view", page="models/test_gan.py")

    found = answers("view", model, *page, short)

    assert found.index("`view` elsewhere.") == 26
    assert found.index("`view` in a model.") == 61
    assert len(found) == 62


def test_what_is_plainly_about_a_name_comes_first():
    """Of two tests alike in all else, on two pages, `pytest --about Tensor.view --collect-only`
    prints first the one with `pytest.raises(..., match=...)`, or with `view` as first name in
    backticks; one that begins `Before PyTorch 1.0` is last.
    """
    late = entry("`x[0]` of an `y` is a `view`.", "torch.Tensor.view", page="nn/test_shapes.py")
    soon = entry("`view` merges.", "torch.Tensor.view", page="nn/test_layers.py")
    error = entry("`view` fails.", "torch.Tensor.view", page="nn/test_sizes.py", messages=["no"])
    page = entry("`x.view()` is a view.", "torch.Tensor.view", page="tensors/test_views.py")
    old = entry("Before PyTorch 1.0 `view` failed.", "torch.Tensor.view", page="nn/test_old.py")

    assert find([old, late, soon, error, page], "Tensor.view").about == [
        error,
        page,
        soon,
        late,
        old,
    ]


def test_what_names_nothing_new_comes_later():
    """In a one-page book of four unmarked tests without `pytest.raises`, two saying
    "`DataLoader(shuffle=True)` shuffles.", then two "`DataLoader` of the `sampler`.",
    `pytest --about DataLoader --collect-only` prints the first, then the third.
    """
    entries = [
        entry("`DataLoader(shuffle=True)` shuffles.", "DataLoader"),
        entry("`DataLoader(shuffle=True)` shuffles anew.", "DataLoader"),
        entry("`DataLoader` of the `sampler`.", "DataLoader"),
        entry("`DataLoader` with the `sampler`.", "DataLoader"),
    ]
    for i, one in enumerate(entries):
        one.id += str(i)

    assert answers("DataLoader", *entries)[:2] == [
        "`DataLoader(shuffle=True)` shuffles.",
        "`DataLoader` of the `sampler`.",
    ]


def test_words_side_by_side_count_for_more():
    """`find` of `fixtures/finding.py`, asked `What is a graph break and how do I find it?`, puts,
    of two tests that differ in the sentence alone, neither with "autograd", one with `graph break`
    side by side before one with both words apart.
    """
    apart = entry("A break in the file of a graph is told.")
    together = entry("`print` is a graph break.")

    found = answers("What is a graph break and how do I find it?", apart, together)

    assert found == ["`print` is a graph break.", "A break in the file of a graph is told."]


@pytest.mark.spare("asked", reason="a sign before a word is not looked for")
@pytest.mark.spare("sentence", reason="a sign before a word is not looked for")
@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("How do I print everything?", "`set_printoptions` shows all."),
        ("How do I get the current learning rate?", "`get_last_lr` tells it."),
        ("How do I initialise weights?", "Initialization fills a layer."),
        ("multi-head attention", "`MultiheadAttention` has heads."),
        ("non max supression", "`ops.nms` keeps boxes."),
    ],
)
def test_words_need_not_be_spelled_as_the_book_spells_them(asked, sentence):
    """Given two tests of `spec/tensors`, `find` of `fixtures/finding.py`, asked for
    `multi-head attention`, finds the one whose sentence has `MultiheadAttention`; asked for
    `How do I initialise weights?`, the one that has `Initialization`.
    """
    found = answers(asked, entry("A sum is made."), entry(sentence))

    assert found == [sentence]


@pytest.mark.spare("asked", reason="a sign before a word is not looked for")
@pytest.mark.spare("' value of numbers'", reason="the other words stand nowhere")
@pytest.mark.parametrize("asked", ["ambigous", "ambiugous", "abmiguous", "ambiguouss"])
def test_a_misspelt_word_finds_the_one_that_is_meant(asked):
    """`pytest --about` finds a sentence with the word "ambiguous" by a misspelt form that
    the book lacks, if its first letter is right and, behind it, one letter is missing,
    added or changed, or two neighbours are swapped.
    """
    meant, other = entry("The truth is ambiguous."), entry("A sum is made.")

    assert answers(f"{asked} value of numbers", other, meant) == ["The truth is ambiguous."]


def test_little_of_a_name_is_followed_by_what_its_words_find():
    """If a book's sentences are `A sum is made.`, one that names `fasterrcnn_resnet50_fpn` and
    one that names `FasterRCNN`, `pytest --about fasterrcnn_resnet50_fpn --collect-only` lists
    the second and, after it, the third.
    """
    named = entry("`fasterrcnn_resnet50_fpn` downloads weights.", "fasterrcnn_resnet50_fpn")
    words = entry("`FasterRCNN` wants boxes.", page="vision/test_detection.py")
    other = entry("A sum is made.")

    found = answers("fasterrcnn_resnet50_fpn", other, words, named)

    assert found == ["`fasterrcnn_resnet50_fpn` downloads weights.", "`FasterRCNN` wants boxes."]


def test_what_is_answered_by_its_words_is_not_told_as_a_use_too():
    """If no sentence has `stack` in backticks, and one that has the word stands over code that calls
    `torch.stack`, `pytest --about stack --collect-only` lists it as an answer and not under
    `used on`.
    """
    spoken = entry("Rows stack into a matrix.", "torch.stack")
    other = entry("A sum is made.", "torch.stack", page="tensors/test_sums.py")

    found = find([spoken, other], "stack")

    assert [one.sentence for one in found.about] == ["Rows stack into a matrix."]
    assert [one.sentence for one in found.uses] == ["A sum is made."]


def test_the_end_of_a_pasted_traceback_is_what_it_says():
    """`pytest --about` with a pasted traceback that ends in
    `ValueError: Expected more than 1 value per channel when training` puts a test that expects
    `Expected more than 1 value per channel` before one that expects `most recent call last`.
    """
    said = entry("A batch of one fails.", messages=["Expected more than 1 value per channel"])
    other = entry("Another fails.", messages=["most recent call last in train"])
    pasted = (
        "Traceback (most recent call last):\n"
        '  File "/home/me/train.py", line 120, in train\n'
        "    out = model(x)\n"
        "ValueError: Expected more than 1 value per channel when training, got [1, 5]"
    )

    found = find([other, said], pasted)

    assert found.how == "message"
    assert found.about[0].sentence == "A batch of one fails."


def test_of_messages_alike_the_rarer_word_decides():
    """`find` of `fixtures/finding.py`, asked
    `AttributeError: 'Iterator' object has no attribute 'next'`, puts a test that expects
    `'Loader' object has no attribute 'next'` before one that expects
    `'Tensor' object has no attribute 'astype'`.
    """
    others = [
        entry(f"{name} lacks it.", messages=[f"'{name}' object has no attribute '{word}'"])
        for name, word in [("Tensor", "astype"), ("Wrapper", "fc"), ("Loader", "next")]
    ]

    found = answers("AttributeError: 'Iterator' object has no attribute 'next'", *others)

    assert found[0] == "Loader lacks it."


def test_a_word_that_the_book_lacks_counts_for_nothing():
    """`pytest --about "flabbergasted storage" --collect-only` lists sentences with the word
    storage, though of all pages only `spec/suite/test_finding.py` has the word flabbergasted.
    """
    one = entry("`torch.save` of a view saves the storage.")

    found = answers("flabbergasted storage that one saves", one)

    assert found == ["`torch.save` of a view saves the storage."]


def test_a_question_of_nothing_but_names_finds_the_facts_that_have_them():
    """In a book of two tests, with `torch.tensor(3)` and `torch.Tensor(3)` in one's sentence, the
    former alone in the other's, `pytest --collect-only --about "What is the difference between
    torch.tensor and torch.Tensor?"` prints the first first.
    """
    both = entry("`torch.Tensor(3)` is a size, `torch.tensor(3)` a value.")
    one = entry("`torch.tensor(3)` has a value.")

    found = answers("What is the difference between torch.tensor and torch.Tensor?", one, both)

    assert found[0] == "`torch.Tensor(3)` is a size, `torch.tensor(3)` a value."


def test_a_message_is_found_where_a_sentence_quotes_it():
    """`pytest --about "DataLoader worker (pid(s) 15332) exited unexpectedly"` finds a test
    whose sentence has that message in double quotes with `...` in place of the number.
    """
    quotes = entry('It ends with "DataLoader worker (pid(s) ...) exited unexpectedly".')
    other = entry("A worker ends.", messages=["worker is done with its work"])
    line = "RuntimeError: DataLoader worker (pid(s) 15332) exited unexpectedly"

    assert answers(line, quotes, other) == [quotes.sentence]
    assert quotes.sentence.endswith('unexpectedly".')
