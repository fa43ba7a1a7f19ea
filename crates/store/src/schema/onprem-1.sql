-- Settings as documents: OAuth servers, partner applications, the OAuth configuration,
-- certificates, the directory connection, a renewal under way. Names are lower case.
CREATE TABLE setting (
  kind {text} NOT NULL,
  name {text} NOT NULL,
  version {i64} NOT NULL,
  document {text} NOT NULL,
  PRIMARY KEY (kind, name)
) {strict};

-- Items on their way into mailboxes.
CREATE TABLE queue_item (
  number {sequence},
  id {text} NOT NULL UNIQUE,
  owner {text} NOT NULL,
  component {text} NOT NULL,
  state {text} NOT NULL,
  created {i64} NOT NULL,
  due {i64} NOT NULL,
  attempts {i64} NOT NULL,
  uncertain {i64} NOT NULL,
  reason {text},
  delivered_as {text},
  document {text} NOT NULL
) {strict};
CREATE INDEX queue_item_due ON queue_item (state, due);
CREATE INDEX queue_item_owner ON queue_item (owner, state, number);

-- Who delivers for an owner, and until when the others keep away.
CREATE TABLE queue_lease (
  owner {text} PRIMARY KEY,
  holder {text} NOT NULL,
  until {i64} NOT NULL
) {strict};

CREATE TABLE event (
  number {sequence},
  time {i64} NOT NULL,
  id {i64} NOT NULL,
  source {text} NOT NULL,
  document {text} NOT NULL
) {strict};
CREATE INDEX event_id ON event (id, number);
