-- Applications: registered by a tenant's own developers, beside the service principals
-- that the tenant lets in.
CREATE TABLE application (
  id {text} PRIMARY KEY,
  tenant {text} NOT NULL REFERENCES tenant (id),
  app_id {text} NOT NULL,
  version {i64} NOT NULL,
  document {text} NOT NULL,
  UNIQUE (tenant, app_id)
) {strict};

-- Identifier URIs of applications, lower case, without trailing slash.
CREATE TABLE application_uri (
  tenant {text} NOT NULL,
  name {text} NOT NULL,
  application {text} NOT NULL REFERENCES application (id),
  PRIMARY KEY (tenant, name)
) {strict};
CREATE INDEX application_uri_application ON application_uri (application);
CREATE INDEX service_principal_name_principal ON service_principal_name (principal);
CREATE INDEX user_key_user ON user_key (user_id);

-- What was deleted and can be restored for a while.
CREATE TABLE deleted_object (
  id {text} PRIMARY KEY,
  tenant {text} NOT NULL REFERENCES tenant (id),
  kind {text} NOT NULL,
  deleted {i64} NOT NULL,
  document {text} NOT NULL
) {strict};
CREATE INDEX deleted_object_tenant ON deleted_object (tenant, kind, id);
CREATE INDEX deleted_object_time ON deleted_object (deleted);

CREATE INDEX directory_user_tenant ON directory_user (tenant, id);
ALTER TABLE directory_user ADD COLUMN version {i64} NOT NULL DEFAULT 1;

-- Permissions were role values; they become assignments on the principal that exposes
-- the role. A value that no service exposes meant nothing and is dropped.
CREATE TABLE known_role (value {text} PRIMARY KEY, app_id {text} NOT NULL, role {text} NOT NULL) {strict};
INSERT INTO known_role (value, app_id, role) VALUES
  ('full_access_as_app', '00000002-0000-0ff1-ce00-000000000000', 'dc890d15-9560-4a4c-9b7f-a736ec74ec40'),
  ('Application.Read.All', '00000003-0000-0000-c000-000000000000', '9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30'),
  ('Application.ReadWrite.All', '00000003-0000-0000-c000-000000000000', '1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9'),
  ('Application.ReadWrite.OwnedBy', '00000003-0000-0000-c000-000000000000', '18a4783c-866b-4cc7-a460-3d5e5662c884'),
  ('Directory.Read.All', '00000003-0000-0000-c000-000000000000', '7ab1d382-f21e-4acd-a863-ba3e13f7da61'),
  ('Organization.Read.All', '00000003-0000-0000-c000-000000000000', '498476ce-e0fe-48b0-b801-37ba7e2685c6'),
  ('Mail.Read', '00000003-0000-0000-c000-000000000000', '810c84a8-4a9e-49e6-bf7d-12d183f40d01'),
  ('Mail.ReadWrite', '00000003-0000-0000-c000-000000000000', 'e2a3a72e-5f79-4c64-b1b1-878b674786c9'),
  ('Mail.Send', '00000003-0000-0000-c000-000000000000', 'b633e1c5-b582-4048-a93e-9f11b44c7e96');
UPDATE service_principal SET document = json_set(json_remove(document, '$.roles'), '$.assignments', json((
  SELECT json_group_array(json_object(
    'id', lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
      || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
    'resource', resource.id,
    'role', known_role.role,
    'created', json_extract(service_principal.document, '$.created')
  ))
  FROM json_each(service_principal.document, '$.roles') AS held
  JOIN known_role ON known_role.value = held.value
  JOIN service_principal AS resource
    ON resource.tenant = service_principal.tenant AND resource.app_id = known_role.app_id
)));
DROP TABLE known_role;
