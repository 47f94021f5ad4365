-- A ledger that is moved elsewhere is sealed, and the one it goes to is being filled. Neither
-- redeems anything.
ALTER TABLE store ADD COLUMN phase TEXT NOT NULL DEFAULT 'serving'
    CHECK (phase IN ('filling', 'serving', 'sealed'));
