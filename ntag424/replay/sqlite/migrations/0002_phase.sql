-- A ledger that is moved is leaving, then sealed; the one it goes to is being filled. None of
-- them redeems anything.
ALTER TABLE store ADD COLUMN phase TEXT NOT NULL DEFAULT 'serving'
    CHECK (phase IN ('filling', 'serving', 'leaving', 'sealed'));
