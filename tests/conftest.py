"""The order of the tests: files that take minutes go first, so that no worker ends alone with one of them."""

import pytest

#: Slowest first, by the ends of their paths.
LONGEST = (
    "safety/test_machine_code.py",
    "cli/test_warmup.py",
    "jit/test_cache_processes.py",
    "jit/test_interleavings.py",
    "jit/test_processes.py",
    "ops/test_conv.py",
    "ops/test_pool.py",
    "ops/test_winograd.py",
    "ops/test_depthwise.py",
    "ops/test_channels_last.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((i for i, end in enumerate(LONGEST) if path.endswith(end)), len(LONGEST))

    items.sort(key=place)
