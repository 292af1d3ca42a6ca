"""Split what Coqui's extra resolves to: on top of the bot's lock, torch apart. For scripts/lock.

python scripts/split_lock.py requirements.lock RESOLVED
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

CUDA = re.compile(r"(torch|triton|cuda-[a-z-]+|nvidia-[a-z0-9-]+)==")
# The wheels that torch's vendor publishes for the processor alone: CPython 3.11 and 3.12, x86_64.
# A new version in pyproject.toml needs new lines here, from the vendor's index (whl/cpu/torch).
TORCH_CPU = """\
torch==2.13.0+cpu \\
    --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b \\
    --hash=sha256:4ca4a9394b0c771238a4f73590fdbbc4debad85ed0fa63d026ae1b085da7d6e2
"""


def entries(path: Path) -> Iterator[str]:
    """Requirements with their hashes, each with its line ends."""
    yield from re.findall(r"(?:.*\\\n)*.+\n", path.read_text("utf-8"))


def name(entry: str) -> str:
    return entry.partition("==")[0]


def main(base: Path, resolved: Path) -> None:
    """Write the three locks. Exits when the processor's torch is another version than CUDA's."""
    installed = {name(each) for each in entries(base)}
    extra = [each for each in entries(resolved) if name(each) not in installed]
    cuda = [each for each in extra if CUDA.match(each)]
    (torch,) = [each.split()[0] for each in cuda if name(each) == "torch"]
    if f"{torch}+cpu" != TORCH_CPU.split(maxsplit=1)[0]:
        sys.exit(f"scripts/split_lock.py: {torch} was resolved; mend TORCH_CPU.")
    rest = [each for each in extra if each not in cuda]
    Path("requirements-coqui.lock").write_text("".join(rest), "utf-8")
    Path("requirements-torch-cuda.lock").write_text("".join(cuda), "utf-8")
    Path("requirements-torch-cpu.lock").write_text(TORCH_CPU, "utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
