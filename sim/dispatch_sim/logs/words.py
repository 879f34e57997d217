"""The few words that tables may take from a log: types of agents and models that everybody knows.

Any other name is a text of the log, and tells of its writer; it becomes a number.
"""

from __future__ import annotations

import re

UNNAMED = "unnamed"
"""The kind of an agent that the log gives no type."""

WELL_KNOWN = frozenset(
    {
        # Claude Code
        "general-purpose",
        "Explore",
        "Plan",
        "claude-code-guide",
        "output-style-setup",
        "statusline-setup",
        # Codex
        "default",
        "explorer",
        "worker",
    }
)
"""Types of agents that come with a harness."""

# No part of these is free; what follows a family is a date, an alias or a platform's version, and falls off.
_FAMILIES = re.compile(
    r"(?:[a-z]{2,6}\.)?(?:anthropic[./]|openai/|google/)?("
    r"claude-(?:fable|mythos|opus|sonnet|haiku)-\d{1,2}(?:[-.]\d{1,2})?"
    r"|claude-[1-3](?:[-.]\d)?(?:-(?:opus|sonnet|haiku))?"
    r"|gpt-[345]o?(?:\.\d{1,2})?(?:-codex)?(?:-(?:mini|nano|pro|turbo|max|spark))?"
    r"|fable|opus|sonnet|haiku"  # as a call may ask for them
    r"|o[134](?:-(?:mini|pro))?|codex-mini"
    r"|gemini-[1-3](?:\.\d)?-(?:pro|flash|flash-lite|ultra)"
    r")(?:[-@]\d{8}|-\d{4}-\d{2}-\d{2}|-latest|-preview)?(?:-v\d:\d)?(?:\[1m\])?"
)


def model_family(name: str | None) -> str:
    """Return the family of a model: `claude-opus-4-6`, say, or `other`; `unknown` without a name."""
    if name is None:
        return "unknown"
    known = _FAMILIES.fullmatch(name.lower()) if len(name) <= 80 else None
    return known.group(1) if known else "other"


class Kinds:
    """Types of agents by label; names that are not well known are numbered as they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}

    def label(self, name: str | None) -> str:
        """Return the label of a type of agent."""
        if not name:
            return UNNAMED
        if name in WELL_KNOWN:
            return name
        return self._numbers.setdefault(name, f"kind-{len(self._numbers) + 1}")
