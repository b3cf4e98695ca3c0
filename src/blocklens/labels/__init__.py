"""P2's core, the same for tokens, text classes and image classes: accuracy, confusion, clusters."""
