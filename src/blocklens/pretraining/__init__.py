"""Pre-training: corpus, packing, training loop, checkpoints, sizes."""
