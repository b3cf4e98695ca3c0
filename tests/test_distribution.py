"""The wheel and the sdist work outside the repository, in an environment that has only them."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
FILES = {
    path.relative_to(ROOT / "src").as_posix()
    for path in (ROOT / "src").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}


def run(*command: object, **options) -> str:
    """What a command prints, with nothing of this process's Python around it."""
    outside = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False,
        env=outside | {"HF_HUB_OFFLINE": "1"}, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


def packed(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as files:
        return {name for name in files.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_the_package_and_nothing_else(built: Path):
    assert packed(next(built.glob("*.whl"))) == FILES


def test_the_sdist_builds_the_same_wheel(built: Path, tmp_path: Path):
    with tarfile.open(next(built.glob("*.tar.gz"))) as files:
        files.extractall(tmp_path, filter="data")
    source = next(tmp_path.iterdir())
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=source)
    assert packed(next(tmp_path.glob("*.whl"))) == FILES
    assert (source / "LICENSE").is_file()


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment: the wheel, and below it the libraries of this one."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    wheel = next(built.glob("*.whl"))
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
    run(*pip, wheel)
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    below = next((folder / "lib").glob("python*/site-packages")) / "below.pth"
    # As site directories, so that links to further libraries count; this package's are passed by.
    lines = [f"import site; site.addsitedir({path!r})" for path in sorted(here)]
    below.write_text("\n".join(lines) + "\n", "utf-8")
    return folder / "bin"


def test_the_command_runs_outside_the_repository(installed: Path, tmp_path: Path):
    where = run(installed / "python", "-c", "import blocklens; print(blocklens.__file__)",
                cwd=tmp_path)  # fmt: skip
    assert Path(where.strip()).is_relative_to(installed.parent)
    said = run(installed / "blocklens", "--version", cwd=tmp_path).split()
    assert said[0] == "blocklens"
    texts = tmp_path / "texts.txt"
    texts.write_text("The river rose. It took the bridge.\n\nA cow ate grass. It slept.\n", "utf-8")
    run(
        installed / "blocklens", "study", texts, "--parts", "heads", "--untrained", "0",
        "--examples", "1", "--out", "study", cwd=tmp_path,
    )  # fmt: skip
    assert "Heads" in (tmp_path / "study" / "report.html").read_text("utf-8")
