"""Measures the work of a call in lines of code executed, which does not depend on the machine or its load."""

import sys
from pathlib import Path

import dispatch_sim

PACKAGE = str(Path(dispatch_sim.__file__).parent)


def lines_executed(call):
    """Return how many lines of dispatch_sim a call executes."""
    lines = 0

    def count(frame, event, _):
        nonlocal lines
        lines += event == "line"
        return count

    def enter(frame, event, _):
        return count if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines
