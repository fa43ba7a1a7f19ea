-- What happened in mailboxes, in order: what clients synchronise and are notified by. `scope` is an
-- item's folder, and for a folder its owner. Of each kind of change of an object the newest is kept:
-- `create`, `update`, `read`, or, once the object left the scope, `delete` alone. Each mailbox has
-- numbers of its own.
CREATE TABLE mailbox_change (
  scope {text} NOT NULL,
  object {text} NOT NULL,
  kind {text} NOT NULL,
  number {i64} NOT NULL,
  time {i64} NOT NULL,
  tenant {text} NOT NULL,
  owner {text} NOT NULL,
  PRIMARY KEY (scope, object, kind)
) {strict};
CREATE UNIQUE INDEX mailbox_change_number ON mailbox_change (owner, number);
CREATE INDEX mailbox_change_scope ON mailbox_change (owner, scope, number);

INSERT INTO mailbox_change (scope, object, kind, number, time, tenant, owner)
SELECT owner, id, 'create', ROW_NUMBER() OVER (PARTITION BY owner ORDER BY created, id), created, tenant, owner FROM folder;
INSERT INTO mailbox_change (scope, object, kind, number, time, tenant, owner)
SELECT folder, id, 'create',
  ROW_NUMBER() OVER (PARTITION BY owner ORDER BY number) + (SELECT COUNT(*) FROM folder WHERE folder.owner = item.owner),
  received, tenant, owner FROM item;

-- Bytes of all items of a mailbox, files included.
CREATE TABLE mailbox_size (
  owner {text} PRIMARY KEY,
  tenant {text} NOT NULL,
  bytes {i64} NOT NULL
) {strict};
INSERT INTO mailbox_size (owner, tenant, bytes) SELECT owner, tenant, SUM(size) FROM item GROUP BY owner, tenant;

-- Who wants to be told of changes. The document says of what.
CREATE TABLE subscription (
  id {text} PRIMARY KEY,
  tenant {text} NOT NULL,
  owner {text} NOT NULL,
  expires {i64} NOT NULL,
  document {text} NOT NULL
) {strict};
CREATE INDEX subscription_owner ON subscription (owner, expires);
