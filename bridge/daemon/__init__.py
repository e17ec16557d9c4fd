"""The process: compose the parts, tick, serve."""
