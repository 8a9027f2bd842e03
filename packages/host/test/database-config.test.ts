import { describe, expect, it } from 'vitest';
import { readDatabaseConfig } from '../src/database-config.js';

const parts = { DB_HOST: 'db.example', DB_NAME: 'shop', DB_USER: 'app', DB_PASSWORD: 'p@ss/w:rd' };

describe('readDatabaseConfig()', () => {
  it('chooses the embedded database when nothing is configured, or only empty variables', () => {
    expect(readDatabaseConfig({})).toEqual({});
    expect(readDatabaseConfig({ DATABASE_URL: ' ', DB_HOST: '' })).toEqual({});
  });

  it('takes both URLs as they are', () => {
    const env = {
      DATABASE_URL: 'postgres://app:a@h/shop',
      DATABASE_OWNER_URL: 'postgresql://owner:b@h:5433/shop?sslmode=require',
    };
    expect(readDatabaseConfig(env)).toEqual({ url: env.DATABASE_URL, ownerUrl: env.DATABASE_OWNER_URL });
  });

  it.each([
    'postgresql:///shop?host=/var/run/postgresql&user=app',
    'postgres://app:p%40ss@/shop?host=/var/run/postgresql',
    'postgres://app@%2Fvar%2Frun%2Fpostgresql/shop',
  ])('takes an address without a host before the path: %s', (url) => {
    expect(readDatabaseConfig({ DATABASE_URL: url })).toEqual({ url });
  });

  it('percent-encodes what the DB_ variables hold, with port 5432 unless one is given', () => {
    const { url = '' } = readDatabaseConfig(parts);
    expect(url).toBe('postgres://app:p%40ss%2Fw%3Ard@db.example:5432/shop');
    expect(decodeURIComponent(new URL(url).password)).toBe(parts.DB_PASSWORD);
    expect(readDatabaseConfig({ ...parts, DB_PORT: '6000' }).url).toContain('@db.example:6000/');
    expect(readDatabaseConfig({ ...parts, DB_HOST: '::1' }).url).toContain('@[::1]:5432/');
  });

  it('prefers DATABASE_URL to the DB_ variables', () => {
    expect(readDatabaseConfig({ ...parts, DATABASE_URL: 'postgres://h/x' }).url).toBe('postgres://h/x');
  });

  it.each([
    [{ DATABASE_URL: 'nonsense' }, /^DATABASE_URL is not a valid URL/],
    [{ DATABASE_URL: 'mysql://h/x' }, /^DATABASE_URL begins with "mysql:\/\/"/],
    [{ DATABASE_URL: 'postgres://h:99999/x' }, /^DATABASE_URL names port 99999; a port is between 1 and 65535\.$/],
    [{ DATABASE_URL: 'postgres://h:0/x' }, /^DATABASE_URL names port 0/],
    [{ DATABASE_URL: 'postgres://h' }, /^DATABASE_URL names no database/],
    [{ DATABASE_URL: 'postgres://h/x', DATABASE_OWNER_URL: 'http://h/x' }, /^DATABASE_OWNER_URL begins with/],
    [{ DATABASE_OWNER_URL: 'postgres://h/x' }, /^DATABASE_OWNER_URL is set but DATABASE_URL is not/],
    [{ ...parts, DB_PORT: 'abc' }, /^DB_PORT is "abc"; a port is a number between 1 and 65535\.$/],
    [{ ...parts, DB_PORT: '65536' }, /^DB_PORT is "65536"/],
    [{ ...parts, DB_HOST: 'a b' }, /^DB_HOST is "a b"/],
    [{ ...parts, DB_USER: undefined }, /^DB_USER is not set; set DB_HOST, DB_NAME, DB_USER and DB_PASSWORD together/],
    [{ DB_PORT: '5432' }, /^DB_HOST, DB_NAME, DB_USER and DB_PASSWORD are not set/],
  ])('refuses %j and names the variable', (env, sentence) => {
    let thrown: unknown;
    try {
      readDatabaseConfig(env);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      name: 'StartupError',
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(sentence),
    });
  });

  it('never repeats a password', () => {
    for (const url of [
      'postgres://u:s3cret@h:99999/x',
      'mysql://u:s3cret@h/x',
      'postgres://u:s3cret@h',
      'u:s3cret@h/x',
    ]) {
      expect(() => readDatabaseConfig({ DATABASE_URL: url })).toThrow(/^(?!.*s3cret)/);
    }
  });
});
