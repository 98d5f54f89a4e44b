"""What forecasts are worth: scores of single forecasts, and backtests over many."""
