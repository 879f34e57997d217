"""Bytes that nobody meant to be read, for everything that reads a file.

`targets` says what is read how. `test_corpus` reads the kept inputs again and mutates real ones, in `make
test`; `run` looks for new ones, in `make fuzz`, each target in a child process of bounded memory.
"""
