"""Numbers in sentences."""


def counted(count: int, noun: str, nouns: str = "") -> str:
    """A count with its noun, which agrees with it: "1 text", "1,200 texts", "2 classes"."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"
