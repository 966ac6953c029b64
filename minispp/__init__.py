"""minispp."""
