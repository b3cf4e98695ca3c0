"""P1: what the output vectors of each attention head say, one file a measure."""
