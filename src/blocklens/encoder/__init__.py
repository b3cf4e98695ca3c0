"""Any Hugging Face encoder as blocks and heads: loading, the attention tap, fast products."""
