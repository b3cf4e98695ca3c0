"""Pre-training, and what an encoder has learned: accuracy per label, confusions, read-outs."""
