// @ts-check
// A whole day of the port of the EWS Managed API at a mailbox, with each kind of token; and items in
// items, and folders that are copied. Needs ews-javascript-api, and @ewsjs/xhr, which sends for it.

import assert from "node:assert/strict";
import { createSign, randomUUID } from "node:crypto";
import { suite, test } from "node:test";

import { XhrApi } from "@ewsjs/xhr";
import ews from "ews-javascript-api";

import { lab as known, own, thumbprint } from "./lab.mjs";

const {
  AutodiscoverService,
  BodyType,
  ConflictResolutionMode,
  ConnectingIdType,
  DefaultExtendedPropertySet,
  DeleteMode,
  EmailMessage,
  EwsLogging,
  ExchangeService,
  ExchangeVersion,
  ExtendedPropertyDefinition,
  Folder,
  FolderTraversal,
  FolderView,
  ImpersonatedUserId,
  ItemId,
  ItemSchema,
  ItemView,
  MapiPropertyType,
  MessageBody,
  OAuthCredentials,
  PropertySet,
  SearchFilter,
  ServiceError,
  SortDirection,
  SyncFolderItemsScope,
  Uri,
  UserSettingName,
  WellKnownFolderName,
} = /** @type {any} */ (ews);

EwsLogging.DebugLogEnabled = false;

/** @type {Record<string, string>} */
const lab = /** @type {any} */ (known);

const EXCHANGE = "00000002-0000-0ff1-ce00-000000000000";
const KEY = new ExtendedPropertyDefinition(
  DefaultExtendedPropertySet.PublicStrings,
  "InteropDayKey",
  MapiPropertyType.String,
);

// === tokens ===

const segment = (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param {object} claims */
function signed(claims) {
  const x5t = Buffer.from(thumbprint(own, "fingerprint"), "hex").toString("base64url");
  const text = `${segment({ typ: "JWT", alg: "RS256", x5t })}.${segment(claims)}`;
  return `${text}.${createSign("RSA-SHA256").update(text).sign(own.key, "base64url")}`;
}

const now = () => Math.floor(Date.now() / 1000);
const times = () => ({ nbf: now(), exp: now() + 300 });

/**
 * @param {string} url
 * @param {Record<string, string>} form
 */
async function issued(url, form) {
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(form) });
  const body = /** @type {any} */ (await answer.json());
  assert.equal(answer.status, 200, JSON.stringify(body));
  return body.access_token;
}

/** The application's own token. */
const clientCredentials = () =>
  issued(lab.TOKEN_URL ?? "", {
    grant_type: "client_credentials",
    client_id: lab.CLIENT_ID ?? "",
    client_secret: lab.CLIENT_SECRET ?? "",
    scope: lab.SCOPE ?? "",
  });

/** The protocol's own token of a user: an envelope around the actor's. */
async function actAs() {
  const metadata = /** @type {any} */ (await (await fetch(lab.METADATA_URL ?? "")).json());
  const endpoint = metadata.endpoints.find(
    (/** @type {any} */ one) => one.protocol === "OAuth2" && one.usage === "issuance",
  );
  const audience = metadata.allowedAudiences.find((/** @type {string} */ name) => name.endsWith(`@${lab.TENANT}`));
  const self = `${lab.CLIENT_ID}@${lab.TENANT}`;
  const aud = `${EXCHANGE}/${lab.EXCHANGE_AUDIENCE_HOST}@${lab.TENANT}`;
  const actortoken = await issued(endpoint.location, {
    grant_type: "http://oauth.net/grant_type/jwt/1.0/bearer",
    assertion: signed({ aud: audience, iss: self, nameid: self, ...times() }),
    resource: aud,
  });
  const user = lab.MAILBOX;
  const named = { nameid: user, nii: "urn:office:idp:activedirectory", upn: user, smtp: user, sip: user };
  return `${segment({ typ: "JWT", alg: "none" })}.${segment({ aud, iss: self, ...times(), ...named, actortoken })}.`;
}

/** A token of a user that the token service signed (RFC 8693). */
function exchanged() {
  const assertion = (/** @type {string | undefined} */ sub) =>
    signed({ iss: lab.CLIENT_ID, sub, aud: lab.TOKEN_URL, jti: randomUUID(), ...times() });
  return issued(lab.TOKEN_URL ?? "", {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    client_id: lab.CLIENT_ID ?? "",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion(lab.CLIENT_ID),
    subject_token: assertion(lab.MAILBOX),
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    resource: lab.RESOURCE ?? "",
  });
}

// === the port ===

/**
 * @param {string} token
 * @param {string | undefined} url
 * @param {boolean} impersonates
 */
function service(token, url = lab.EWS_URL, impersonates = true) {
  const made = new ExchangeService(ExchangeVersion.Exchange2016);
  made.Url = new Uri(url);
  made.Credentials = new OAuthCredentials(token);
  if (impersonates) {
    made.ImpersonatedUserId = new ImpersonatedUserId(ConnectingIdType.SmtpAddress, lab.MAILBOX);
    made.HttpHeaders.Add("X-AnchorMailbox", lab.MAILBOX);
  }
  made.XHRApi = new XhrApi();
  return made;
}

/**
 * @param {any} on
 * @param {any} parent
 * @param {string} name
 */
async function folder(on, parent, name) {
  const made = new Folder(on);
  made.DisplayName = name;
  await made.Save(parent);
  return made;
}

const subjects = (/** @type {any} */ found) => found.Items.map((/** @type {any} */ item) => item.Subject).sort();

/** @param {Promise<unknown>} work */
async function code(work) {
  const outcome = await work.then(
    () => undefined,
    (error) => error,
  );
  assert.ok(outcome, "it was not refused");
  const known = outcome.SoapFaultDetails?.ResponseCode ?? outcome.ResponseCode ?? outcome.ErrorCode;
  return typeof known === "number" ? ServiceError[known] : known;
}

/**
 * @param {string} token
 * @param {boolean} impersonates
 */
async function day(token, impersonates) {
  // Discovery by address.
  const discovery = new AutodiscoverService(new Uri(lab.AUTODISCOVER_URL), ExchangeVersion.Exchange2016);
  discovery.Credentials = new OAuthCredentials(token);
  discovery.XHRApi = new XhrApi();
  const told = await discovery.GetUserSettings(lab.MAILBOX, [UserSettingName.ExternalEwsUrl]);
  const on = service(token, told.Settings.get(UserSettingName.ExternalEwsUrl), impersonates);

  // Folders.
  const where = await folder(on, WellKnownFolderName.Inbox, `Day ${randomUUID()}`);
  const other = await folder(on, where.Id, "Other");
  const view = new FolderView(10);
  view.Traversal = FolderTraversal.Deep;
  assert.equal((await on.FindFolders(where.Id, view)).Folders.length, 1);

  // Created with a file.
  const key = randomUUID();
  const content = Buffer.from(Array.from({ length: 9000 }, (_, at) => (at * 7) % 256)).toString("base64");
  for (let number = 0; number < 7; number += 1) {
    const message = new EmailMessage(on);
    message.Subject = `Note ${number} of ${number % 2 ? "tea" : "cake"}`;
    message.Body = new MessageBody(BodyType.Text, `body ${number}`);
    message.ToRecipients.Add(lab.MAILBOX);
    message.SetExtendedProperty(KEY, `${key}-${number}`);
    if (number === 3) {
      message.Attachments.AddFileAttachment("a.bin", content);
    }
    await message.Save(where.Id);
  }

  // Found by several filters, and in pages.
  const find = (/** @type {any} */ filter) => on.FindItems(where.Id, filter, new ItemView(50));
  const tea = new SearchFilter.ContainsSubstring(ItemSchema.Subject, "tea");
  assert.deepEqual(subjects(await find(tea)), ["Note 1 of tea", "Note 3 of tea", "Note 5 of tea"]);
  assert.deepEqual(subjects(await find(new SearchFilter.IsEqualTo(KEY, `${key}-3`))), ["Note 3 of tea"]);
  const withFiles = new SearchFilter.IsEqualTo(ItemSchema.HasAttachments, true);
  const both = new SearchFilter.SearchFilterCollection(ews.LogicalOperator.And, [tea, withFiles]);
  assert.deepEqual(subjects(await find(both)), ["Note 3 of tea"]);
  const paged = [];
  for (let offset = 0, more = true; more; offset += 3) {
    const page = new ItemView(3, offset);
    page.OrderBy.Add(ItemSchema.Subject, SortDirection.Descending);
    const found = await on.FindItems(where.Id, page);
    paged.push(...found.Items.map((/** @type {any} */ item) => item.Subject));
    more = found.MoreAvailable;
  }
  assert.deepEqual(paged, [...paged].sort().reverse());
  assert.equal(paged.length, 7);

  // Read.
  const [hit] = (await find(new SearchFilter.IsEqualTo(KEY, `${key}-3`))).Items;
  const read = await EmailMessage.Bind(on, new ItemId(hit.Id.UniqueId));
  assert.equal(read.Body.Text, "body 3");
  const [file] = read.Attachments.Items;
  await file.Load();
  assert.equal(file.Base64Content, content);

  // Synchronised: what there is, then what changes.
  const sync = (/** @type {any} */ state) =>
    on.SyncFolderItems(where.Id, PropertySet.FirstClassProperties, [], 50, SyncFolderItemsScope.NormalItems, state);
  const first = await sync(null);
  assert.equal(first.GetEnumerator().length, 7);

  // Updated, moved, deleted.
  read.Subject = "changed";
  await read.Update(ConflictResolutionMode.AutoResolve);
  const at = async (/** @type {string} */ subject) => {
    const [one] = (await find(new SearchFilter.IsEqualTo(ItemSchema.Subject, subject))).Items;
    return EmailMessage.Bind(on, new ItemId(one.Id.UniqueId));
  };
  await (await at("Note 1 of tea")).Move(other.Id);
  const gone = await at("Note 5 of tea");
  await gone.Delete(DeleteMode.HardDelete);
  const changes = (await sync(first.SyncState)).GetEnumerator().map((/** @type {any} */ change) => change.ChangeType);
  assert.deepEqual(changes.sort(), [1, 2, 2]);
  assert.deepEqual(subjects(await on.FindItems(other.Id, new ItemView(10))), ["Note 1 of tea"]);
  assert.equal(await code(EmailMessage.Bind(on, new ItemId(gone.Id.UniqueId))), "ErrorItemNotFound");
  await where.Delete(DeleteMode.HardDelete);
}

suite("a day of the port of the EWS Managed API", () => {
  test("with the application's token", async () => day(await clientCredentials(), true));
  test("with an act-as token that the application made", async () => day(await actAs(), false));
  test("with an act-as token that the token service made", async () => day(await exchanged(), false));

  test("copies a folder with what is in it", async () => {
    const on = service(await clientCredentials());
    const where = await folder(on, WellKnownFolderName.Inbox, `Copied ${randomUUID()}`);
    const inner = await folder(on, where.Id, "Inner");
    for (const [parent, subject] of [
      [where, "outer"],
      [inner, "inner"],
    ]) {
      const message = new EmailMessage(on);
      message.Subject = subject;
      await message.Save(parent.Id);
    }
    const copy = await (await Folder.Bind(on, where.Id)).Copy(WellKnownFolderName.Drafts);
    assert.notEqual(copy.Id.UniqueId, where.Id.UniqueId);
    assert.deepEqual(subjects(await on.FindItems(copy.Id, new ItemView(10))), ["outer"]);
    const [below] = (await on.FindFolders(copy.Id, new FolderView(10))).Folders;
    assert.equal(below.DisplayName, "Inner");
    assert.deepEqual(subjects(await on.FindItems(below.Id, new ItemView(10))), ["inner"]);
    assert.equal(await code((await Folder.Bind(on, where.Id)).Copy(inner.Id)), "ErrorMoveCopyFailed");
    await copy.Delete(DeleteMode.HardDelete);
    await where.Delete(DeleteMode.HardDelete);
  });

  test("attaches an item to an item", async () => {
    const on = service(await clientCredentials());
    const where = await folder(on, WellKnownFolderName.Inbox, `Attached ${randomUUID()}`);
    const message = new EmailMessage(on);
    message.Subject = "outer";
    const attachment = message.Attachments.AddItemAttachment(EmailMessage, "Message");
    attachment.Name = "inner";
    attachment.Item.Subject = "inner";
    attachment.Item.Body = new MessageBody(BodyType.Text, "inside");
    await message.Save(where.Id);
    const read = await EmailMessage.Bind(on, new ItemId(message.Id.UniqueId));
    const [told] = read.Attachments.Items;
    assert.equal(told.Name, "inner");
    assert.equal(told.constructor.name, "ItemAttachment");
    // The port cannot load it: it wants to see the item before it asks for it.
    assert.equal(read.HasAttachments, true);
    await where.Delete(DeleteMode.HardDelete);
  });
});
