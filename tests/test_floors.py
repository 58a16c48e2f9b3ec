"""A file imports from its own folder or from a lower floor, never up; and only the JIT folder knows Numba."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "fastconv"
FLOORS = {
    "forks": 0,
    "lazy": 0,
    "geometry": 1,
    "reference": 2,
    "jit": 3,
    "kernels": 4,
    "plan": 5,
    "ops": 6,
    "ndimage": 7,
    "signal": 7,
    "plots": 8,
    "cli": 8,
}
PUBLIC_NAMES = 7  # `import fastconv`, which hands out the ops
FILES = sorted(PACKAGE.rglob("*.py"))


def floor(module: str) -> int:
    parts = module.split(".")
    return FLOORS.get(parts[1], PUBLIC_NAMES) if len(parts) > 1 else PUBLIC_NAMES


def imports(path: Path) -> list[tuple[str, int]]:
    """Modules of this package that a file imports, with the line."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "fastconv":
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "fastconv" else [node.module]
            )
            found += [(name, node.lineno) for name in names]
        elif isinstance(node, ast.Import):
            found += [(a.name, node.lineno) for a in node.names if a.name.split(".")[0] == "fastconv"]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_import_goes_up(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    mine = FLOORS.get(relative.parts[0].removesuffix(".py"), 9)
    up = [f"line {line}: {name}" for name, line in imports(path) if floor(name) > mine]
    assert not up


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_numba_stays_in_its_folder(path: Path) -> None:
    folder = path.relative_to(PACKAGE).parts[0]
    modules = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    assert folder in ("jit", "cli") or not modules & {"numba", "llvmlite"}


@pytest.mark.parametrize("floor_name", ["geometry", "reference"])
def test_lower_floors_share_nothing_with_the_kernels(floor_name: str) -> None:
    for path in (PACKAGE / floor_name).glob("*.py"):
        assert all(name.startswith(f"fastconv.{floor_name}") for name, _ in imports(path)), path


def test_importing_fastconv_imports_no_numba_and_no_kernel() -> None:
    code = (
        "import sys, fastconv; dir(fastconv); fastconv.__version__;"
        "heavy = ('numba', 'llvmlite', 'numpy');"
        "print([m for m in sys.modules if m.split('.')[0] in heavy or m.startswith('fastconv.')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("namespace", ["ndimage", "signal"])
def test_importing_namespaces_imports_no_numba_and_no_kernel(namespace: str) -> None:
    code = (
        f"import sys, fastconv; fastconv.{namespace}; import fastconv.{namespace} as found; dir(found);"
        "print([m for m in sys.modules if m.split('.')[0] in ('numba', 'llvmlite', 'numpy', 'scipy')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("namespace", ["ndimage", "signal"])
def test_names_of_namespaces_resolve(namespace: str) -> None:
    module = importlib.import_module(f"fastconv.{namespace}")
    for name in module.__all__:
        value = getattr(module, name)
        assert value.__doc__, name
        assert value.__module__.startswith(f"{module.__name__}."), name
    with pytest.raises(AttributeError, match="no_such_op"):
        module.no_such_op  # noqa: B018


def test_public_names_all_resolve() -> None:
    import fastconv

    for name in fastconv.__all__:
        value = getattr(fastconv, name)
        assert value.__doc__, name
        assert value.__module__.startswith(("fastconv.ops.", "fastconv.jit.threads")), name
    with pytest.raises(AttributeError, match="no_such_op"):
        _ = fastconv.no_such_op
    for name in fastconv.ndimage.__all__:
        value = getattr(fastconv.ndimage, name)
        assert value.__doc__, name
        assert value.__module__.startswith("fastconv.ndimage."), name
    assert set(dir(fastconv.ndimage)) == set(fastconv.ndimage.__all__)
    with pytest.raises(AttributeError, match="median_filter"):
        _ = fastconv.ndimage.median_filter
