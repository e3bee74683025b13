"""The parts that every process needs: settings, logs, metrics, spans, clock, signals, child programs, scratch folders."""
