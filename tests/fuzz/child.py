"""A process of bounded memory, in which inputs are replayed or one target is fuzzed."""

import resource
import sys
from pathlib import Path

MOST_BYTES = 4 * 2**30
"""Of address space; loading takes one and a half of them."""


def limit_memory() -> None:
    """Let what asks for more memory than that fail."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def replay(files: list[Path]) -> None:
    """Read files by the targets that their folders are called after.

    Of each it is said that it begins: where the process ends, the last was the reason.
    """
    from tests.fuzz.targets import TARGETS

    for file in files:
        print(f"{file.parent.name}/{file.name}", flush=True)
        TARGETS[file.parent.name].outcome(file.read_bytes())


def fuzz(name: str, options: list[str]) -> None:
    """Look for bytes that are neither read nor refused; the options are libFuzzer's. Does not return."""
    import atheris

    with atheris.instrument_imports(include=["dispatch_sim"]):
        from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    target.seeds()
    atheris.Setup([sys.argv[0], *options], lambda data: target.outcome(data) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    limit_memory()
    how, *rest = sys.argv[1:]
    if how == "replay":
        replay(list(map(Path, rest)))
    else:
        fuzz(rest[0], rest[1:])
