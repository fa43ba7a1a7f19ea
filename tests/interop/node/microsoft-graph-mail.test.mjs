// @ts-check
// The Graph SDK for JavaScript files mail, finds it, and is told what it may not.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { suite, test } from "node:test";

import { ClientCertificateCredential } from "@azure/identity";
import { Client, PageIterator } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

import { failure, lab as known, others, own } from "./lab.mjs";

/** @type {Record<string, string>} */
const lab = /** @type {any} */ (known);

const KEY = "String {00020329-0000-0000-C000-000000000046} Name InteropGraphKey";

/**
 * @param {import("./lab.mjs").Credential} signer
 * @param {{ tenant?: string, clientId?: string }} [options]
 */
function graph(signer, { tenant, clientId } = {}) {
  const identity = new ClientCertificateCredential(
    tenant ?? lab.TENANT ?? "",
    clientId ?? lab.CLIENT_ID ?? "",
    { certificate: signer.key + signer.certificate },
    { authorityHost: lab.BASE_URL, disableInstanceDiscovery: true },
  );
  return Client.initWithMiddleware({
    authProvider: new TokenCredentialAuthenticationProvider(identity, { scopes: [`${lab.BASE_URL}/.default`] }),
    baseUrl: `${lab.BASE_URL}/`,
    customHosts: new Set([new URL(lab.BASE_URL ?? "").hostname]),
  });
}

/** @param {Promise<unknown>} work */
async function refused(work) {
  const error = await failure(work);
  assert.ok(error.requestId, "the answer names the request");
  return { status: error.statusCode, code: error.code };
}

const user = `/users/${lab.MAILBOX}`;
/** @param {string} key */
const having = (key) => `singleValueExtendedProperties/any(ep: ep/id eq '${KEY}' and ep/value eq '${key}')`;

/**
 * @param {string} subject
 * @param {string} key
 */
function conversation(subject, key) {
  return {
    subject,
    body: { contentType: "html", content: "<p>10:02 Omar: lunch?</p>" },
    from: { emailAddress: { name: "Omar", address: "omar@fabrikam.example" } },
    toRecipients: [{ emailAddress: { address: lab.MAILBOX } }],
    singleValueExtendedProperties: [
      { id: "String 0x001A", value: "IPM.Note.Microsoft.Conversation" },
      { id: "Integer 0x0E07", value: "1" },
      { id: KEY, value: key },
    ],
  };
}

suite("mail with microsoft-graph-client", () => {
  test("a message is filed, found, read, changed and deleted", async () => {
    const client = graph(own);
    const key = randomUUID();
    const subject = `Zoë's <tea> & cake ${key}`;
    const folder = `${user}/mailFolders/conversationhistory/messages`;
    const made = await client.api(folder).post(conversation(subject, key));
    assert.equal(made.isDraft, false);

    const { value } = await client.api(folder).filter(having(key)).select(["id", "subject"]).top(5).get();
    assert.deepEqual(
      value.map((/** @type {{ id: string, subject: string }} */ one) => [one.id, one.subject]),
      [[made.id, subject]],
    );
    const path = `${user}/messages/${made.id}`;
    const read = await client.api(path).expand(`singleValueExtendedProperties($filter=id eq '${KEY}')`).get();
    assert.deepEqual(read.singleValueExtendedProperties, [{ id: KEY, value: key }]);
    assert.equal(read.body.content, "<p>10:02 Omar: lunch?</p>");

    const etag = read["@odata.etag"];
    const changed = await client.api(path).header("If-Match", etag).patch({ isRead: false, subject: "changed" });
    assert.deepEqual([changed.isRead, changed.subject], [false, "changed"]);
    const stale = client.api(path).header("If-Match", etag).patch({ subject: "again" });
    assert.deepEqual(await refused(stale), { status: 412, code: "ErrorIrresolvableConflict" });

    await client.api(path).delete();
    assert.deepEqual((await client.api(folder).filter(having(key)).get()).value, []);
  });

  test("files are added, read and taken away", async () => {
    const client = graph(own);
    const made = await client.api(`${user}/messages`).post({ subject: "files" });
    assert.equal(made.isDraft, true);
    const files = `${user}/messages/${made.id}/attachments`;
    const file = await client.api(files).post({
      "@odata.type": "#microsoft.graph.fileAttachment",
      name: "menu.txt",
      contentType: "text/plain",
      contentBytes: Buffer.from("soup").toString("base64"),
    });
    const { value } = await client.api(files).get();
    assert.deepEqual(
      value.map((/** @type {{ id: string, contentBytes: string }} */ one) => [one.id, one.contentBytes]),
      [[file.id, Buffer.from("soup").toString("base64")]],
    );
    const bytes = await client.api(`${files}/${file.id}/$value`).responseType(/** @type {any} */ ("arraybuffer")).get();
    assert.equal(Buffer.from(bytes).toString(), "soup");
    await client.api(`${files}/${file.id}`).delete();
    assert.deepEqual((await client.api(files).get()).value, []);
    await client.api(`${user}/messages/${made.id}`).delete();
  });

  test("a page iterator sees every message once", async () => {
    const client = graph(own);
    const key = randomUUID();
    const inbox = `/users/${lab.MAILBOX2}/mailFolders/inbox/messages`;
    for (const number of [1, 2, 3, 4, 5]) {
      await client.api(inbox).post(conversation(`${number}`, key));
    }
    /** @type {string[]} */
    const seen = [];
    const page = await client.api(inbox).filter(having(key)).orderby("subject").top(2).get();
    await new PageIterator(client, page, (message) => {
      seen.push(message.subject);
      return true;
    }).iterate();
    assert.deepEqual(seen, ["1", "2", "3", "4", "5"]);
  });

  test("folders are made and thrown away", async () => {
    const client = graph(own);
    const made = await client.api(`${user}/mailFolders`).post({ displayName: `Projects ${randomUUID()}` });
    assert.deepEqual(await refused(client.api(`${user}/mailFolders`).post({ displayName: made.displayName })), {
      status: 409,
      code: "ErrorFolderExists",
    });
    await client.api(`${user}/mailFolders/${made.id}`).delete();
    const { value } = await client.api(`${user}/mailFolders/deleteditems/childFolders`).get();
    assert.ok(value.some((/** @type {{ id: string }} */ { id }) => id === made.id));
  });

  test("nobody is told from the user of another tenant", async () => {
    for (const mailbox of ["nobody@fabrikam.example", lab.MAILBOX_T2]) {
      const work = graph(own).api(`/users/${mailbox}/messages`).get();
      assert.deepEqual(await refused(work), { status: 404, code: "ErrorInvalidUser" });
    }
    const other = graph(others, { tenant: lab.TENANT2, clientId: lab.CLIENT2_ID });
    assert.deepEqual(await refused(other.api(`${user}/messages`).get()), { status: 404, code: "ErrorInvalidUser" });
    assert.deepEqual((await other.api(`/users/${lab.MAILBOX_T2}/messages`).get()).value, []);
  });

  test("an application as itself is no user", async () => {
    assert.deepEqual(await refused(graph(own).api("/me/messages").get()), { status: 400, code: "BadRequest" });
  });
});
