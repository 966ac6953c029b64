"""A room of the museum: one property, our function that has it, and the exhibits that lack it."""


class Room:
    """A property from properties.py, our implementation, and the broken ones: (exhibit, where it looks right)."""

    def __init__(self, holds, ours):
        self.holds, self.ours, self.exhibits = holds, ours, []

    def looks_right_on(self, *arguments):
        """Hang an exhibit that agrees with ours on these arguments."""

        def hang(broken):
            self.exhibits.append((broken, arguments))
            return broken

        return hang
