"""Calls of the Segment tracking API become events in our own form. Pure.

A body is unpacked into its calls (`parcel`), each call is translated (`translate`: who it is about by `customer`, what was bought
by `shopping`), and decided about like every other event (`admit_calls`). `values` reads what clients write in a place of a call.
"""
