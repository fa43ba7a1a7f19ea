-- Users' sign-ins on other devices that are under way (RFC 8628), by hashes of their codes and of
-- what the page answers with. What ended a while ago is removed when another begins.
CREATE TABLE device_sign_in (
  device {text} PRIMARY KEY,
  tenant {text} NOT NULL,
  code {text} NOT NULL,
  ticket {text},
  expires {i64} NOT NULL,
  version {i64} NOT NULL,
  document {text} NOT NULL
) {strict};
CREATE UNIQUE INDEX device_sign_in_code ON device_sign_in (tenant, code);
CREATE UNIQUE INDEX device_sign_in_ticket ON device_sign_in (ticket);
CREATE INDEX device_sign_in_expires ON device_sign_in (expires);
