"""What runs by itself: the sweep, what the clock ends, retention; and how the machine is."""
