// @ts-check
// The JavaScript port of the EWS Managed API works on mailboxes of the lab. Needs
// ews-javascript-api, and @ewsjs/xhr, which sends for it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { suite, test } from "node:test";

import { XhrApi } from "@ewsjs/xhr";
import ews from "ews-javascript-api";

import { lab as known } from "./lab.mjs";

const {
  AutodiscoverService,
  BasePropertySet,
  BodyType,
  ConflictResolutionMode,
  ConnectingIdType,
  DeleteMode,
  EmailMessage,
  EventType,
  EwsLogging,
  ExchangeService,
  ExchangeVersion,
  ExtendedPropertyDefinition,
  DefaultExtendedPropertySet,
  Folder,
  FolderId,
  FolderView,
  FolderTraversal,
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

const CONVERSATION = "IPM.Note.Microsoft.Conversation";
const KEY = new ExtendedPropertyDefinition(
  DefaultExtendedPropertySet.PublicStrings,
  "InteropPortKey",
  MapiPropertyType.String,
);
const FLAGS = new ExtendedPropertyDefinition(0x0e07, MapiPropertyType.Integer);

async function token() {
  const body = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: lab.CLIENT_ID ?? "",
    client_secret: lab.CLIENT_SECRET ?? "",
    scope: lab.SCOPE ?? "",
  });
  const answer = await fetch(lab.TOKEN_URL ?? "", { method: "POST", body });
  return /** @type {any} */ (await answer.json()).access_token;
}

/** @param {string | undefined} mailbox */
async function service(mailbox = lab.MAILBOX) {
  const made = new ExchangeService(ExchangeVersion.Exchange2016);
  made.Url = new Uri(lab.EWS_URL);
  made.Credentials = new OAuthCredentials(await token());
  made.ImpersonatedUserId = new ImpersonatedUserId(ConnectingIdType.SmtpAddress, mailbox);
  made.HttpHeaders.Add("X-AnchorMailbox", mailbox);
  made.XHRApi = new XhrApi();
  return made;
}

/** The port does not escape what it writes: its callers do. */
const escaped = (/** @type {string} */ text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/**
 * A folder of a test's own.
 *
 * @param {any} on
 */
async function folder(on) {
  const made = new Folder(on);
  made.DisplayName = `Port ${randomUUID()}`;
  await made.Save(WellKnownFolderName.Inbox);
  return made;
}

/**
 * @param {any} on
 * @param {any} where
 * @param {string} [subject]
 * @param {string} [key]
 */
async function written(on, where, subject = "one", key) {
  const message = new EmailMessage(on);
  message.Subject = escaped(subject);
  message.Body = new MessageBody(BodyType.Text, "text");
  if (key) {
    message.SetExtendedProperty(KEY, key);
  }
  await message.Save(where.Id);
  return message;
}

/**
 * Awaits a failure and returns the name of its code.
 *
 * @param {Promise<unknown>} work
 */
async function code(work) {
  const outcome = await work.then(
    () => undefined,
    (error) => error,
  );
  assert.ok(outcome, "it was not refused");
  const known = outcome.SoapFaultDetails?.ResponseCode ?? outcome.ResponseCode ?? outcome.ErrorCode;
  return typeof known === "number" ? ServiceError[known] : known;
}

suite("the port of the EWS Managed API", () => {
  test("is told where EWS is", async () => {
    const discovery = new AutodiscoverService(new Uri(lab.AUTODISCOVER_URL), ExchangeVersion.Exchange2016);
    discovery.Credentials = new OAuthCredentials(await token());
    discovery.XHRApi = new XhrApi();
    const asked = [UserSettingName.ExternalEwsUrl, UserSettingName.InternalEwsUrl, UserSettingName.UserDisplayName];
    const settings = await discovery.GetUserSettings(lab.MAILBOX, asked);
    assert.equal(settings.Settings.get(UserSettingName.ExternalEwsUrl), lab.EWS_URL);
  });

  test("writes, finds, reads, changes and deletes a message", async () => {
    const on = await service();
    const where = await folder(on);
    const key = randomUUID();
    const message = new EmailMessage(on);
    message.ItemClass = CONVERSATION;
    message.Subject = escaped("Zoë's tea & <cake>");
    message.Body = new MessageBody(BodyType.HTML, escaped("<p>10:02 Omar: lunch?</p>"));
    message.ToRecipients.Add(lab.MAILBOX);
    message.SetExtendedProperty(KEY, key);
    message.SetExtendedProperty(FLAGS, 1);
    await message.Save(where.Id);
    assert.ok(message.Id.UniqueId);

    const found = await on.FindItems(where.Id, new SearchFilter.IsEqualTo(KEY, key), new ItemView(10));
    assert.equal(found.TotalCount, 1);
    assert.equal(found.Items[0].Id.UniqueId, message.Id.UniqueId);

    const all = new PropertySet(BasePropertySet.FirstClassProperties, KEY, FLAGS);
    const read = await EmailMessage.Bind(on, new ItemId(message.Id.UniqueId), all);
    assert.equal(read.Subject, "Zoë's tea & <cake>");
    assert.equal(read.Body.Text, "<p>10:02 Omar: lunch?</p>");
    assert.equal(read.ItemClass, CONVERSATION);
    assert.equal(read.IsDraft, false);
    assert.equal(read.IsRead, true);
    assert.equal(read.ToRecipients.Items[0].Address, lab.MAILBOX);
    const out = { outValue: undefined };
    assert.ok(read.TryGetProperty(KEY, out));
    assert.equal(out.outValue, key);

    const before = read.Id.ChangeKey;
    read.Subject = "changed";
    read.IsRead = false;
    await read.Update(ConflictResolutionMode.AutoResolve);
    assert.notEqual(read.Id.ChangeKey, before);
    const again = await EmailMessage.Bind(on, new ItemId(message.Id.UniqueId));
    assert.deepEqual([again.Subject, again.IsRead], ["changed", false]);

    await again.Delete(DeleteMode.HardDelete);
    assert.equal(await code(EmailMessage.Bind(on, new ItemId(message.Id.UniqueId))), "ErrorItemNotFound");
    await where.Delete(DeleteMode.HardDelete);
  });

  test("is told of a conflict", async () => {
    const on = await service();
    const where = await folder(on);
    const { Id } = await written(on, where);
    const first = await EmailMessage.Bind(on, new ItemId(Id.UniqueId));
    const second = await EmailMessage.Bind(on, new ItemId(Id.UniqueId));
    first.Subject = "first";
    await first.Update(ConflictResolutionMode.NeverOverwrite);
    second.Subject = "second";
    assert.equal(await code(second.Update(ConflictResolutionMode.NeverOverwrite)), "ErrorIrresolvableConflict");
    await second.Update(ConflictResolutionMode.AlwaysOverwrite);
    assert.equal((await EmailMessage.Bind(on, new ItemId(Id.UniqueId))).Subject, "second");
    await where.Delete(DeleteMode.HardDelete);
  });

  test("moves and copies", async () => {
    const on = await service();
    const [here, there] = [await folder(on), await folder(on)];
    const message = await written(on, here, "travels");
    const moved = await message.Move(there.Id);
    const copied = await moved.Copy(here.Id);
    assert.notEqual(copied.Id.UniqueId, moved.Id.UniqueId);
    for (const where of [here, there]) {
      const { Items } = await on.FindItems(where.Id, new ItemView(10));
      assert.deepEqual(
        Items.map((/** @type {any} */ item) => item.Subject),
        ["travels"],
      );
      await where.Delete(DeleteMode.HardDelete);
    }
  });

  test("reads pages in order", async () => {
    const on = await service();
    const where = await folder(on);
    for (let number = 0; number < 12; number += 1) {
      await written(on, where, `n${String(number).padStart(2, "0")}`);
    }
    const seen = [];
    const view = new ItemView(5);
    view.OrderBy.Add(ItemSchema.Subject, SortDirection.Ascending);
    for (let more = true; more;) {
      const page = await on.FindItems(where.Id, view);
      seen.push(...page.Items.map((/** @type {any} */ item) => item.Subject));
      more = page.MoreAvailable;
      view.Offset = page.NextPageOffset ?? view.Offset;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 12 }, (_, number) => `n${String(number).padStart(2, "0")}`),
    );
    const filter = new SearchFilter.ContainsSubstring(ItemSchema.Subject, "n0");
    assert.equal((await on.FindItems(where.Id, filter, new ItemView(50))).TotalCount, 10);
    await where.Delete(DeleteMode.HardDelete);
  });

  test("puts files in and takes them out", async () => {
    const on = await service();
    const where = await folder(on);
    const message = new EmailMessage(on);
    message.Subject = "files";
    const content = Buffer.from(Array.from({ length: 5000 }, (_, at) => at % 256)).toString("base64");
    message.Attachments.AddFileAttachment("a.bin", content);
    await message.Save(where.Id);
    const read = await EmailMessage.Bind(on, new ItemId(message.Id.UniqueId));
    const [file] = read.Attachments.Items;
    assert.equal(file.Name, "a.bin");
    await file.Load();
    assert.equal(file.Base64Content, content);
    read.Attachments.Remove(file);
    await read.Update(ConflictResolutionMode.AutoResolve);
    assert.equal((await EmailMessage.Bind(on, new ItemId(message.Id.UniqueId))).HasAttachments, false);
    await where.Delete(DeleteMode.HardDelete);
  });

  test("makes, renames, finds and deletes folders", async () => {
    const on = await service();
    const where = await folder(on);
    const inner = new Folder(on);
    inner.DisplayName = "Inner";
    inner.FolderClass = "IPF.Note";
    await inner.Save(where.Id);
    const twice = new Folder(on);
    twice.DisplayName = "Inner";
    assert.equal(await code(twice.Save(where.Id)), "ErrorFolderExists");
    const read = await Folder.Bind(on, inner.Id);
    assert.deepEqual([read.DisplayName, read.TotalCount, read.ChildFolderCount], ["Inner", 0, 0]);
    read.DisplayName = "Renamed";
    await read.Update();
    const view = new FolderView(50);
    view.Traversal = FolderTraversal.Deep;
    const { Folders } = await on.FindFolders(where.Id, view);
    assert.deepEqual(
      Folders.map((/** @type {any} */ found) => found.DisplayName),
      ["Renamed"],
    );
    const inbox = await Folder.Bind(on, WellKnownFolderName.Inbox);
    assert.equal(await code(inbox.Delete(DeleteMode.HardDelete)), "ErrorDeleteDistinguishedFolder");
    await where.Delete(DeleteMode.MoveToDeletedItems);
    const moved = await Folder.Bind(on, where.Id);
    const deleted = await Folder.Bind(on, WellKnownFolderName.DeletedItems);
    assert.equal(moved.ParentFolderId.UniqueId, deleted.Id.UniqueId);
    await moved.Delete(DeleteMode.HardDelete);
    assert.equal(await code(Folder.Bind(on, inner.Id)), "ErrorFolderNotFound");
  });

  test("synchronises", async () => {
    const on = await service();
    const where = await folder(on);
    const sync = (/** @type {any} */ state) =>
      on.SyncFolderItems(where.Id, PropertySet.FirstClassProperties, [], 2, SyncFolderItemsScope.NormalItems, state);
    const made = [];
    for (const subject of ["a", "b", "c"]) {
      made.push(await written(on, where, subject));
    }
    const first = await sync(null);
    assert.equal(first.MoreChangesAvailable, true);
    const rest = await sync(first.SyncState);
    assert.equal(rest.MoreChangesAvailable, false);
    const names = (/** @type {any} */ changes) =>
      changes.GetEnumerator().map((/** @type {any} */ change) => change.Item.Subject);
    assert.deepEqual([...names(first), ...names(rest)], ["a", "b", "c"]);
    const gone = made[0].Id.UniqueId;
    await made[0].Delete(DeleteMode.HardDelete);
    const last = await sync(rest.SyncState);
    assert.deepEqual(
      last.GetEnumerator().map((/** @type {any} */ change) => [change.ChangeType, change.ItemId.UniqueId]),
      [[2, gone]],
    );
    assert.equal(await code(sync("AAAA")), "ErrorInvalidSyncStateData");
    await where.Delete(DeleteMode.HardDelete);
  });

  test("pulls events", async () => {
    const on = await service();
    const where = await folder(on);
    const subscription = await on.SubscribeToPullNotifications(
      [where.Id],
      5,
      null,
      EventType.Created,
      EventType.Deleted,
    );
    const { Id } = await written(on, where);
    const told = await subscription.GetEvents();
    const events = [...told.ItemEvents];
    assert.deepEqual(
      events.map((event) => [event.EventType, event.ItemId.UniqueId]),
      [[EventType.Created, Id.UniqueId]],
    );
    assert.equal([...(await subscription.GetEvents()).ItemEvents].length, 0);
    await subscription.Unsubscribe();
    await where.Delete(DeleteMode.HardDelete);
  });

  test("resolves names", async () => {
    const on = await service();
    const found = await on.ResolveName(lab.MAILBOX);
    assert.equal(found.Count, 1);
    assert.equal(found._getItem(0).Mailbox.Address, lab.MAILBOX);
  });

  test("is refused in another tenant", async () => {
    const on = await service(lab.MAILBOX_T2);
    assert.equal(await code(Folder.Bind(on, WellKnownFolderName.Inbox)), "ErrorNonExistentMailbox");
  });

  test("gets one clean fault for text that it did not escape, and goes on", async () => {
    const on = await service();
    const where = await folder(on);
    for (const subject of ["this & that", "<p>not closed", "<p>an element</p>", "a &x; b"]) {
      const message = new EmailMessage(on);
      message.Subject = subject;
      assert.equal(await code(message.Save(where.Id)), "ErrorSchemaValidation", subject);
    }
    assert.equal((await on.FindItems(where.Id, new ItemView(10))).TotalCount, 0);
    await written(on, where, "after all");
    assert.equal((await on.FindItems(new FolderId(where.Id.UniqueId), new ItemView(10))).TotalCount, 1);
    await where.Delete(DeleteMode.HardDelete);
  });
});
