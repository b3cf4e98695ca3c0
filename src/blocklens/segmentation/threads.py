"""NumPy's matrix products of one text's sentences, on one thread.

They are small, and NumPy's library of linear algebra has threads of its own beside PyTorch's: right
after the encoder both wait for the same cores, which takes longer than the products do.
"""

from __future__ import annotations

from threadpoolctl import ThreadpoolController

one_thread = ThreadpoolController().wrap(limits=1, user_api="blas")
"""Decorator of functions that NumPy should compute on one thread."""
