"""Vendors: ``base`` is the contract, each sub-package one vendor. Nobody outside imports a vendor directly."""
