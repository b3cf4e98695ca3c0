"""The lowest versions that pyproject.toml declares, as constraints for pip."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lowest(requirement: str) -> str:
    """Such as "numpy==2.0" of "numpy>=2.0,<3"."""
    return requirement.split(",")[0].replace(">=", "==")


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["tensorboard"]]
    pinned = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    torch = [line for line in pinned if line.startswith("torch==")]
    others = [lowest(one) for one in required if not one.startswith("torch>")]
    sys.stdout.write("\n".join([*others, *(torch or ["torch"])]) + "\n")


if __name__ == "__main__":
    main()
