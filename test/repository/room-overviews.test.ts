import { existsSync, globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const src = 'packages/tenantry/src';
const read = (path: string) => readFileSync(`${src}/${path}`, 'utf8');

/** Rooms that take something through states, and the type that names them. */
const machines = [
  ['provision', 'provision/provision-plan.ts', /outcome: (.+);/],
  ['lifecycle/operations', 'lifecycle/operations/operation-record.ts', /OperationStatus = (.+);/],
  ['fleet', 'fleet/rollout-store.ts', /RolloutStatus = (.+);/],
  ['adopt', 'adopt/adoption-store.ts', /AdoptionStatus = (.+);/],
] as const;

it.each(machines)('draws in %s every state that there is', (room, file, union) => {
  const states = [...(union.exec(read(file))?.[1] ?? '').matchAll(/'([\w-]+)'/g)].map(([, state]) => state ?? '');
  expect(states.length).toBeGreaterThan(3);
  const [, drawing = '', rest = ''] = read(`${room}/README.md`).split('```');
  // What is no state of its own is explained under the drawing.
  const drawn = (state: string) =>
    drawing.replaceAll(/\s+/g, ' ').includes(state.replace('-', ' ')) || rest.includes(`\`${state}\``);
  expect(states.filter((state) => !drawn(state))).toEqual([]);
});

it.each(machines)('names in %s only files that there are, in a page that is read at once', (room) => {
  const page = read(`${room}/README.md`);
  const named = [...page.matchAll(/`([\w./*-]+(?:\.ts|\/))`/g)].map(([, path]) => path ?? '');
  const isThere = (path: string) =>
    [`${src}/${room}/${path}`, `${src}/${path}`].some((each) => existsSync(each) || globSync(each).length > 0);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((path) => !isThere(path) && !globSync(`${src}/${room}/*/${path}`).length)).toEqual([]);
  expect(page.split('\n').length).toBeLessThanOrEqual(60);
});
