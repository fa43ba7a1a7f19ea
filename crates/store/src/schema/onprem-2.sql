-- The digest tells the same item from another of the same key once the item itself is
-- gone; an upload holds the item's files; settled says when it was delivered, set aside
-- or flushed.
ALTER TABLE queue_item ADD COLUMN digest {text};
ALTER TABLE queue_item ADD COLUMN upload {text};
ALTER TABLE queue_item ADD COLUMN tried {i64};
ALTER TABLE queue_item ADD COLUMN settled {i64};
UPDATE queue_item SET settled = created WHERE state <> 'queued';
DROP INDEX queue_item_due;
DROP INDEX queue_item_owner;
CREATE INDEX queue_item_place ON queue_item (state, owner, number);
CREATE INDEX queue_item_settled ON queue_item (settled) WHERE settled IS NOT NULL;
CREATE INDEX queue_item_upload ON queue_item (upload) WHERE upload IS NOT NULL;

-- Owners with waiting items: when the first of them is due, who delivers, and until when
-- the others keep away. However long the queue, finding work reads a few rows of this.
CREATE TABLE queue_owner (
  owner {text} PRIMARY KEY,
  due {i64} NOT NULL,
  holder {text},
  until {i64}
) {strict};
CREATE INDEX queue_owner_due ON queue_owner (due);
INSERT INTO queue_owner (owner, due)
  SELECT i.owner, i.due FROM queue_item i
  JOIN (SELECT MIN(number) AS head FROM queue_item WHERE state = 'queued' GROUP BY owner) h ON h.head = i.number;
DROP TABLE queue_lease;

-- Files on their way, in parts, so that none is ever whole in memory.
CREATE TABLE queue_upload (
  upload {text} PRIMARY KEY,
  created {i64} NOT NULL
) {strict};
CREATE TABLE queue_part (
  upload {text} NOT NULL,
  file {i64} NOT NULL,
  part {i64} NOT NULL,
  content {bytes} NOT NULL,
  PRIMARY KEY (upload, file, part)
) {strict};
