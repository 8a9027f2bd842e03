import type { ResolvedDatabase } from '@tenantry/host';
import boxen from 'boxen';
import path from 'node:path';
import { root } from './services.ts';

/** Where each service answers, by name. */
export type Addresses = ReadonlyMap<string, string>;

/** What a person needs after the start: addresses, database, and a first walk through. */
export function readyBox(addresses: Addresses, database: ResolvedDatabase): string {
  const rows = [...addresses].map(([name, url]) => `${name.padEnd(11)}${url}   ${url}/docs`);
  const content = [...rows, ...describeDatabase(database), '', ...walkThrough(addresses)].join('\n');
  const widest = Math.max(...content.split('\n').map((line) => line.length));
  // A box that does not fit would break the lines to copy in the middle.
  const width = widest + 4;
  const fits = width <= (process.stdout.columns ?? width);
  if (!fits) return `\nTenantry\n\n${content}\n`;
  return boxen(content, {
    title: 'Tenantry',
    padding: { top: 1, bottom: 1, left: 1, right: 1 },
    borderStyle: paperStyle,
    width,
  });
}

// No lines at the sides: they would be copied along.
const paperStyle = {
  topLeft: '─',
  topRight: '─',
  bottomLeft: '─',
  bottomRight: '─',
  top: '─',
  bottom: '─',
  left: ' ',
  right: ' ',
};

function describeDatabase({ url, embedded }: ResolvedDatabase): string[] {
  const shown = new URL(url.replace(/^(\w+:\/\/)[^/]*@\//, '$1/'));
  shown.password = '';
  shown.search = '';
  const remarks = embedded
    ? [
        `embedded PostgreSQL, which keeps its data in ${shortened(embedded.clusterDir)}`,
        `its password is in ${shortened(embedded.passwordFile)}`,
      ]
    : ['as configured'];
  return [`${'database'.padEnd(11)}${shown.href}`, ...remarks.map((remark) => `${''.padEnd(11)}${remark}`)];
}

function shortened(file: string): string {
  const below = path.relative(root, file);
  return below.startsWith('..') ? file : below;
}

function walkThrough(addresses: Addresses): string[] {
  const [identity, inventory] = ['identity', 'inventory'].map((name) => addresses.get(name)?.replace('http://', ''));
  const json = '-H content-type:application/json';
  return [
    'To try it: create a user, make its schema, store and list an item there',
    '',
    `id=$(curl -s ${identity}/users ${json} -d '{"fullName":"Ada"}' | cut -d'"' -f4)`,
    `curl ${identity}/users/migrate`,
    `curl ${inventory}/items -H x-client:$id ${json} -d '{"name":"Lamp"}' &&`,
    `  curl ${inventory}/items -H x-client:$id`,
  ];
}
