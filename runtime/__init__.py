"""What every process stands on: settings, logs, metrics, clocks, health."""
