"""Rate control: from a goal to the number of Gaussians and their steps."""

from pyggc.rate.budget import Budget
from pyggc.rate.goals import EFFORTS, Effort, Goal, make_goal
from pyggc.rate.layered import Layered, LayeredOutcome, LayeredSearch
from pyggc.rate.search import Outcome, Quantized, Search

__all__ = [
    "EFFORTS",
    "Budget",
    "Effort",
    "Goal",
    "Layered",
    "LayeredOutcome",
    "LayeredSearch",
    "Outcome",
    "Quantized",
    "Search",
    "make_goal",
]
