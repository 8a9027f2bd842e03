import { LRUCache } from 'lru-cache';

/** Names remembered on one connection. Whoever makes up a name for each statement has no use for them. */
const namesMax = 1000;

/**
 * The texts of statements that were named, as `pg` keeps them: a later one may give its name alone. They are sent unnamed, because
 * a prepared statement of a tenant costs every backend memory that it never gives back.
 */
export class NamedTexts {
  #texts: LRUCache<string, string> | undefined;

  /** The text to send: its own, or that of the last statement with its name. */
  textOf({ name, text }: { readonly name?: unknown; readonly text?: unknown }): string | Error {
    if (typeof name !== 'string' || name === '') {
      return typeof text === 'string'
        ? text
        : new TypeError('A query must have either text or a name. Supplying neither is unsupported.');
    }
    this.#texts ??= new LRUCache({ max: namesMax });
    const known = this.#texts.get(name);
    if (typeof text !== 'string' || text === '') return known ?? '';
    if (known !== undefined && known !== text)
      return new Error(`Prepared statements must be unique - '${name}' was used for a different statement`);
    this.#texts.set(name, text);
    return text;
  }

  /** A name whose statement failed means nothing. */
  forget(name: unknown): void {
    if (typeof name === 'string') this.#texts?.delete(name);
  }
}
