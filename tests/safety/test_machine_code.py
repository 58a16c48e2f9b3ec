"""The kernels as users run them, between fences: no read and no write outside of any array."""

import pytest

from nightly import nightly
from safety.battery import run_battery
from safety.cases import GROUPS
from safety.kernels import kernel_names


@pytest.mark.parametrize("all_types", [False, *nightly(True)])
@pytest.mark.parametrize("families", GROUPS, ids=", ".join)
def test_kernels_stay_between_the_fences(families: tuple[str, ...], all_types: bool) -> None:
    assert run_battery(families, checked=False, all_types=all_types)


def test_every_kernel_is_run() -> None:
    ran = set().union(*(run_battery(families, checked=False, all_types=False) for families in GROUPS))
    left = kernel_names() - ran
    assert not left, f"no call in tests/safety/cases.py runs {', '.join(sorted(left))}"
