"""Time series: read, cut into windows, compared with naive forecasts."""
