"""Colours of figures."""

PAPER, INK, FAINT, GRID, BAND = "#fefefe", "#1c2024", "#5c636a", "#dcdfe3", "#f3e3b3"
GREEN, VERMILION, BLUE, SKY = "#007a58", "#c44f00", "#0069a8", "#4896c8"
PURPLE, AMBER, GREY = "#a8497f", "#b27a00", "#8a9199"
"""The palette of Okabe and Ito for colour-blind readers, darkened to a contrast of 3 on white."""
