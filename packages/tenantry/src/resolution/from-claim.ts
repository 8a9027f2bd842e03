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

/**
 * Reads the tenant from a claim of the bearer token, after verifying its signature, time, issuer and audience.
 *
 * @throws TenancyError `TENANCY_TOKEN_INVALID`, also when the claim is no text.
 */
export function fromClaim({ claim = 'tenant', key, ...verify }: ClaimOptions): TenantResolver {
  const getKey: JWTVerifyGetKey = typeof key === 'function' ? key : async () => key;
  return {
    expected: `a bearer token with the claim ${claim}`,
    async resolve({ headers }) {
      const token = /^Bearer +([^ ]+)$/i.exec(headers.authorization ?? '')?.[1];
      if (token === undefined) return undefined;
      const { payload } = await jwtVerify(token, getKey, verify).catch((error: unknown) => {
        const reason = error instanceof errors.JOSEError ? error.message : 'the key could not be had';
        throw new TenancyError('TENANCY_TOKEN_INVALID', { reason }, { cause: error });
      });
      const tenant = payload[claim];
      if (typeof tenant !== 'string') throw new TenancyError('TENANCY_TOKEN_INVALID', { reason: `it has no text in the claim "${claim}"` });
      return tenant;
    },
  };
}
