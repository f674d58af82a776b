"""What customers will probably do: how often they will buy, for how much, and whether they are still customers.

Here are the models, functions of numbers; `ops.predictions` is what reads the store and writes to it. See docs/predictions.md.
"""

DAYS = 90
"""How far ahead what is kept looks."""
