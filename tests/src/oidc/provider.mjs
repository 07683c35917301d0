// A real OpenID provider (npm `oidc-provider`) on the loopback interface, for the tests of sign-in.
//
//   node provider.mjs PATH_OF_OIDC_PROVIDER
//
// The first line that it writes is its issuer. POST /control/rotate gives it other keys and forgets the ones it had;
// POST /control/down and /control/up let it fail and be back; GET /control/given says which codes and refresh tokens it
// has given out, and which of them came back. It ends when its standard input does.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const library = pathToFileURL(process.argv[2]).href;
const { Provider } = await import(library);
const { default: Memory } = await import(new URL('adapters/memory_adapter.js', library));

const PEOPLE = {
  dana: { groups: ['payments-developers'], name: 'Dana' },
  amir: { groups: ['platform-approvers'], name: 'Amir' },
  ada: { groups: ['platform-admins'], name: 'Ada' },
  nobody: { groups: [], name: 'Somebody without a team' },
  'macadam-service.payments.deploy': { groups: ['platform-admins'], name: 'Somebody who calls himself a service' },
};

function newKeys() {
  return [['rsa', { modulusLength: 2048 }, 'RS256'], ['ec', { namedCurve: 'P-256' }, 'ES256']].map(([kind, options, alg]) => {
    const { privateKey } = generateKeyPairSync(kind, options);
    return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: randomUUID() };
  });
}

const given = new Map();

class Noting extends Memory {
  async upsert(id, ...rest) {
    if (['DeviceCode', 'RefreshToken'].includes(this.model) && !given.has(id)) {
      given.set(id, { kind: this.model, secret: id, used: false });
    }
    return super.upsert(id, ...rest);
  }

  async consume(id) {
    if (given.has(id)) given.get(id).used = true;
    return super.consume(id);
  }
}

let provider;
let down = false;

const server = createServer((request, answer) => {
  if (request.method === 'POST' && request.url.startsWith('/control/')) {
    const what = request.url.slice('/control/'.length);
    if (what === 'rotate') provider = serve();
    if (what === 'down' || what === 'up') down = what === 'down';
    answer.end();
  } else if (request.url === '/control/given') {
    answer.setHeader('content-type', 'application/json');
    answer.end(JSON.stringify([...given.values()]));
  } else if (down) {
    request.destroy();
  } else {
    provider.callback()(request, answer);
  }
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

// What a provider keeps is kept beside it, so that another one with other keys knows the same sign-ins.
function serve() {
  return new Provider(issuer, {
    adapter: (model) => new Noting(model),
    clients: [{
      client_id: 'macadam-cli',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      response_types: [],
      redirect_uris: [],
    }],
    jwks: { keys: newKeys() },
    cookies: { keys: ['the tests of macadam'] },
    scopes: ['openid', 'offline_access', 'profile'],
    claims: { openid: ['sub'], profile: ['name', 'groups'] },
    findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
    extraTokenClaims: (_, token) => ({ groups: PEOPLE[token.accountId]?.groups }),
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    // Shorter than what the command line takes for worth sending, so that each command renews its token.
    ttl: { AccessToken: 20 },
    features: {
      deviceFlow: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://macadam.test',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: '', audience: 'macadam', accessTokenTTL: 20, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  });
}

provider = serve();
console.log(issuer);
process.stdin.resume().on('end', () => process.exit(0));
