-- Who may open somebody else's mailbox. Rows of a deleted user stay for when it is restored: its
-- object id is nobody else's.
CREATE TABLE mailbox_permission (
  tenant {text} NOT NULL REFERENCES tenant (id),
  mailbox {text} NOT NULL,
  trustee {text} NOT NULL,
  document {text} NOT NULL,
  PRIMARY KEY (tenant, mailbox, trustee)
) {strict};

-- A change of the trust must find what it was decided on.
ALTER TABLE auth_server ADD COLUMN version {i64} NOT NULL DEFAULT 1;
ALTER TABLE exchange_partner ADD COLUMN version {i64} NOT NULL DEFAULT 1;
