"""PURE. The words of RFC 5545 and RFC 4791: frozen values, no text, JSON, HTTP or SQL."""
