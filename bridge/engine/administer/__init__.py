"""What an administrator may do, one job a file; ``engine.admin`` joins them."""
