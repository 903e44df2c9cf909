// Manages webhooks of the built-in project `movies` with the vendor's own client, which has no webhook operations: its HTTP
// client sends the requests. The argument is the root of the CMS; its key may do everything but delete.
'use strict';

const assert = require('node:assert/strict');
const { UniversalClient } = require('contensis-management-api');
const steps = require('./steps.cjs');

const key = { clientId: '00000000-0000-4000-8000-000000000001', clientSecret: 'example-client-secret' };
const login = (clientDetails) =>
  UniversalClient.create({
    clientType: 'client_credentials', clientDetails, projectId: 'movies', rootUrl: process.argv[2],
  });
const client = login(key);
const COLLECTION = '/api/management/projects/movies/events/webhooks/subscriptions';
const hook = {
  name: 'by-the-client',
  url: 'https://hooks.example.com/c7s',
  enabled: true,
  topics: [{ resourceType: 'entry', event: ['published'], contentTypeId: ['article'], language: ['en-GB'] }],
  headers: { 'X-Key': { value: 'k1', secret: true } },
  templates: {},
};
let made;

/** Sends a request as the client's own operations do. */
async function request(method, path, body) {
  await client.ensureBearerToken();
  return client.httpClient.request(path, { method, headers: client.getHeaders(), body: body && JSON.stringify(body) });
}

/** Awaits a refusal with that status, in the vendor's envelope. */
async function refused(status, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.status, status);
    assert.equal(typeof error.data.message, 'string');
    assert.equal(typeof error.data.logId, 'string');
    return true;
  });
}

steps({
  'is refused with a wrong secret': async () => {
    await assert.rejects(login({ ...key, clientSecret: 'wrong' }).authenticate(), { message: 'invalid_client' });
  },
  'logs in': async () => {
    await client.authenticate();
    assert.equal(client.isBearerTokenExpired(), false);
  },
  'gets the project': async () => {
    const project = await client.projects.get();
    assert.equal(project.id, 'movies');
    assert.equal(project.primaryLanguage, 'en-GB');
    assert.ok(project.color);
  },
  'lists projects': async () => {
    assert.deepEqual((await client.projects.list()).map((project) => project.id), ['movies']);
  },
  'gets the permissions of the key': async () => {
    const resourceType = 'webhookSubscriptions';
    const userId = key.clientId;
    const permissions = await client.permissions.getPermissions({ resourceType, userId });
    assert.ok(permissions.actions.includes('create') && !permissions.actions.includes('delete'));
    const may = (actionName) => client.permissions.getAuthorizationForAction({ resourceType, userId, actionName });
    assert.deepEqual(await may('create'), { authorized: true });
    await refused(404, may('delete'));
  },
  'creates a webhook': async () => {
    made = await request('POST', COLLECTION, hook);
    assert.equal(made.version.versionNo, '1.0');
    assert.deepEqual(made.topics, hook.topics);
    assert.notEqual(made.headers['X-Key'].value, 'k1');
  },
  'lists and gets it': async () => {
    assert.deepEqual(await request('GET', COLLECTION), [made]);
    assert.deepEqual(await request('GET', `${COLLECTION}/${made.id}`), made);
  },
  'updates it': async () => {
    const version = { versionNo: made.version.versionNo };
    const updated = await request('PUT', `${COLLECTION}/${made.id}`, { ...hook, name: 'renamed', version });
    assert.deepEqual([updated.name, updated.version.versionNo], ['renamed', '2.0']);
    await refused(422, request('PUT', `${COLLECTION}/${made.id}`, { ...hook, version }));
  },
  'is refused to delete it': async () => {
    await refused(403, request('DELETE', `${COLLECTION}/${made.id}`));
  },
  'finds no webhook of another id': async () => {
    await refused(404, request('GET', `${COLLECTION}/00000000-0000-0000-0000-000000000000`));
  },
});
