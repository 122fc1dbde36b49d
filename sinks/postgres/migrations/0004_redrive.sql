-- What was sent again of the dead letters. Added beside what is there: an older sink goes on writing.

ALTER TABLE dead_letters
    ADD COLUMN redriven_at timestamptz,              -- last time; null: never
    ADD COLUMN redriven_to text,                     -- topic/partition/offset/timestamp, or postgres
    ADD COLUMN redriven_by text,                     -- who gave the order
    ADD COLUMN redrives    integer NOT NULL DEFAULT 0;
