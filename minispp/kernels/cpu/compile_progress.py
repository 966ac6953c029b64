"""What is being compiled, for whoever waits: after two seconds a line that names each function, wiped at the end.

How long is left cannot be told, since nobody knows which functions will be called; how many there were can.
"""

from time import perf_counter

from numba.core import event
from tqdm import tqdm

DELAY = 2  # seconds of compiling, in this process, before a word is said


class CompileProgress(event.Listener):
    """Listens to Numba's compiler; one compilation may start others, for the functions that it calls.

    Attributes
    ----------
    functions : int
        Compiled so far, with those that they call.
    seconds : float
        Spent on them.
    """

    def __init__(self):
        self.functions, self.seconds, self._running, self._began, self._line = 0, 0.0, 0, 0.0, None

    def on_start(self, event):
        """A compilation starts, perhaps within another."""
        if not self._running:
            self._began = perf_counter()
        self._running += 1
        spent, function = self.seconds + perf_counter() - self._began, event.data["dispatcher"].py_func
        if spent > DELAY and function.__module__.startswith("minispp."):  # Numba's own have names like "impl"
            if self._line is None:
                self._line = tqdm(bar_format="{desc}", leave=False)
            done = f"{self.functions} function{'s' * (self.functions != 1)} in {spent:.0f} s"
            self._line.set_description_str(f"compiling {function.__name__}; {done} so far, the first time only")

    def on_end(self, event):
        """It ends, and if it was the outermost one, so does the wait."""
        self._running -= 1
        self.functions += 1
        if not self._running:
            self.seconds += perf_counter() - self._began
            if self._line is not None:
                self._line.close()
                self._line = None


def announce():
    """From now on, say what is being compiled."""
    event.register("numba:compile", CompileProgress())
