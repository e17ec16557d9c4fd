"""The shell around the pure core: writes, carries, pulls, settles. ``api`` is the door for everybody outside."""
