"""The book in a browser.

`pytest spec/ --site DIR` writes the book as a static site: a page a concept, a symbol, a message, a
release, a note, a claim, a model, and the same for programs. It is made from what the run saw and
from what was kept of others, read from `file://`, and complete or as it was before.

The first facts here make sites of small books. The slow ones are about the site of the real book,
in a real browser: Chromium, where the system has one. `TORCH_SPEC_SITE` names a folder in which
`--site` has written it; without that it is written once for all of them.
"""

import doctest
import importlib
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

import fixtures.site
from fixtures.evidence import place
from fixtures.facts import read_book
from fixtures.finding import find
from fixtures.index import read_index
from fixtures.small_book import completed
from fixtures.standalone import script

pytest.importorskip("jinja2", reason="the site needs the extra `site`")
pytest.importorskip("pygments", reason="the site needs the extra `site`")
pytest.importorskip("babel", reason="the site needs the extra `site`")

from fixtures.site import gather, history
from fixtures.site.catalogue import Language, interface, read_language, update
from fixtures.site.drift import beside
from fixtures.site.folder import checked, replaced
from fixtures.site.messages import key, lasting
from fixtures.site.render import Addresses, symbol_files

ROOT = Path(__file__).parents[2]

VIEW = '''
def test_a_view_shares_memory():
    """`x.view(4)` shares the memory of `x`.

    So it costs nothing.
    """
    x = torch.zeros(2, 2)
    assert x.view(4).data_ptr() == x.data_ptr()

@pytest.mark.claim("views")
def test_a_view_of_a_wrong_size_is_refused():
    """`x.view(3)` of four elements raises RuntimeError."""
    with pytest.raises(RuntimeError, match="is invalid for input of size"):
        torch.zeros(2, 2).view(3)
'''
CLAIM = """
[views]
section = "views"
says = "A view may have any size."
verdict = "changed"
since = "2.0"
now = "Its size has to fit."
"""


class Reader(HTMLParser):
    """Reads a page: its ids, what it links to, its text, and the elements of it."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.elements, self.words = [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.elements.append((tag, found.get("class") or ""))
        if "id" in found:
            self.ids.append(found["id"])
        self.links += [found[name] for name in ("href", "src") if name in found]

    def handle_data(self, data):
        self.words.append(data)


def broken(site):
    """Return the links inside a site that lead nowhere, and the ids that a page has twice."""
    pages = {path.resolve(): Reader(path) for path in site.rglob("*.html")}
    wrong = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        wrong += [f"{name}: {id} twice" for id in set(page.ids) if page.ids.count(id) > 1]
        for link in set(page.links):
            target, _, anchor = link.partition("#")
            there = (path.parent / target.partition("?")[0]).resolve() if target else path
            if link.startswith("https://docs.pytorch.org/"):
                continue
            if not there.is_file() or (anchor and anchor not in pages[there].ids):
                wrong.append(f"{name}: {link}")
    return sorted(wrong)


def made(book, *arguments):
    """Make a site of a small book; return the run, and the folder of the site."""
    result = book.run("spec/", "--site", "out", *arguments)
    return result, book.path / "out"


def refused(book, *arguments):
    """Return the words in which a site is refused; the run ends with exit code 4."""
    result = book.run("spec/", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    return " ".join([*result.outlines, *result.errlines])


def test_a_site_has_a_page_a_concept_a_symbol_a_message_a_release_and_a_claim(book):
    """For a book whose `spec/tensors/test_views.py` has a test that calls
    `torch.zeros(2, 2).view(4)`, `pytest --site DIR` writes `spec/tensors/views.html` and
    `symbol/torch.Tensor.view.html` into `DIR`, and a Markdown twin `.md` of each.
    """
    book.page("tensors/test_views.py", VIEW)
    book.ledger(CLAIM)

    _, site = made(book)
    names = {path.relative_to(site).as_posix() for path in site.rglob("*.*")}

    assert {re.sub("-[0-9a-f]{6}", "", name) for name in names if name.startswith("error/r")} == {
        "error/runtimeerror-shape-is-invalid-for-input-of-size.html",
        "error/runtimeerror-shape-is-invalid-for-input-of-size.md",
        "error/runtimeerror.html",
    }
    assert names >= {"spec/tensors/views.html", "spec/tensors/views.md"}
    assert names >= {"symbol/torch.Tensor.view.html", "symbol/torch.Tensor.view.md"}
    assert names >= {"release/2.0.html", "note/004.html", "claim/views.html", "claim/views.md"}
    assert names >= {"index.html", "evidence.html", "llms.txt", "feed.xml", "data/facts.json"}


def test_every_link_and_anchor_of_a_site_leads_somewhere(book):
    """In the folder that `pytest --site DIR` writes for a book with two pages and a note,
    each internal link leads to a file and an anchor that exist, and no page has an id
    twice.
    """
    book.page("tensors/test_views.py", VIEW)
    book.page("nn/test_layers.py", '"""Layers; see `spec/tensors/test_views.py`."""\n' + VIEW)
    book.ledger(CLAIM)

    _, site = made(book)

    assert len(list(site.rglob("*.html"))) > 20
    assert broken(site) == []


def test_each_fact_has_its_sentence_its_reason_its_code_and_its_evidence(book):
    """For a test of `spec/tensors/test_views.py` that held, the page that
    `pytest --site DIR` writes for this file shows `✓ held`, the paragraphs of the test's
    docstring, its code, and the command that runs it.
    """
    book.page("tensors/test_views.py", VIEW)
    book.ledger(CLAIM)

    _, site = made(book)
    page = Reader(site / "spec" / "tensors" / "views.html")

    assert page.ids.count("a_view_shares_memory") == 1
    assert "✓ held x.view(4) shares the memory of x. # So it costs nothing." in page.text
    assert "assert x.view(4).data_ptr() == x.data_ptr()" in page.text
    assert 'pytest "spec/tensors/test_views.py::test_a_view_shares_memory"' in page.text
    assert page.links.count("../../symbol/torch.Tensor.view.html") == 5


def test_html_in_a_fact_stays_text(book):
    """`<script>` in a docstring, a literal, an error message, a claim or a row of
    `parametrize` is text, and no element, on the HTML pages that `pytest --site DIR`
    writes.
    """
    evil = "<script>alert(1)</script>"
    book.page(
        "tensors/test_evil.py",
        f'''
@pytest.mark.claim("views")
@pytest.mark.parametrize("word", ["{evil} here"])
def test_it(word):
    """It says {evil} and `{evil}`.

    Because {evil}.
    """
    with pytest.raises(ValueError, match="script"):
        raise ValueError("{evil} of three words")

def test_it_fails():
    """It fails."""
    assert torch.ones(1).tolist() == ["{evil}"]
''',
    )
    book.ledger(CLAIM.replace("any size", evil))

    _, site = made(book)
    pages = [Reader(path) for path in site.rglob("*.html")]

    assert [one.text for one in pages if ("script", "") in one.elements and "alert(1)" in one.text]
    assert {one.elements.count(("script", "")) for one in pages} == {3, 5}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.mkdir() or (path / "thesis.txt").write_text("x"), "did not write"),
        (lambda path: path.write_text("x"), "is a file; give a folder"),
    ],
)
def test_a_folder_that_holds_something_else_is_refused_before_the_run(book, make, said):
    """`pytest --site DIR` is a usage error if DIR is a file, or a folder that holds a file such as
    `thesis.txt` but no file `site.json`, which `--site` writes.
    """
    book.page("tensors/test_views.py", VIEW)
    make(book.path / "out")

    assert said in refused(book, "--site", "out")


@pytest.mark.spare("arguments", reason="what is wrong with them stays wrong")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--site", "no/folder"], "there is no folder"),
        (["--site-url", "https://a.org/"], "give --site DIR too"),
        (["--site-url", ""], "give --site DIR too"),
        (["--site", "out", "--site-url", "a.org"], "begin it with https://"),
        (["--site", "out", "--site-url", ""], "begin it with https://"),
    ],
)
def test_options_that_make_no_site_are_refused(book, arguments, said):
    """`pytest --site no/folder` where `no` does not exist, `--site-url` without `--site`, and a
    `--site-url` that begins with neither `http://` nor `https://` are usage errors.
    """
    book.page("tensors/test_views.py", "def test_it(): pass")

    assert said in refused(book, *arguments)


def test_without_the_extra_a_site_says_what_to_install(book, monkeypatch):
    """Where Jinja2 and Babel are not installed, `pytest --site DIR`, with no other option, ends
    before the run in a usage error with `pip install -e ".[site]"`.
    """
    book.page("tensors/test_views.py", "def test_it(): pass")
    monkeypatch.setattr("fixtures.site.plugin.find_spec", lambda name: None)

    said = refused(book, "--site", "out")

    assert 'pip install -e ".[site]"' in said


class Interrupted(BaseException):
    """What Ctrl-C raises, but for the run that these facts are part of."""


def test_an_interrupted_build_leaves_the_old_site_whole(tmp_path):
    """If the body of `with replaced(Path(DIR)) as new:` of `fixtures/site/folder.py`, in which
    `pytest --site DIR` writes, raises, DIR keeps its old files and the folder `new`, which was
    made beside it, is removed.
    """
    site = tmp_path / "out"
    site.mkdir()
    (site / "index.html").write_text("old")

    def interrupted():
        with replaced(site) as new:
            (new / "index.html").write_text("new")
            raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()

    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (site / "index.html").read_text() == "old"


def test_a_new_site_takes_the_place_of_the_old_one(tmp_path):
    """If `with replaced(DIR) as new:` of `fixtures/site/folder.py`, behind `--site DIR`, ends
    without an error, DIR has the files written into `new`, none of the old ones, and no old pages
    beside it.
    """
    site = tmp_path / "out"
    site.mkdir()
    (site / "gone.html").write_text("old")

    with replaced(site) as new:
        (new / "index.html").write_text("new")

    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html")] == [
        "out/index.html"
    ]


def test_a_link_leads_to_the_site(tmp_path):
    """If DIR is a symbolic link to a folder, `with replaced(checked("DIR")) as new:` of
    `fixtures/site/folder.py`, behind `--site DIR`, puts the new files into that folder, and DIR
    stays a link.
    """
    (tmp_path / "real").mkdir()
    link = tmp_path / "out"
    link.symlink_to(tmp_path / "real")

    for text in ("old", "new"):
        with replaced(checked(str(link))) as new:
            (new / "site.json").write_text("{}")
            (new / "index.html").write_text(text)

    assert link.is_symlink() is True
    assert (tmp_path / "real/index.html").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "real"]


def test_a_fact_that_is_lost_stops_the_build(book):
    """`pytest --site DIR` ends in a usage error if the site in DIR names a test gone from the
    book; if `spec/moved.toml` names a test of the book instead of `test_old`, the site is written,
    and the page where it stood keeps the anchor `old`.
    """
    book.page("tensors/test_views.py", VIEW)
    book.page("tensors/test_sharing.py", "def test_more(): pass")
    book.ledger(CLAIM)
    _, site = made(book)
    old = json.loads((site / "site.json").read_text())
    old["facts"].append("spec/tensors/test_views.py::test_a_view_is_no_copy")
    (site / "site.json").write_text(json.dumps(old))

    lost = refused(book, "--site", "out")
    moved = '[tensors]\n"spec/tensors/test_views.py::test_a_view_is_no_copy" = '
    (book.path / "spec" / "moved.toml").write_text(
        moved + '"spec/tensors/test_sharing.py::test_more"\n'
    )
    made(book)

    assert "spec/tensors/test_views.py::test_a_view_is_no_copy: the site in" in lost
    assert "tell in spec/moved.toml where it went" in lost
    assert "a_view_is_no_copy" in Reader(site / "spec" / "tensors" / "views.html").ids
    assert broken(site) == []


@pytest.mark.spare("sentence", reason="what stands before the path leads nowhere either")
@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("See `spec/tensors/test_nothing.py`.", "leads to spec/tensors/test_nothing.py"),
        ("See `spec/tensors/test_it.py::test_no`.", "leads to spec/tensors/test_it.py::test_no"),
    ],
)
def test_a_sentence_that_leads_nowhere_stops_the_build(book, sentence, said):
    """`pytest --site DIR` ends in a usage error, and writes no DIR, if the sentence of a test in
    `spec/tensors` has, alone in backticks, the path from `spec/` on of a `test_nothing.py` that is
    no file, or of a `test_no` that is on no page.
    """
    book.page("tensors/test_it.py", f'def test_it():\n    """{sentence}"""\n    assert 1 == 1')

    words = refused(book, "--site", "out")

    assert said in words
    assert sorted(path.name for path in book.path.iterdir()) == ["pytest.ini", "spec"]


def test_a_fact_without_a_sentence_stops_the_build(book):
    """`pytest spec/tensors --site DIR`, which has tests to run, ends in a usage error if a
    function `def test_bare():` outside of classes on a page in `spec/nn`, which does not run, has
    no docstring.
    """
    book.page("tensors/test_views.py", "def test_it(): pass")
    book.page("nn/test_layers.py", "def test_bare(): assert 1 == 1", complete=False)

    result = book.run("spec/tensors", "--site", "out")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "test_bare: has no sentence" in result.stdout.str()
    assert sorted(path.name for path in book.path.iterdir()) == ["pytest.ini", "spec"]


def test_a_link_to_an_unknown_symbol_stops_the_build():
    """`Addresses.symbol(name)` of `fixtures/site/render.py`, behind `pytest --site DIR`, raises
    `pytest.UsageError` if the site has no page `symbol/NAME.html`, as for `torch.nothing`.
    """
    addresses = Addresses.__new__(Addresses)
    addresses.paths, addresses.own, addresses.files = set(), set(), {}

    with pytest.raises(pytest.UsageError, match="leads to symbol/torch"):
        addresses.symbol("torch.nothing")


def test_a_fact_that_fails_is_told_with_what_pytorch_said(book):
    """`pytest --site DIR` writes the site although a test below `spec/` with
    `assert torch.ones(1).item() == 2` failed; on its page there the test has ✗ and the value 1.0,
    and the exit code is 1.
    """
    book.page("tensors/test_it.py", "def test_it(): assert torch.ones(1).item() == 2")

    result, site = made(book)
    text = Reader(site / "spec" / "tensors" / "it.html").text

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "✗ failed It is so." in text
    assert "1.0" in text.partition("failed")[2]


def test_a_part_of_the_book_makes_a_site_of_the_whole(book):
    """`pytest spec/tensors --site DIR` also writes the pages of the chapter `spec/nn`,
    which did not run, with its tests marked `not run`.
    """
    book.page("tensors/test_views.py", "def test_it(): pass")
    book.page("nn/test_layers.py", "def test_it(): pass")

    book.run("spec/tensors", "--site", "out")
    site = book.path / "out"

    assert "✓ held It is so." in Reader(site / "spec" / "tensors" / "views.html").text
    assert "- not run It is so." in Reader(site / "spec" / "nn" / "layers.html").text


def test_evidence_stands_under_each_fact_and_an_edit_makes_it_old(book):
    """If all that `spec/evidence` has of a test is that it held on 2.1 with today's code and on
    2.0 with other code, its page of `pytest --site DIR` says `held on 2.1, 1 release measured` and
    `measured before its last edit: held on 2.0`.
    """
    book.page("tensors/test_it.py", "def test_it(): assert torch.ones(1).item() == 1")
    book.run("spec/", "--evidence")
    new = place(book.path)
    old = new.with_name("2.0-cpu.json")
    text = new.read_text()
    old.write_text(re.sub('"held", "[0-9a-f]+"', '"held", "0"', text))
    new.rename(new.with_name("2.1-cpu.json"))

    _, site = made(book)
    said = Reader(site / "spec" / "tensors" / "it.html").text

    assert "held on 2.1, 1 release measured · measured before its last edit: held on 2.0" in said


def test_what_bites_is_kept_and_shown(book):
    """`pytest --bite --evidence` lists in `spec/evidence/bitten.json` a test whose one assertion
    is `torch.ones(1).tolist() == [1.0]`, not one with `torch.ones(2)[0] == 1`: `[1]` passes too.
    `pytest --site DIR` calls the first `proven to bite`.
    """
    book.page(
        "tensors/test_it.py",
        """
def test_it_bites(): assert torch.ones(1).tolist() == [1.0]
def test_it_does_not(): assert torch.ones(2)[0] == 1
""",
    )
    book.run("spec/", "--bite", "--evidence")
    kept = json.loads((book.path / "spec" / "evidence" / "bitten.json").read_text())

    _, site = made(book)
    facts = json.loads((site / "data" / "facts.json").read_text())["facts"]

    assert list(kept) == ["spec/tensors/test_it.py::test_it_bites"]
    assert [fact["bites"] for fact in facts] == [True, False]
    page = Reader(site / "spec" / "tensors" / "it.html")
    assert page.text.count("proven to bite") == 1
    assert page.links.count("../../evidence.html#bite") == 1


def test_an_old_truth_stands_beside_the_new_one(book):
    """If a page has just two tests, the upper with the mark `torch("<2.1")` and the lower with
    `torch(">=2.1")`, they are one change of release 2.1 in the data of `pytest --site DIR`, and
    their page there shows both sentences.
    """
    book.page(
        "tensors/test_it.py",
        '''
@pytest.mark.torch("<2.1")
def test_ones_were_odd():
    """Before PyTorch 2.1 `torch.ones` was odd."""
    assert torch.ones(1).item() == 3

@pytest.mark.torch(">=2.1")
def test_ones_are_even():
    """Since PyTorch 2.1 `torch.ones` is even."""
    assert torch.ones(1).item() == 1
''',
    )

    _, site = made(book)
    changes = json.loads((site / "data" / "changes.json").read_text())["changes"]
    page = Reader(site / "spec" / "tensors" / "it.html").text

    assert [(one["release"], one["kind"]) for one in changes] == [("2.1", "changed")]
    assert changes[0]["old"] == "Before PyTorch 2.1 `torch.ones` was odd."
    assert "Until then: Before PyTorch 2.1 torch.ones was odd." in page
    assert "Since then: Since PyTorch 2.1 torch.ones is even." in page
    assert "true for PyTorch >=2.1" in page


@pytest.mark.spare("['a']", reason="a name twice is the same names")
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("a b", "a b c", ("", "`+ c`")),
        (["a", "b"], ["a"], ("`- b`", "")),
        ("absent", 3, ("not there", "`3`")),
        ("silent", "warns UserWarning", ("silent, no warning", "warns UserWarning")),
        (True, None, ("yes", "no answer: the question does not apply")),
    ],
)
def test_answers_of_the_atlas_are_put_into_words(old, new, told):
    """`beside(old, new)` of `fixtures/site/drift.py`, behind `pytest --site DIR`, gives two
    texts: for "a b" and "a b c" an empty one and `+ c` in backticks; "absent" is put as "not
    there", and True as "yes".
    """
    assert beside(old, new) == told


def test_messages_that_differ_in_numbers_are_one():
    """`key(type, message)` of `fixtures/site/messages.py` is the same for the messages
    `size (3) is odd` and `size (4) is odd` of one error type, and another for `size (3) is even`
    or for another error type.
    """
    one = lasting("size 3 at 0x7f0123456789 (Triggered internally at /a/b.cpp:3.)")

    same = {key("E", "size (3) is odd"), key("E", "size (4) is odd")}
    others = {key("F", "size (3) is odd"), key("E", "size (3) is even")}

    assert one == "size 3 at 0x..."
    assert (len(same), len(same | others)) == (1, 3)


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["torch.Tensor", "torch.tensor"], ["torch.Tensor-capital", "torch.tensor"]),
        (["torch.Tensor.t", "torch.Tensor.T"], ["torch.Tensor.t", "torch.Tensor.T-capital"]),
        (["torch.nn.Linear"], ["torch.nn.Linear"]),
    ],
)
def test_no_two_files_differ_in_case_alone(names, files):
    """`symbol_files(["torch.Tensor", "torch.tensor"])` of `fixtures/site/render.py` is
    `{"torch.Tensor": "torch.Tensor-capital", "torch.tensor": "torch.tensor"}`: the two file
    names differ in more than case.
    """
    assert [symbol_files(names)[name] for name in names] == files


@pytest.mark.spare("name", reason="a name that has no page has none under another spelling")
@pytest.mark.spare("kind", reason="that it is one of those that have pages is what counts")
@pytest.mark.parametrize(
    ("name", "kind", "address"),
    [
        ("torch.add", "function", "generated/torch.add.html"),
        ("torch.Tensor.add_", "method", "generated/torch.Tensor.add_.html"),
        ("torch.nn.Module.eval", "method", "generated/torch.nn.Module.html#torch.nn.Module.eval"),
        ("torch.nn.init.ones_", "function", "nn.init.html#torch.nn.init.ones_"),
        ("torch.utils.data.Dataset", "class", "data.html#torch.utils.data.Dataset"),
        ("torch.Tensor.__add__", "method", ""),
        ("torch.float32", "dtype", ""),
        ("torch.gone", "", ""),
    ],
)
def test_a_symbol_leads_to_pytorchs_documentation(name, kind, address):
    """`official("torch.add", "function")` of `fixtures/site/gather.py`, which makes links for
    `pytest --site DIR`, returns an address that ends with `generated/torch.add.html`;
    `official("torch.float32", "dtype")` returns `""`.
    """
    assert gather.official(name, kind).removeprefix(gather.OFFICIAL) == address


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("torch.add", "function"),
        ("torch.Tensor.view", "method"),
        ("torch.nn.Module.eval", "method"),
        ("torch.nn.functional.relu", "function"),
        ("torch.optim.SGD", "class"),
        ("torch.utils.data.DataLoader", "class"),
    ],
)
def test_pytorchs_documentation_has_the_page(name, kind):
    """For `torch.add`, `torch.Tensor.view`, `torch.nn.Module.eval`,
    `torch.nn.functional.relu`, `torch.optim.SGD` and `torch.utils.data.DataLoader`,
    `official` of `fixtures/site/gather.py` gives the address of a page on docs.pytorch.org.
    """
    address = gather.official(name, kind)
    with urllib.request.urlopen(address, timeout=30) as answer:
        text = answer.read().decode()

    assert answer.status == 200
    assert f'id="{address.partition("#")[2] or name}"' in text


def test_programs_get_the_same_as_data(book):
    """`pytest --site DIR --site-url https://a.org/book` writes into DIR, among others, `llms.txt`
    with links to the Markdown pages, the claims as `data/claims.json`, the Atom feed `feed.xml`,
    and `sitemap.xml` with addresses under that URL.
    """
    book.page("tensors/test_views.py", VIEW)
    book.ledger(CLAIM)

    _, site = made(book, "--site-url", "https://a.org/book")
    claims = json.loads((site / "data" / "claims.json").read_text())["claims"]
    feed = ElementTree.parse(site / "feed.xml")
    sitemap = (site / "sitemap.xml").read_text()
    twin = (site / "spec" / "tensors" / "views.md").read_text(encoding="utf-8")

    assert "(spec/tensors/views.md)" in (site / "llms.txt").read_text()
    assert [(one["id"], one["verdict"], one["truth"]) for one in claims] == [
        ("views", "changed", "Its size has to fit.")
    ]
    titles = [each.text for each in feed.iter("{http://www.w3.org/2005/Atom}title")]
    assert titles[1] == "changed with PyTorch 2.0: A view may have any size."
    assert "<loc>https://a.org/book/spec/tensors/views.html</loc>" in sitemap
    assert "## ✓ `x.view(4)` shares the memory of `x`." in twin


def test_a_verdict_that_moved_between_two_sites_is_news(book):
    """If a claim is `overstated` in the site that DIR holds, and `changed` in
    `spec/claims` now, `pytest --site DIR` writes `overstated → changed` and the claim
    into `feed.xml`.
    """
    book.page("tensors/test_views.py", VIEW)
    book.ledger(
        CLAIM.replace('verdict = "changed"\nsince = "2.0"\nnow', 'verdict = "overstated"\nexcept')
    )
    made(book)
    book.ledger(CLAIM)

    _, site = made(book)

    assert "<title>overstated → changed: A view may" in (site / "feed.xml").read_text()


CATALOGUE = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\n"

msgctxt "a sentence"
msgid "It is so."
msgstr "如此。"

msgctxt "b sentence"
msgid "It was so."
msgstr "过去如此。"

#, fuzzy
msgctxt "c sentence"
msgid "It is so."
msgstr "也许如此。"
"""


@pytest.mark.spare("context", reason="what the catalogue lacks it lacks under any name")
@pytest.mark.parametrize(
    ("context", "text", "state"),
    [
        ("a sentence", "如此。", "translated"),
        ("b sentence", "It is so.", "outdated"),
        ("c sentence", "It is so.", "outdated"),
        ("d sentence", "It is so.", "missing"),
    ],
)
def test_a_translation_of_other_words_is_outdated(tmp_path, context, text, state):
    """`read_language("zh", folder).say(id, text)` of `fixtures/site/catalogue.py`, behind
    `pytest --site DIR`, gives the English `text` with the state `outdated` if its translation is
    marked `fuzzy` or was made from a text of other words.
    """
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "tensors.po").write_text(CATALOGUE, encoding="utf-8")
    said = read_language("zh", tmp_path).say(context, "It is so.")

    assert (said.text, said.state) == (text, state)


def code_in(text):
    """Return the pieces of code that a text has in backticks."""
    return re.findall("`([^`]+)`", " ".join(text.split()))


def test_english_needs_no_catalogue():
    """`Language("en").say("a sentence", "It is so.")` of `fixtures/site/catalogue.py`
    returns an object with the `text` "It is so." and the `state` "original".
    """
    said = Language("en").say("a sentence", "It is so.")

    assert (said.text, said.state) == ("It is so.", "original")


def test_code_is_never_translated():
    """For each Chinese translation in `fixtures/site/locale/zh`, which `pytest --site DIR` shows,
    the set of the pieces of code in backticks is that of the English text.
    """
    wrong = [
        context
        for context, (english, translation) in read_language("zh").said.items()
        if english and translation and set(code_in(english)) != set(code_in(translation))
    ]

    assert wrong == []


def test_every_word_of_the_interface_is_translated():
    """Each text that `interface()` of `fixtures/site/catalogue.py` finds in the templates and
    modules of the site that `pytest --site DIR` writes, such as the label of a button, has a
    Chinese translation.
    """
    words = read_language("zh").words
    strings = {
        message if isinstance(message, tuple) else (message, "") for message, _ in interface()
    }

    assert len(strings) > 150
    assert strings - set(words) == set()
    assert [forms for forms in words.values() if not all(forms)] == []


def test_catalogues_follow_the_book(book, tmp_path):
    """`update(root, folder)` of `fixtures/site/catalogue.py` adds to an existing
    `folder/zh/tensors.po` the new texts of `spec/tensors`, removes those that are gone, and keeps
    the translation of a changed sentence, marked `fuzzy`.
    """
    book.page("tensors/test_it.py", completed("def test_it(): assert 1 == 1"))
    folder = tmp_path / "zh"
    folder.mkdir()
    path = folder / "tensors.po"
    text = CATALOGUE.replace("b sentence", "spec/tensors/test_it.py::test_it sentence")
    path.write_text(text, encoding="utf-8")

    lines = update(book.path, tmp_path)
    catalogue = path.read_text(encoding="utf-8")

    assert lines == ["zh/tensors.po: 0 of 2 translated, 1 outdated"]
    assert re.findall('msgctxt "(.*)"', catalogue) == [
        "spec/tensors/test_it.py title",
        "spec/tensors/test_it.py::test_it sentence",
    ]
    assert '#| msgid "It was so."\n' in catalogue
    assert 'msgid "It is so."\nmsgstr "过去如此。"' in catalogue


@pytest.mark.parametrize(
    "name", [module.name for module in pkgutil.iter_modules(fixtures.site.__path__)]
)
def test_the_examples_in_the_docstrings_of_the_site_hold(name):
    """The `>>>` examples in the docstrings of this project's modules in `fixtures/site`
    give the output that stands below them.
    """
    result = doctest.testmod(importlib.import_module(f"fixtures.site.{name}"))

    assert result.failed == 0


def test_releases_are_drawn_together():
    """In `fixtures/site/history.py`,
    `spans(["2.0", "1.13", "2.2"], ["1.13", "2.0", "2.1", "2.2", "2.3"])` is `"1.13 to 2.0, 2.2"`:
    no span covers 2.1, which the first list lacks.
    """
    among = ["1.13", "2.0", "2.1", "2.2", "2.3"]

    assert history.spans(["2.0", "1.13", "2.2"], among) == "1.13 to 2.0, 2.2"


# The site of the real book, and a browser.

CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), ""
)
no_browser = "needs Chromium and the packages playwright and axe-playwright-python"


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    """The folder of the site of the real book."""
    if os.environ.get("TORCH_SPEC_SITE"):
        return Path(os.environ["TORCH_SPEC_SITE"]).absolute()
    folder = tmp_path_factory.mktemp("site") / "out"
    one = "spec/environment/test_versions.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", one, "--site", folder, "-q"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="session")
def chromium():
    """A browser."""
    if not CHROMIUM:
        pytest.skip(no_browser)
    api = pytest.importorskip("playwright.sync_api", reason=no_browser)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium, real):
    """Opens a page of the real site, with its complaints and requests kept on it."""
    contexts = []

    def open_(path, **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.requests = [], []
        page.on("console", lambda said: page.complaints.append(said.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(f"file://{real}/{path}")
        return page

    yield open_
    for context in contexts:
        context.close()


PAGES = [
    "index.html",
    "spec/index.html",
    "spec/tensors/index.html",
    "spec/tensors/broadcasting.html",
    "spec/environment/versions.html",
    "symbol/index.html",
    "symbol/torch.Tensor.view.html",
    "error/index.html",
    "error/runtimeerror.html",
    "release/2.6.html",
    "release/compare.html?from=2.1&to=2.15",
    "note/index.html",
    "note/003.html",
    "claim/summary-range-removed.html",
    "model/index.html",
    "model/gan_1d.html",
    "evidence.html",
    "about.html",
    "search.html?q=must match the size",
    "zh/index.html",
    "zh/note/003.html",
    "zh/spec/environment/versions.html",
]


@pytest.mark.slow
def test_every_link_of_the_real_site_leads_somewhere(real):
    """On the site that `pytest spec/environment/test_versions.py --site DIR` writes of
    this book, each internal link and anchor exists, and no page has an id twice.
    """
    assert broken(real) == []


@pytest.mark.slow
def test_every_fact_of_the_real_book_is_on_one_page(real):
    """On the site that `pytest spec/environment/test_versions.py --site DIR` writes of this
    project, each test outside of `spec/suite` has its name without `test_` as an HTML `id` once on
    its page, `spec/CHAPTER/PAGE.html`.
    """
    ids = {path: Reader(path).ids for path in (real / "spec").rglob("*.html")}
    wrong = []
    for fact in read_book(ROOT):
        if fact.chapter != "suite":
            home = real / "spec" / fact.chapter / f"{fact.concept}.html"
            if ids[home].count(fact.name.removeprefix("test_")) != 1:
                wrong.append(fact.id)

    assert wrong == []


@pytest.mark.slow
def test_the_real_site_is_light(real):
    """On the site that `pytest spec/environment/test_versions.py --site DIR` writes of
    this book, no HTML page is larger than 300 kB, and the sizes of all files add up to
    less than 60 MB.
    """
    sizes = {path: path.stat().st_size for path in real.rglob("*") if path.is_file()}
    large = [str(path) for path, size in sizes.items() if path.suffix == ".html" and size > 300_000]

    assert large == []
    assert sum(sizes.values()) < 60_000_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "kind", "title"),
    [
        ("add_", "symbol", "torch.Tensor.add_"),
        ("Tensor.add_", "symbol", "torch.Tensor.add_"),
        ("zero_grad", "symbol", "torch.optim.Optimizer.zero_grad"),
        ("Tensor", "symbol", "torch.Tensor"),
        ("F.relu", "symbol", "torch.nn.functional.relu"),
        ("KLDivLoss", "symbol", "torch.nn.KLDivLoss"),
        ("==", "symbol", "torch.Tensor.__eq__"),
        ("[]", "symbol", "torch.Tensor.__getitem__"),
        ("@", "symbol", "torch.Tensor.__matmul__"),
        ("must match the size", "error", "The size of tensor a ("),
        (
            "E   RuntimeError: The size of tensor a (7) must match the size of tensor b (9) at "
            "non-singleton dimension 3",
            "error",
            "The size of tensor a (",
        ),
        ("confusion matrix", "fact", "(labels * n + predicted).bincount("),
        ("dataloader workers", "page", "Workers"),
        ("cross_entropy", "symbol", "torch.nn.functional.cross_entropy"),
        ("qqqq zzzz", "", "Nothing was found."),
    ],
)
def test_the_search_finds(tab, asked, kind, title):
    """On the site that `pytest --site DIR` writes of this book, the search finds
    `torch.Tensor.add_` first for `add_`, `torch.Tensor.__eq__` for `==`, and the
    message `The size of tensor a (` for `must match the size`.
    """
    page = tab("index.html")
    page.fill("#big", asked)
    page.press("#big", "Enter")
    page.wait_for_selector("#results:not(:empty)")
    first = page.query_selector("#results .result")
    found = first.query_selector(".kind").inner_text() if first else ""
    shown = first.query_selector(".title").inner_text() if first else page.inner_text("#results")

    assert found == kind
    assert shown.startswith(title)
    assert page.complaints == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        "zero_grad",
        "weights_only",
        "Tensor.view",
        "F.relu",
        "nn.Linear",
        "gradient accumulation",
        "how do I freeze layers",
        "save and load a model",
        "padding mask",
        "get_device_capability",
        "ambigous truth value",
        "What is the difference between torch.tensor and torch.Tensor?",
        "How do I test a tensor for NaN?",
        "What is the difference between cuda and cuda:0?",
        'File "a.py", line 3, in f RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x2)',
    ],
)
def test_the_search_ranks_as_about_does(tab, pytestconfig, asked):
    """For `F.relu`, and for `nn.Linear`, the search of the site that `pytest --site DIR` writes of
    this book finds the same three tests first, in the same order, as `--about`, answers below
    `spec/suite` left out.
    """
    entries = [one for one in read_index(pytestconfig) if not one.path.startswith("spec/suite/")]
    page = tab("index.html")
    found = page.evaluate(
        "async asked => (await torchSpec.load(asked)).find(asked)"
        ".filter(({ kind }) => kind === 'fact').slice(0, 3).map(({ title }) => title)",
        asked,
    )

    assert found == [one.sentence for one in find(entries, asked).about[:3]]


@pytest.mark.slow
def test_a_result_leads_to_its_fact(tab):
    """On the page on views that `pytest --site DIR` writes of this book, `/` opens the search box;
    there, typing `confusion matrix`, then the down arrow and Enter, opens the page of the first
    result, a test, with that test in sight.
    """
    page = tab("spec/tensors/views.html")
    page.keyboard.press("/")
    page.keyboard.type("confusion matrix")
    page.wait_for_selector("#found .result")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/evaluation.html#*")
    anchor = page.url.partition("#")[2]

    assert page.locator(f"[id='{anchor}']").evaluate("fact => fact.matches('article.fact:target')")
    assert page.locator(f"[id='{anchor}']").evaluate(
        "fact => { const y = fact.getBoundingClientRect().y; return 0 <= y && y < innerHeight; }"
    )


@pytest.mark.slow
def test_answers_can_be_covered_and_each_is_shown_on_demand(tab):
    """On the page on broadcasting that `pytest --site DIR` writes, the button *Cover
    the answers* puts a field in the place of each answer; Enter in an empty field shows
    its answer, a second click on the button shows all.
    """
    page = tab("spec/tensors/broadcasting.html")
    fields = page.locator("input.say")
    before = fields.count()
    page.click("button.cover")
    total = fields.count()
    shown = page.locator("pre.code b:visible").count()
    fields.first.press("Enter")
    left = fields.count()
    page.click("button.cover")

    assert before == 0
    assert shown == 0
    assert total - left == 1
    assert total == page.locator("pre.code b").count()
    assert fields.count() == 0
    assert page.locator("b.right").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "typed"),
    [
        ("(2, 3)", "(2,3)"),
        ("(3,)", "torch.Size([3])"),
        ("[1.0, -2.5]", "[1, -2.50]"),
        ("torch.float32", "float32"),
        ("torch.int64", "torch.long"),
        ("'same'", '"same"'),
        ("RuntimeError", " RuntimeError "),
    ],
)
def test_a_covered_answer_is_compared_with_what_is_typed(tab, answer, typed):
    """A click on "Cover the answers" on a page of `pytest --site DIR` puts a field over each
    answer: `(2,3)` and Enter there is right for `(2, 3)`, `torch.long` for `torch.int64`; after
    other words and Enter the field stays, with `aria-invalid`.
    """
    page = tab("spec/tensors/broadcasting.html")
    page.evaluate("text => { document.querySelector('pre.code b').textContent = text; }", answer)
    page.click("button.cover")
    field = page.locator("input.say").first
    field.fill(f"{typed} + 1")
    field.press("Enter")
    wrong = field.get_attribute("aria-invalid")
    field.fill(typed)
    retyped = field.get_attribute("aria-invalid")
    field.press("Enter")

    assert wrong == "true"
    assert retyped is None
    assert page.locator("b.right").all_text_contents() == [answer]
    assert page.locator("input.say").first.evaluate("field => field === document.activeElement")


@pytest.mark.slow
def test_dark_and_light_follow_the_system_and_a_switch(tab):
    """In a browser that asks for dark colours, the start page that `pytest --site DIR`
    writes is dark; after a click on its light/dark switch it is light, and so is the next
    page that is opened.
    """
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = tab("index.html", color_scheme="light")
    dark = tab("index.html", color_scheme="dark")
    seen = [light.evaluate(ground), dark.evaluate(ground)]
    dark.click("button.theme")
    seen.append(dark.evaluate(ground))
    dark.click("text=Evidence")
    dark.wait_for_url("**/evidence.html")
    seen.append(dark.evaluate(ground))

    assert seen[0] != seen[1]
    assert seen[2:] == [seen[0], seen[0]]


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_the_whole_width(tab, path):
    """On the site that `pytest --site DIR` writes of this book, the 22 pages in `PAGES`
    of `spec/suite/test_site.py` do not scroll sideways in 390 pixels, log nothing in
    the browser's console, and load nothing from the network.
    """
    page = tab(path, viewport={"width": 390, "height": 844})
    page.wait_for_load_state()

    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith("file://")] == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(tab, path, scheme):
    """On the 22 pages in `PAGES` of `spec/suite/test_site.py` of the site that `pytest
    --site DIR` writes of this book, the rules of axe for WCAG 2.2 AA find no violation
    in Chromium, in light and in dark.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=no_browser).Axe()
    page = tab(path, color_scheme=scheme)
    page.wait_for_load_state("networkidle")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = axe.run(page, options={"runOnly": {"type": "tag", "values": tags}})

    assert [
        (one["id"], node["html"]) for one in found.response["violations"] for node in one["nodes"]
    ] == []


@pytest.mark.slow
def test_an_old_address_leads_to_where_its_fact_went(tab):
    """On the site that `pytest --site DIR` writes of this book, a browser with JavaScript that
    opens `spec/tensors/comparing.html#tensors_hash_by_identity`, the old address of a test, goes
    on to its new page, `spec/tensors/python_values.html`.
    """
    page = tab("spec/tensors/comparing.html#tensors_hash_by_identity")
    page.wait_for_url("**/python_values.html#*")

    assert page.url.endswith("spec/tensors/python_values.html#equal_tensors_are_different_keys")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["tensors/views", "autograd/hooks", "data/loaders", "nn/layers"])
def test_a_copied_script_is_the_script_of_the_fact(tab, path):
    """On the page on views that `pytest --site DIR` writes of this book, the button
    *Copy* of a test, where it has one, copies the text that `script` of
    `fixtures/standalone.py` gives for the test.
    """
    page = tab(f"spec/{path}.html")
    copied = page.evaluate(
        "[...document.querySelectorAll('button.copy')].map("
        "copy => [copy.closest('article').id, scriptOf(copy)])"
    )
    chapter, concept = path.split("/")
    facts = [fact for fact in read_book(ROOT) if (fact.chapter, fact.concept) == (chapter, concept)]
    scripts = {fact.name.removeprefix("test_"): script(fact) for fact in facts if script(fact)}

    assert len(copied) > 5
    assert dict(copied) == scripts


@pytest.mark.slow
def test_two_releases_are_compared_in_the_page(tab):
    """The page `release/compare.html?from=2.5&to=2.6&only=in_order` of the site that
    `pytest --site DIR` writes of this book says that before PyTorch 2.6
    `DataLoader([1], in_order=False)` raises TypeError.
    """
    page = tab("release/compare.html?from=2.5&to=2.6&only=in_order")
    text = page.inner_text("#compared")

    assert "Before PyTorch 2.6 DataLoader([1], in_order=False) raises TypeError" in text
    assert page.locator(".change .label").first.inner_text() == "before 2.6"


@pytest.mark.slow
def test_without_javascript_the_book_is_read_all_the_same(tab):
    """In a browser without JavaScript, `spec/tensors/views.html` of the site that
    `pytest --site DIR` writes of this book shows its tests, and no button.
    """
    page = tab("spec/tensors/views.html", java_script_enabled=False)

    assert page.locator("article.fact").count() > 10
    assert page.locator("button:visible").count() == 0


def test_this_pytorch_is_named(book):
    """`index.html` of the site that `pytest --site DIR` writes has the text `Run on PyTorch` and
    the installed release, `torch.__version__`.
    """
    book.page("tensors/test_it.py", "def test_it(): pass")

    _, site = made(book)

    assert f"Run on PyTorch {torch.__version__}" in Reader(site / "index.html").text
