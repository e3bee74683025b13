"""What every process has: settings, logs, metrics, spans, clock, signals, child programs, scratch folders."""
