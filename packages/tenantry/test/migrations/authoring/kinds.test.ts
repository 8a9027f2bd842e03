import { defineEntity, p } from '@mikro-orm/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import { openWorkshop, type Workshop } from './support/workshop.js';

let workshop: Workshop;
let database: TestDatabase;
beforeAll(async () => {
  workshop = await openWorkshop();
  database = await createTestDatabase();
});
afterAll(async () => {
  await workshop.remove();
  await database.drop();
});

const Owner = defineEntity({
  name: 'Owner',
  tableName: 'owner',
  schema: '*',
  comment: "the item's owner; or keeper",
  uniques: [{ name: 'owner_tag_unique', properties: ['tag'], where: 'tag is not null' }],
  indexes: [{ name: 'owner_lower_index', expression: 'create index "owner_lower_index" on "owner" (lower("tag"))' }],
  triggers: [
    {
      name: 'owner_touch',
      timing: 'before',
      events: ['insert'],
      forEach: 'row',
      body: "new.tag := 'a;\nb'; return new",
    },
  ],
  properties: {
    first: p.uuid().primary(),
    second: p.smallint().primary(),
    tag: p.text().nullable().comment('a "tag"'),
    list: p.array().default([]),
    data: p.json().nullable(),
    big: p.bigint().unsigned(),
    day: p.date(),
    ratio: p.double(),
    on: p.boolean().default(false),
    word: p.character().length(3).default('its'),
    mood: p.enum(['good', 'bad']),
    twice: p.integer().generated('(second * 2) stored').nullable(),
  },
});
const Pet = defineEntity({
  name: 'Pet',
  tableName: 'pet',
  schema: '*',
  properties: {
    id: p.integer().primary(),
    owner: () => p.manyToOne(Owner).deleteRule('cascade'),
    best: () => p.oneToOne(Pet).nullable(),
    friends: () => p.manyToMany(Pet).owner().fixedOrder(),
  },
});

it('writes every kind of column and object once, as SQL that PostgreSQL takes', async () => {
  const created = await workshop.create([Owner, Pet]);
  expect(await workshop.create([Owner, Pet])).toBeUndefined();
  expect(created?.findings).toEqual([]);
  const client = await database.admin.connect();
  try {
    await client.query('create schema kinds');
    await client.query('set search_path to kinds');
    for (const statement of created?.up ?? []) await client.query(statement);
    for (const statement of created?.down ?? []) await client.query(statement);
    const { rows } = await client.query(`select relname from pg_class where relnamespace = 'kinds'::regnamespace`);
    expect(rows).toEqual([]);
  } finally {
    client.release(true);
  }
});

it('says so when MikroORM makes SQL that nobody could run', async () => {
  const Quoted = defineEntity({
    name: 'Quoted',
    tableName: 'quoted',
    schema: '*',
    properties: { id: p.uuid().primary(), word: p.string().default("it's") },
  });
  await expect(workshop.create([Owner, Pet, Quoted])).rejects.toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
    operatorMessage: expect.stringContaining("default 'it's'") as string,
  });
});
