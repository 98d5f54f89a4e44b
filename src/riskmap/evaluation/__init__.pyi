# The public names of rm.evaluation; they are loaded when first used.

from .backtests import Backtest as Backtest
from .replays import Replay as Replay
