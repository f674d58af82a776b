"""Answers to forms become events: what is asked where, what a mapping makes of it, and how a body is read. Pure."""
