"""Customers that look like one person though they share no identifier: pairs for somebody to look at, with reasons."""
