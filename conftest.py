"""The plugins that the facts stand on, each a module of `fixtures/`."""

# Each after those that it imports.
pytest_plugins = [
    "pytester",
    "fixtures.gates",
    "fixtures.devices",
    "fixtures.state",
    "fixtures.strategies",
    "fixtures.reading_order",
    "fixtures.reports",
    "fixtures.claims",
    "fixtures.story",
    "fixtures.about",
    "fixtures.drift",
    "fixtures.bite",
    "fixtures.pages",
]
