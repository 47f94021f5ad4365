"""Which tags the service expects: enrolment, the signed list, and their names in the ledger."""
