"""The exercises of the notebooks, a module for each: graders that say what is wrong with an answer, and why.

An answer is a function or a layer that the reader wrote. ``grade(answer)`` of its exercise tries it on many inputs, on
this machine alone, and returns a `Verdict`: right, not written yet, or wrong with a hint that names the cause. A grader
never shows a solution.

Examples
--------
>>> from minispp.exercises import pyramid
>>> def edges(size, bins):
...     return [(k * size // bins, (k + 1) * size // bins) for k in range(bins)]
>>> pyramid.bin_edges.grade(edges)
bin_edges: not right yet.
bin_edges(10, 3): bin 0 is (0, 3), and should end at 4. The end is rounded up, not down: \
a cell that is cut by the end of a bin belongs to it.
"""
