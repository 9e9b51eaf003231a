-- When a run took login or name from somebody, if no administrator had agreed: the brake counts what earlier runs took.
ALTER TABLE directory_user ADD COLUMN removed_at BIGINT;
