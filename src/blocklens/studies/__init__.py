"""Studies: everything that is measured of one encoder on one set of inputs, in one folder."""
