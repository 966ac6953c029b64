"""A museum of bugs: small implementations that are wrong in a way in which a public system was wrong.

Every exhibit also names an input on which it looks right, for a bug that is wrong everywhere is no danger: it
lives on the square map, the positive features, the single image that its own tests used. And one room holds
tests that cannot fail. test_exhibits.py shows both sides.
"""
