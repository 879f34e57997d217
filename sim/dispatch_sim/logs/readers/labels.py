"""Labels of agent types and models: the only texts that the tables take from a log.

Any name that is not well known tells of its writer. A type of agent becomes a keyed digest, the same in
every log; a model becomes `other`.
"""

from __future__ import annotations

import hashlib
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

_KEY = b"dispatch-sim: type of agent"

# Every part is a fixed list; dates, aliases and versions of platforms that follow a family are dropped.
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


def kind_label(name: str | None) -> str:
    """Return the label of a type of agent: a built-in type by its name, any other as `kind-` and 8 digits.

    The digits are a digest with a key that is the same in every installation. A label does not show the
    name, but whoever guesses the name can compute the label.
    """
    if not name:
        return UNNAMED
    if name in WELL_KNOWN:
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4, key=_KEY)
    return f"kind-{digest.hexdigest()}"
