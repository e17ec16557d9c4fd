"""PURE. The parts of the series compiler; :func:`bridge.plan.compile.compile_object` is the way in."""
