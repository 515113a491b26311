"""The long proofs, run by hand and before a release."""
