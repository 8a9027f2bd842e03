import { Tenancy } from '../../../src/tenancy.js';
import { migrationOf } from '../../../../../test/support/migration-of.js';
import type { CopyOrder } from './copy-process.js';

/** The program of a copy process: does one thing, tells how far it is, and how much memory it took at most. */
async function obey({ url, migrations, what, id, file, to }: CopyOrder): Promise<unknown> {
  const list = Object.fromEntries(Object.entries(migrations).map(([name, texts]) => [name, migrationOf(...texts)]));
  const tenancy = await Tenancy.start({
    url,
    service: 'shop',
    migrations: list,
    listenUrl: false,
    reconcile: { automatic: false },
  });
  let phase = '';
  const onProgress = (progress: { phase: string; done: number; total: number }) => {
    const part = `${progress.phase} ${Math.floor((progress.done / progress.total) * 20)}`;
    if (part === phase) return;
    phase = part;
    process.send?.({ progress: progress.phase, share: progress.done / progress.total });
  };
  try {
    if (what === 'export') return await tenancy.copies.export(id, { to: file ?? '', onProgress });
    if (what === 'import') return await tenancy.copies.import({ from: file ?? '', as: id, onProgress });
    return await tenancy.copies.clone(id, to ?? '', { onProgress });
  } finally {
    await tenancy.stop();
  }
}

process.on('message', (order: CopyOrder) => {
  void obey(order)
    .then(
      (value) => ({ value, maxRssMb: process.resourceUsage().maxRSS / 1024 }),
      (error: Error & { code?: string }) => ({ error: `${error.code ?? ''} ${error.message}` }),
    )
    .then((answer) => process.connected && process.send?.(answer))
    .finally(() => process.disconnect());
});
