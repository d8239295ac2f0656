"""The plugins that the facts stand on, each a module of `fixtures/`."""

# The garbage collector's first, before anything is imported; then each after those it imports.
pytest_plugins = [
    "fixtures.garbage",
    "pytester",
    "fixtures.gates",
    "fixtures.devices",
    "fixtures.leaks",
    "fixtures.workers",
    "fixtures.hypothesis_profiles",
    "fixtures.reading_order",
    "fixtures.refusals",
    "fixtures.outcomes",
    "fixtures.observed",
    "fixtures.failures",
    "fixtures.knowledge",
    "fixtures.claims",
    "fixtures.story",
    "fixtures.evidence",
    "fixtures.about",
    "fixtures.atlas",
    "fixtures.since",
    "fixtures.used_in",
    "fixtures.bite",
    "fixtures.options",
    "fixtures.empty_runs",
    "fixtures.small_book",
]
