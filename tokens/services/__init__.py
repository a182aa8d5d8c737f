"""What changes the ledger. Each function is one statement of ``tokens/sql/``, committed on its own."""
