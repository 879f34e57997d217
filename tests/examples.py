"""The console examples of the documentation: commands, and what they print.

``python -m tests.examples`` writes the outputs into the pages again; `make examples` calls it.
"""

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

from tests.command import dispatch_sim

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "docs" / "recipes.md", ROOT / "docs" / "tutorial.md"]
BLOCK = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)
SHORTENED = "...\n"
"""The last line of an example that shows no more than two sentences of each output."""


def with_outputs(page):
    """Return a page with its commands run anew."""
    return BLOCK.sub(lambda block: _example(block[0]), page)


def commands(block):
    """Yield the commands of an example, each with its output and whether that is shortened."""
    head, *parts = re.split(r"^\$ (.*)\n", block.removesuffix(SHORTENED), flags=re.MULTILINE)
    assert not head, block
    assert parts, block
    for command, shown in zip(parts[::2], parts[1::2], strict=True):
        yield command, shown, block.endswith(SHORTENED)


def _example(block):
    found = [f"$ {command}\n{output(command, short)}" for command, _, short in commands(block)]
    return "".join(found) + SHORTENED * block.endswith(SHORTENED)


def output(command, short):
    """Return what a command prints; its first two sentences where that is shortened."""
    printed = _output(command)
    return _two_sentences(printed) if short else printed


def _two_sentences(output):
    paragraph = output.partition("\n\n")[0].rstrip() + "\n"
    return re.match(r"(.*?\.\s){1,2}", paragraph, flags=re.DOTALL)[0].rstrip() + "\n"


@cache
def _output(command):
    program, *arguments = shlex.split(command)
    if program == "cat":
        return "".join((ROOT / name).read_text(encoding="utf-8") for name in arguments)
    assert program == "dispatch-sim", command
    finished: subprocess.CompletedProcess = dispatch_sim(*arguments, cwd=ROOT)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(with_outputs(path.read_text(encoding="utf-8")), encoding="utf-8")
