"""The compiled kernels. Nothing outside `backends` and the rooms below it imports from here."""

import os

# A waiting OpenMP thread spins by default, and takes the core from the one it waits for when the machine is busy. The
# runtime reads this once, when the first extension loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
