"""PURE. Text to model and back (RFC 5545): parse, write, overlay, recur, zones, fingerprint, feed."""
