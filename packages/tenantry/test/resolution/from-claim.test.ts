import fc from 'fast-check';
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, expect, it } from 'vitest';
import { type ClaimOptions, fromClaim } from '../../src/resolution/from-claim.js';
import type { TenantResolver } from '../../src/resolution/tenant-resolver.js';
import { ask } from './ask.js';

const secret = new TextEncoder().encode('a secret that is at least 32 bytes long');
const otherSecret = new TextEncoder().encode('another one, which is 32 bytes long too');
const bySecret: ClaimOptions = {
  key: secret,
  algorithms: ['HS256'],
  issuer: 'https://login.example.com',
  audience: 'shop',
};

let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let byKeySet: TenantResolver;
beforeAll(async () => {
  keys = await generateKeyPair('RS256');
  const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'RS256' }] };
  byKeySet = fromClaim({ key: createLocalJWKSet(jwks), algorithms: ['RS256'] });
});

function token(
  claims: JWTPayload = { tenant: 'acme' },
  change: (jwt: SignJWT) => SignJWT = (jwt) => jwt,
): Promise<string> {
  const jwt = new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('https://login.example.com')
    .setAudience('shop');
  return change(jwt.setIssuedAt().setExpirationTime('5 minutes')).sign(secret);
}

const find = async (jwt: string | Promise<string>, resolver = fromClaim(bySecret)) =>
  ask(resolver, { authorization: `Bearer ${await jwt}` });
const invalid = 'TENANCY_TOKEN_INVALID';

it('reads the claim of a token with a good signature, issuer, audience and time', async () => {
  expect(await find(token())).toBe('acme');
  expect(await find(token({ org: 'globex', tenant: 'acme' }), fromClaim({ ...bySecret, claim: 'org' }))).toBe('globex');
  expect(await ask(fromClaim(bySecret), { authorization: `bearer   ${await token()}` })).toBe('acme');
});

it('verifies with a key set, by the id of the key', async () => {
  const sign = (kid: string, key = keys.privateKey) =>
    new SignJWT({ tenant: 'acme' }).setProtectedHeader({ alg: 'RS256', kid }).sign(key);
  expect(await find(sign('one'), byKeySet)).toBe('acme');
  expect(await find(sign('two'), byKeySet)).toBe(invalid);
  expect(await find(sign('one', (await generateKeyPair('RS256')).privateKey), byKeySet)).toBe(invalid);
});

it.each([
  ['an expired token', (jwt: SignJWT) => jwt.setExpirationTime('1 minute ago')],
  ['a token that is not valid yet', (jwt: SignJWT) => jwt.setNotBefore('1 hour')],
  ['another issuer', (jwt: SignJWT) => jwt.setIssuer('https://evil.example.com')],
  ['another audience', (jwt: SignJWT) => jwt.setAudience('bank')],
])('refuses %s', async (_, change) => {
  expect(await find(token({ tenant: 'acme' }, change))).toBe(invalid);
});

it('takes an expired token within the tolerance that was chosen', async () => {
  const justExpired = token({ tenant: 'acme' }, (jwt) => jwt.setExpirationTime('2 seconds ago'));
  expect(await find(justExpired, fromClaim({ ...bySecret, clockTolerance: 30 }))).toBe('acme');
});

it('refuses a token without a signature, of another algorithm or of another key', async () => {
  expect(
    await find(
      new UnsecuredJWT({ tenant: 'acme' }).setIssuer('https://login.example.com').setAudience('shop').encode(),
    ),
  ).toBe(invalid);
  expect(await find(new SignJWT({ tenant: 'acme' }).setProtectedHeader({ alg: 'HS512' }).sign(secret))).toBe(invalid);
  expect(await find(new SignJWT({ tenant: 'acme' }).setProtectedHeader({ alg: 'HS256' }).sign(otherSecret))).toBe(
    invalid,
  );
  // The public key is public: as the secret of an HMAC it must prove nothing.
  const publicKey = new TextEncoder().encode(JSON.stringify(await exportJWK(keys.publicKey)));
  expect(
    await find(
      new SignJWT({ tenant: 'acme' }).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(publicKey),
      byKeySet,
    ),
  ).toBe(invalid);
});

it.each([
  [{}],
  [{ tenant: 42 }],
  [{ tenant: null }],
  [{ tenant: ['acme'] }],
  [{ tenant: { id: 'acme' } }],
  [{ tenant: true }],
])('refuses the claims %j', async (claims) => {
  expect(await find(token(claims as JWTPayload))).toBe(invalid);
  expect(await find(token(claims as JWTPayload), fromClaim({ ...bySecret, claim: 'constructor' }))).toBe(invalid);
});

it('refuses a token of which any one character was changed', async () => {
  const good = await token();
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom(...'abcXYZ019-_.'.split('')), async (at, character) => {
      // The last character carries bits that belong to no byte.
      fc.pre(good[at] !== character && at < good.length - 1);
      expect(await find(good.slice(0, at) + character + good.slice(at + 1))).toBe(invalid);
    }),
  );
});

it('refuses any other text as a bearer token, and never falls through to the next resolver', async () => {
  const texts = fc.oneof(fc.constantFrom('', ' ', 'a b', 'null', '..', 'eyJhbGciOiJub25lIn0.e30.'), fc.string());
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      expect(await find(text)).toBe(invalid);
    }),
  );
  expect(await ask(fromClaim(bySecret), { authorization: 'Bearer' })).toBe(invalid);
});

it('finds no tenant where there is no bearer token', async () => {
  for (const authorization of [undefined, 'Basic YWNtZTpzZWNyZXQ=', 'Bearish abc'])
    expect(await ask(fromClaim(bySecret), { authorization })).toBeUndefined();
});

it('answers that it cannot verify, not that the token is wrong, when the key cannot be had', async () => {
  const away: ClaimOptions = { ...bySecret, key: () => Promise.reject(new TypeError('fetch failed')) };
  expect(await find(token(), fromClaim(away))).toBe('TENANCY_TOKEN_UNVERIFIABLE');
});
