"""The bridge and stock Radicale, side by side in one run: `make bench`."""
