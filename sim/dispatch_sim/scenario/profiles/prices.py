"""List prices of models."""

from __future__ import annotations

from datetime import UTC, datetime

PRICES_AS_OF = datetime(2026, 11, 28, 12, tzinfo=UTC)
"""When the prices apply: some models have other prices at night, and a scenario has the same all day."""


def list_prices(model: str, *, an_hour: bool = False) -> tuple[dict[str, str], str] | None:
    """Return a model's prices per million tokens, as a scenario writes them, and its maker; None if unknown.

    A price that depends on the length of the prompt is that of short prompts. A class of input without a
    price is billed as input. Writing to a cache of `an_hour` has its own price if it is known.
    """
    # Imported here: most scenarios state their prices, and reading these takes a while.
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(Usage(input_tokens=1), model_ref=model, genai_request_timestamp=PRICES_AS_OF)
    except LookupError:
        return None
    price = found.model_price
    if price.input_mtok is None or price.output_mtok is None:
        return None
    write = (price.cache_write_1h_mtok if an_hour else None) or price.cache_write_mtok
    prices = {
        "input": price.input_mtok,
        "cache_write": write or price.input_mtok,
        "cache_read": price.cache_read_mtok or price.input_mtok,
        "output": price.output_mtok,
    }
    return {name: f"${getattr(each, 'base', each)}/M" for name, each in prices.items()}, found.provider.id
