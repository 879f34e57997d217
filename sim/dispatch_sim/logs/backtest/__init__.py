"""Comparisons of the model with logged groups: replay, forecast, scores and what-if."""
