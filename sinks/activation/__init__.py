"""Activation: other systems are told of segment changes. `sinks/activation/service.py` shows the way of one change."""
