-- Origins of pages, separated by commas, which may hold the login of Web SDK v2 in a frame.
ALTER TABLE integration ADD COLUMN frame_origins TEXT NOT NULL DEFAULT '';
