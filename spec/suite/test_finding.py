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
    """`find`, behind `pytest --about Tensor.view`, puts a test whose sentence has `view` in
    backticks before one that names it in the second paragraph, and lists one that only
    calls it as a use.
    """
    only_uses = entry("Shapes change.", "torch.Tensor.view")
    explains = entry("Strides matter.", "torch.Tensor.view", why="Because `view` copies nothing.")
    names = entry("`x.view(6)` merges.", "torch.Tensor.view")

    found = find([only_uses, explains, names], "Tensor.view")

    assert found.about == [names, explains]
    assert found.uses == [only_uses]


@pytest.mark.spare("'torch.amp.GradScaler'", reason="its words find the same two facts")
def test_a_class_is_asked_for_with_its_methods():
    """`pytest --about torch.amp.GradScaler` finds tests about the class and about its
    method `step`, and none about `step` of another class.
    """
    scaler = "torch.amp.GradScaler"
    steps = entry("`scaler.step(optimizer)` may skip.", f"{scaler} {scaler}.step")
    makes = entry("`GradScaler()` needs CUDA.", scaler)
    other = entry("`optimizer.step()` moves.", "torch.optim.SGD.step")

    assert answers("torch.amp.GradScaler", steps, makes, other) == [
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
    """`pytest --about nn.KLDivLoss` also finds a test about `F.kl_div`, and
    `F.cross_entropy` one about `nn.CrossEntropyLoss`; `Tensor.add_` does not find one about
    `add`.
    """
    one = entry(f"`{name.rpartition('.')[2]}` does something.", name)

    assert len(by_symbol([one], asked).about) == found


@pytest.mark.spare("'torch.Tensor'", reason="what stands before its last part does not matter")
@pytest.mark.spare("'torch.tensor'", reason="what stands before its last part does not matter")
def test_the_case_that_was_asked_for_comes_first():
    """`pytest --about torch.Tensor` puts a test about `torch.Tensor(3)` before one about
    `torch.tensor(3)`, and `--about torch.tensor` the other way round.
    """
    function = entry("`torch.tensor(3)` has a value.", "torch.tensor")
    type_ = entry("`torch.Tensor(3)` has a size.", "torch.Tensor")

    assert answers("torch.Tensor", function, type_)[0] == "`torch.Tensor(3)` has a size."
    assert answers("torch.tensor", type_, function)[0] == "`torch.tensor(3)` has a value."
    assert len(answers("torch.Tensor", function, type_)) == 2


def test_each_page_has_a_share_of_a_long_answer():
    """In an answer of `pytest --about view` with 62 tests, 60 of one page, the test of
    another page stands among the first forty, and that of a full model last.
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
    """`pytest --about Tensor.view` puts first a test that expects an error, then one on the
    page named for views, then sentences that name `view` early, and last one about an
    earlier release.
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
    """`pytest --about DataLoader` puts a test that also names `sampler` before a second one
    that names `DataLoader(shuffle=True)`.
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
    """`pytest --about` with the words `graph break` puts a sentence with these two side by
    side before one that has them apart.
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
    """`pytest --about` with words finds names that contain or mean them: `multi-head
    attention` finds `MultiheadAttention`, `initialise weights` a sentence with
    `Initialization`.
    """
    found = answers(asked, entry("A sum is made."), entry(sentence))

    assert found == [sentence]


@pytest.mark.spare("asked", reason="a sign before a word is not looked for")
@pytest.mark.spare("' value of numbers'", reason="the other words stand nowhere")
@pytest.mark.parametrize("asked", ["ambigous", "ambiugous", "abmiguous", "ambiguouss"])
def test_a_misspelt_word_finds_the_one_that_is_meant(asked):
    """`pytest --about` with a misspelt word, as `ambigous` or `abmiguous`, finds the
    sentence that has the word `ambiguous`.
    """
    meant, other = entry("The truth is ambiguous."), entry("A sum is made.")

    assert answers(f"{asked} value of numbers", other, meant) == ["The truth is ambiguous."]


def test_little_of_a_name_is_followed_by_what_its_words_find():
    """`pytest --about fasterrcnn_resnet50_fpn`, a symbol that one test names, also lists
    after that test one about `FasterRCNN`, and not one that shares no word.
    """
    named = entry("`fasterrcnn_resnet50_fpn` downloads weights.", "fasterrcnn_resnet50_fpn")
    words = entry("`FasterRCNN` wants boxes.", page="vision/test_detection.py")
    other = entry("A sum is made.")

    found = answers("fasterrcnn_resnet50_fpn", other, words, named)

    assert found == ["`fasterrcnn_resnet50_fpn` downloads weights.", "`FasterRCNN` wants boxes."]


def test_the_end_of_a_pasted_traceback_is_what_it_says():
    """`pytest --about` with a whole pasted traceback finds the test that expects the
    message in its last line, not one whose message resembles its first line.
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
    """Of three tests that expect `object has no attribute` with different names, `pytest
    --about` with the message about `'next'` puts first the one about `'next'`.
    """
    others = [
        entry(f"{name} lacks it.", messages=[f"'{name}' object has no attribute '{word}'"])
        for name, word in [("Tensor", "astype"), ("Wrapper", "fc"), ("Loader", "next")]
    ]

    found = answers("AttributeError: 'Iterator' object has no attribute 'next'", *others)

    assert found[0] == "Loader lacks it."


def test_a_word_that_the_book_lacks_counts_for_nothing():
    """`pytest --about` with words finds a sentence by `storage` although another word,
    `flabbergasted`, stands nowhere in the book.
    """
    one = entry("`torch.save` of a view saves the storage.")

    found = answers("flabbergasted storage that one saves", one)

    assert found == ["`torch.save` of a view saves the storage."]


def test_a_question_of_nothing_but_names_finds_the_facts_that_have_them():
    """`pytest --about` with a question on the difference between `torch.tensor` and
    `torch.Tensor` puts first the sentence that names both.
    """
    both = entry("`torch.Tensor(3)` is a size, `torch.tensor(3)` a value.")
    one = entry("`torch.tensor(3)` has a value.")

    found = answers("What is the difference between torch.tensor and torch.Tensor?", one, both)

    assert found[0] == "`torch.Tensor(3)` is a size, `torch.tensor(3)` a value."


def test_a_message_is_found_where_a_sentence_quotes_it():
    """`pytest --about` with a pasted message finds the test whose sentence has that message
    in quotation marks, whatever number stands in it.
    """
    quotes = entry('It ends with "DataLoader worker (pid(s) ...) exited unexpectedly".')
    other = entry("A worker ends.", messages=["worker is done with its work"])
    line = "RuntimeError: DataLoader worker (pid(s) 15332) exited unexpectedly"

    assert answers(line, quotes, other) == [quotes.sentence]
    assert quotes.sentence.endswith('unexpectedly".')
