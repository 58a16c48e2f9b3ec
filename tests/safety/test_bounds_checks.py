"""The kernels compiled with bounds checks, which see their scratch too: no index outside of any array.

Nightly, as every kernel is compiled anew: five minutes on two cores.
"""

import pytest

from safety.battery import run_battery
from safety.cases import GROUPS
from safety.kernels import kernel_names

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize("families", GROUPS, ids=", ".join)
def test_kernels_pass_their_bounds_checks(families: tuple[str, ...]) -> None:
    assert run_battery(families, checked=True, all_types=True)


def test_every_kernel_is_run() -> None:
    ran = set().union(*(run_battery(families, checked=True, all_types=True) for families in GROUPS))
    left = kernel_names() - ran
    assert not left, f"no call in tests/safety/cases.py runs {', '.join(sorted(left))}"
