import type { ResolvedOptions } from './options.js';

type ListenOptions = Pick<ResolvedOptions, 'listenUrl' | 'transactionPooler' | 'ownerUrl'>;

/** Where a process listens; `undefined` where it does not. Pure. */
export function listenUrl(options: ListenOptions, servingUrl: string): string | undefined {
  if (options.listenUrl !== undefined) return options.listenUrl || undefined;
  // A pooler in transaction mode gives every statement another backend: nobody would be listening.
  return options.transactionPooler ? options.ownerUrl : servingUrl;
}

/** What the operator set for that URL, for errors. Pure. */
export function listenVariable({ listenUrl: own, transactionPooler }: ListenOptions): string {
  if (own !== undefined) return '`listenUrl`';
  return transactionPooler ? 'DATABASE_OWNER_URL' : 'DATABASE_URL';
}
