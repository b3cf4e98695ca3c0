"""What comes with the package, so that a first look needs no download."""
