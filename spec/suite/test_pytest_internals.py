"""The private names of pytest that this suite leans on.

Pytest promises its public names only. `fixtures/pytest_internals.py` holds the few others that the
suite cannot do without: the story wants no percentages, and `--bite` runs a case again. Here stands
what is relied on, so that a pytest which changes it fails by name rather than somewhere else.
"""

PAGE = """
from fixtures.pytest_internals import begin_again, end_again, tear_down_to

LOG = []

@pytest.fixture(scope="module")
def shared():
    LOG.append("shared up")
    yield
    LOG.append("shared down")

@pytest.fixture
def own(shared):
    LOG.append("own up")
    yield len(LOG)
    LOG.append("own down")

def test_first(own): pass

def test_again(request):
    item = request.session.items[0]
    del LOG[:]
    begin_again(item)
    item.ihook.pytest_runtest_setup(item=item)
    assert item.funcargs["own"] == 1
    end_again(item)
    assert LOG == ["own up", "own down"]
    assert item.funcargs is None
    tear_down_to(request.session, None)
    assert LOG[-1] == "shared down"
"""


def test_a_case_that_has_run_can_be_set_up_again(book):
    """After `begin_again(item)` of `fixtures/pytest_internals.py`,
    `pytest_runtest_setup` of a test that has run sets up its function-scoped fixture
    again; `end_again(item)` tears that down, and leaves a module-scoped one set up.
    """
    book.page("tensors/test_creation.py", PAGE)

    result = book.run("-p", "no:randomly")

    result.assert_outcomes(passed=2)


def test_a_run_can_have_the_keyboard(book):
    """In a `pytest` run from a shell, without `-n`, `sys.stdin` is `sys.__stdin__` inside
    `with keyboard(config):` of `fixtures/pytest_internals.py`, not nested in another; after the
    block `sys.stdin` is the object that it was before.
    """
    (book.path / "spec" / "conftest.py").write_text(
        "import sys\n"
        "from fixtures.pytest_internals import keyboard\n\n"
        "def pytest_cmdline_main(config):\n"
        "    kept = sys.stdin\n"
        "    with keyboard(config):\n"
        "        given = sys.stdin\n"
        "    return 3 if given is sys.__stdin__ and sys.stdin is kept is not given else 4\n"
    )

    assert book.run_as_a_person("spec").ret == 3


def test_a_reporter_shows_no_progress(book):
    """After `show_no_progress(reporter)` of `fixtures/pytest_internals.py` in `pytest_configure`,
    with pytest's plugin `terminalreporter` as `reporter`, `pytest` without options prints a dot
    for a passing test, and no file name and no percentage.
    """
    book.page("tensors/test_creation.py", "def test_it(): pass")
    (book.path / "conftest.py").write_text(
        "import pytest\n"
        "from fixtures.pytest_internals import show_no_progress\n\n"
        "@pytest.hookimpl(trylast=True)\n"
        "def pytest_configure(config):\n"
        "    show_no_progress(config.pluginmanager.get_plugin('terminalreporter'))\n"
    )

    result = book.run()

    assert result.outlines[1:] == ["collected 1 item", ".", result.outlines[-1]]
