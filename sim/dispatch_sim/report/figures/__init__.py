"""Figures of reports, one module each; `styles` holds what they share."""
