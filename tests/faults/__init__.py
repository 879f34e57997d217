"""Shows that nothing of a study is lost: `python -m tests.faults`, or `make faults`.

Studies are killed, starved of room on the disk, refused the right to write, and robbed of all that was not
forced to the disk, at every point where they write and at random moments. After each fault the journal is
held against what the study had been told is safe; then the study is resumed, and has to come to the bytes of
one that nothing has happened to.
"""
