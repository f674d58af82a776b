"""One HTTP request, read alike for every door; what is wrong with it is answered as one of the `problems`.

`access` says whose it is, `rate` whether that sender may send now; the `body` is read within its limits, and a `batch` cut into
its elements.
"""
