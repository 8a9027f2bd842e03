import type { webcrypto } from 'node:crypto';
import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose';
import { TenancyError } from '../errors/tenancy-error.js';
import type { TenantResolver } from './tenant-resolver.js';

/** How a bearer token is verified before its claim is believed. */
export interface ClaimOptions extends Pick<JWTVerifyOptions, 'issuer' | 'audience' | 'clockTolerance'> {
  /** Name of the claim that holds the tenant id. @default 'tenant' */
  claim?: string;
  /** The key to verify with: a secret, a public key, or a key set such as `createRemoteJWKSet(url)` of `jose`. */
  key: Uint8Array | webcrypto.CryptoKey | JWTVerifyGetKey;
  /** Signature algorithms that are accepted. */
  algorithms: string[];
}

/** Codes of `jose` for what is wrong with the key set, not with the token. */
const keySetFailures = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_INVALID', 'ERR_JWKS_TIMEOUT']);

/**
 * Reads the tenant from a claim of the bearer token, after verifying its signature, time, issuer and audience.
 *
 * @throws TenancyError `TENANCY_TOKEN_INVALID`, also when the claim is no text; `TENANCY_TOKEN_UNVERIFIABLE` when the key
 * cannot be had.
 * @example
 * const resolver = fromClaim({
 *   key: createRemoteJWKSet(new URL('https://login.example.com/keys')),
 *   algorithms: ['ES256'],
 *   issuer: 'https://login.example.com',
 * });
 */
export function fromClaim({ claim = 'tenant', key, ...verify }: ClaimOptions): TenantResolver {
  const getKey: JWTVerifyGetKey = typeof key === 'function' ? key : async () => key;
  return {
    expected: `a bearer token with the claim ${claim}`,
    async resolve({ headers }) {
      const token = bearerToken(headers.authorization);
      if (token === undefined) return undefined;
      const { payload } = await jwtVerify(token, getKey, verify).catch((error: unknown) => {
        throw verificationError(error);
      });
      const tenant = payload[claim];
      if (typeof tenant !== 'string')
        throw new TenancyError('TENANCY_TOKEN_INVALID', { reason: `it has no text in the claim "${claim}"` });
      return tenant;
    },
  };
}

/** A bearer header without a usable token is a token that is wrong, not none: the next resolver must not get its turn. */
function bearerToken(authorization: string | undefined): string | undefined {
  const bearer = /^Bearer(?: +(.*))?$/i.exec(authorization ?? '');
  return bearer ? (bearer[1] ?? '') : undefined;
}

function verificationError(error: unknown): TenancyError {
  const reason = error instanceof Error ? error.message : String(error);
  const isTokens = error instanceof errors.JOSEError && !keySetFailures.has(error.code);
  return new TenancyError(
    isTokens ? 'TENANCY_TOKEN_INVALID' : 'TENANCY_TOKEN_UNVERIFIABLE',
    { reason },
    { cause: error },
  );
}
