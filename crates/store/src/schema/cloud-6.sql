-- Files that are too large to be written at once: their bytes come in parts, before the item does.
-- Attachments may share one; an upload that none of them names is swept.
CREATE TABLE upload (
  id {text} PRIMARY KEY,
  created {i64} NOT NULL,
  size {i64} NOT NULL
) {strict};
CREATE INDEX upload_created ON upload (created);

CREATE TABLE upload_part (
  upload {text} NOT NULL REFERENCES upload (id),
  part {i64} NOT NULL,
  content {bytes} NOT NULL,
  PRIMARY KEY (upload, part)
) {strict};

-- Where the bytes are, if they are not in `content`.
ALTER TABLE attachment ADD COLUMN upload {text} REFERENCES upload (id);
CREATE INDEX attachment_upload ON attachment (upload) WHERE upload IS NOT NULL;

-- A folder is read in order, from any item on and between any two times, without passing over others.
CREATE INDEX item_folder_order ON item (folder, received, number);
DROP INDEX item_folder;
-- So are its items counted without reading them.
CREATE INDEX item_folder_read ON item (folder, owner, is_read);

-- Subjects are searched by as properties are, if they are short.
INSERT INTO item_property (item, owner, property, value)
SELECT id, owner, 'item:Subject', json_extract(document, '$.subject') FROM item
WHERE LENGTH(CAST(json_extract(document, '$.subject') AS {bytes})) <= 512;
