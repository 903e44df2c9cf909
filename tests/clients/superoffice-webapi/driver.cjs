// Manages webhooks of the built-in tenant with the vendor's own client. The argument is the tenant's base address.
// The tenant is of version 12.0 and holds one webhook, with id 1, that somebody else made.
'use strict';

const assert = require('node:assert/strict');
const { WebhookAgent, WebhookState, WebhookNotifyVia, WebhookNotifyWhen } = require('@superoffice/webapi');
const steps = require('./steps.cjs');

const agent = new WebhookAgent(process.argv[2], { auth: { username: 'ops', password: 'example-password' } });
const hook = { name: 'by-the-client', events: ['contact.created'], type: 'webhook', targetUrl: 'https://hooks.example.com/so' };
let saved;

/** Awaits a refused save and checks the vendor's envelope. */
async function refused(webhook) {
  await assert.rejects(agent.saveWebhookAsync(webhook), (error) => {
    assert.equal(error.response.status, 400);
    assert.equal(error.response.data.ErrorType, 'ArgumentException');
    assert.ok(error.response.data.Message);
    return true;
  });
}

steps({
  'creates the default webhook': async () => {
    const template = await agent.createDefaultWebhookAsync();
    assert.equal(template.webhookId, 0);
    assert.equal(template.name, null);
    assert.equal(template.state, WebhookState.Active);
    assert.equal(template.type, 'webhook');
    assert.deepEqual(template.events, ['contact.created', 'contact.deleted']);
  },
  'saves a new webhook': async () => {
    saved = await agent.saveWebhookAsync(hook);
    assert.equal(saved.webhookId, 2);
    assert.equal(saved.state, WebhookState.Active);
    assert.equal(saved.targetUrl, hook.targetUrl);
    assert.deepEqual([saved.secret, saved.headers, saved.properties], ['', {}, {}]);
  },
  'saves it again with all members of 12.x': async () => {
    const changed = {
      ...saved,
      state: WebhookState.Stopped,
      secret: 'k1',
      headers: { 'X-Env': 'prod' },
      properties: { tenant: { region: 'eu' } },
      description: 'from the client',
      errorEmails: ['ops@example.com', 'crm@example.com'],
      notifyVia: WebhookNotifyVia.Email | WebhookNotifyVia.InApp,
      notifyWhen: WebhookNotifyWhen.Disabling,
    };
    const again = await agent.saveWebhookAsync(changed);
    assert.equal(again.webhookId, 2);
    assert.equal(again.state, WebhookState.Stopped);
    assert.equal(again.description, changed.description);
    assert.equal(again.notifyVia, changed.notifyVia);
    assert.equal(again.notifyWhen, changed.notifyWhen);
    assert.deepEqual(again.errorEmails, changed.errorEmails);
    assert.deepEqual(again.properties, changed.properties);
  },
  'gets it': async () => {
    const found = await agent.getWebhookAsync(2);
    assert.equal(found.name, hook.name);
    assert.deepEqual(found.headers, { 'X-Env': 'prod' });
  },
  'gets null for an unknown id': async () => assert.equal(await agent.getWebhookAsync(4242), null),
  'lists all': async () => {
    const all = await agent.getAllWebhooksAsync(null, null, WebhookState.Unknown);
    assert.deepEqual(all.map((one) => one.webhookId), [1, 2]);
  },
  'lists by name, event and state': async () => {
    const ids = async (...filters) => (await agent.getAllWebhooksAsync(...filters)).map((one) => one.webhookId);
    assert.deepEqual(await ids(hook.name, null, WebhookState.Unknown), [2]);
    assert.deepEqual(await ids(null, 'sale.sold', WebhookState.Unknown), [1]);
    assert.deepEqual(await ids(null, null, WebhookState.Stopped), [2]);
  },
  'tests a receiver that answers': async () => assert.equal((await agent.testWebhookAsync(hook)).success, true),
  'tests a receiver that refuses': async () => {
    const result = await agent.testWebhookAsync({ ...hook, targetUrl: 'https://refuses.example.com/' });
    assert.equal(result.success, false);
    assert.ok(result.message);
  },
  'is refused a receiver that does not answer 200': () => refused({ ...hook, targetUrl: 'https://refuses.example.com/' }),
  'is refused a receiver without https': () => refused({ ...hook, targetUrl: 'http://hooks.example.com/so' }),
  'signals an event': () => agent.signalEventAsync('window.closed', 7, { windowName: 'foo' }),
  'reads the last error': async () => assert.equal(await agent.getLastErrorAsync(1), '410 Gone'),
  'reads that there was no error': async () => assert.equal(await agent.getLastErrorAsync(2), ''),
  'deletes it': async () => {
    await agent.deleteWebhookAsync(2);
    assert.equal(await agent.getWebhookAsync(2), null);
    const left = await agent.getAllWebhooksAsync(null, null, WebhookState.Unknown);
    assert.deepEqual(left.map((one) => one.webhookId), [1]);
  },
});
