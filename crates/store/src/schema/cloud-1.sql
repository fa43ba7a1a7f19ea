-- Tenants and what is in them. Documents are JSON; the columns beside them are what is looked up.
CREATE TABLE tenant (
  id {text} PRIMARY KEY,
  document {text} NOT NULL
) {strict};

-- Names under which a tenant may stand in a URL or a realm, lower case.
CREATE TABLE realm (
  name {text} PRIMARY KEY,
  tenant {text} NOT NULL REFERENCES tenant (id)
) {strict};

CREATE TABLE directory_user (
  id {text} PRIMARY KEY,
  tenant {text} NOT NULL REFERENCES tenant (id),
  document {text} NOT NULL
) {strict};

-- Every key under which a user is found: kind is upn, smtp, sip, sid or puid.
CREATE TABLE user_key (
  tenant {text} NOT NULL,
  kind {text} NOT NULL,
  value {text} NOT NULL,
  user_id {text} NOT NULL REFERENCES directory_user (id),
  PRIMARY KEY (tenant, kind, value, user_id)
) {strict};
CREATE INDEX user_key_value ON user_key (kind, value);

CREATE TABLE service_principal (
  id {text} PRIMARY KEY,
  tenant {text} NOT NULL REFERENCES tenant (id),
  app_id {text} NOT NULL,
  version {i64} NOT NULL,
  document {text} NOT NULL,
  UNIQUE (tenant, app_id)
) {strict};

-- Names of service principals, lower case, without trailing slash.
CREATE TABLE service_principal_name (
  tenant {text} NOT NULL,
  name {text} NOT NULL,
  principal {text} NOT NULL REFERENCES service_principal (id),
  PRIMARY KEY (tenant, name)
) {strict};

CREATE TABLE audit (
  number {sequence},
  time {i64} NOT NULL,
  tenant {text} NOT NULL,
  kind {text} NOT NULL,
  document {text} NOT NULL
) {strict};

-- The token service's signing keys: public halves; private ones are files.
CREATE TABLE signing_key (
  thumbprint {text} PRIMARY KEY,
  state {text} NOT NULL,
  since {i64} NOT NULL,
  certificate {bytes} NOT NULL
) {strict};

-- What the Exchange-like server trusts, tenant by tenant. Names are lower case.
CREATE TABLE auth_server (
  tenant {text} NOT NULL REFERENCES tenant (id),
  name {text} NOT NULL,
  document {text} NOT NULL,
  PRIMARY KEY (tenant, name)
) {strict};

CREATE TABLE exchange_partner (
  tenant {text} NOT NULL REFERENCES tenant (id),
  name {text} NOT NULL,
  document {text} NOT NULL,
  PRIMARY KEY (tenant, name)
) {strict};

-- Mailboxes. `owner` is the user's object id.
CREATE TABLE folder (
  id {text} PRIMARY KEY,
  tenant {text} NOT NULL,
  owner {text} NOT NULL,
  parent {text},
  distinguished {text},
  name {text} NOT NULL,
  class {text},
  version {i64} NOT NULL,
  created {i64} NOT NULL
) {strict};
CREATE UNIQUE INDEX folder_distinguished ON folder (owner, distinguished) WHERE distinguished IS NOT NULL;
CREATE UNIQUE INDEX folder_name ON folder (owner, parent, name);

CREATE TABLE item (
  id {text} PRIMARY KEY,
  number {i64} NOT NULL,
  tenant {text} NOT NULL,
  owner {text} NOT NULL,
  folder {text} NOT NULL REFERENCES folder (id),
  received {i64} NOT NULL,
  version {i64} NOT NULL,
  is_read {i64} NOT NULL,
  size {i64} NOT NULL,
  document {text} NOT NULL
) {strict};
CREATE UNIQUE INDEX item_number ON item (number);
CREATE INDEX item_folder ON item (folder, received);

-- String properties of items by name, so that a delivery key is found without reading the folder.
CREATE TABLE item_property (
  item {text} NOT NULL REFERENCES item (id),
  owner {text} NOT NULL,
  property {text} NOT NULL,
  value {text} NOT NULL,
  PRIMARY KEY (item, property)
) {strict};
CREATE INDEX item_property_value ON item_property (owner, property, value);

CREATE TABLE attachment (
  id {text} PRIMARY KEY,
  item {text} NOT NULL REFERENCES item (id),
  number {i64} NOT NULL,
  name {text} NOT NULL,
  content_type {text} NOT NULL,
  content {bytes} NOT NULL
) {strict};
CREATE INDEX attachment_item ON attachment (item, number);
