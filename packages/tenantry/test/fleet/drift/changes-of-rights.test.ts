import { afterAll, beforeAll, it } from 'vitest';
import { type Change, expectFoundAndRepaired } from './change.js';
import { type Garden, openGarden } from './garden.js';

let garden: Garden;
beforeAll(async () => {
  garden = await openGarden();
  await garden.database.admin.query('create role drift_stranger');
});
afterAll(async () => {
  await garden.database.admin.query('drop owned by drift_stranger; drop role drift_stranger');
  await garden.close();
});

const changes: readonly Change[] = [
  {
    change: 'a grant on a table revoked',
    by: ['revoke insert, update on widget from "$"'],
    found: ['table widget: grants'],
    says: /^The tenant role lacks insert, update on table widget\.$/,
  },
  {
    change: 'a grant on a table given',
    by: ['grant select on widget to drift_stranger with grant option'],
    found: ['table widget: grants'],
    says: /^The role drift_stranger has select on table widget and may grant it on, which no migration gives\.$/,
  },
  {
    change: 'a grant on one column given',
    by: ['grant update (name) on widget to public'],
    found: ['column widget.name: grants'],
    says: /^Everybody \(public\) has update on column widget\.name/,
  },
  {
    change: 'a grant on a sequence revoked',
    by: ['revoke usage on sequence ticket from "$"'],
    found: ['sequence ticket: grants'],
    says: /lacks usage on sequence ticket/,
  },
  {
    change: 'a grant on the schema revoked',
    by: ['revoke usage on schema "$" from "$"'],
    found: ['schema : grants'],
    says: /^The tenant role lacks usage on the schema\.$/,
  },
  {
    change: 'a default privilege revoked',
    by: ['alter default privileges in schema "$" revoke insert on tables from "$"'],
    found: ['default privileges tables: grants'],
    says: /lacks insert on tables of later migrations/,
  },
  {
    change: 'all default privileges of sequences revoked',
    by: ['alter default privileges in schema "$" revoke all on sequences from "$"'],
    found: ['default privileges sequences: grants'],
    says: /lacks select, usage on sequences of later migrations/,
  },
  {
    change: 'the owner of a table changed',
    by: ['alter table widget owner to drift_stranger'],
    found: ['table widget: owner'],
    says: /^Table widget belongs to the role drift_stranger, not to the owner role\.$/,
  },
  {
    change: 'the owner of the schema changed',
    by: ['alter schema "$" owner to drift_stranger'],
    found: ['schema : owner'],
    says: /^The schema belongs to the role drift_stranger/,
  },
  {
    change: 'the owner of a type changed',
    by: ['alter type mood owner to drift_stranger'],
    found: ['type mood: owner'],
    says: /belongs to/,
  },
  {
    change: 'a tenant role that may log in',
    by: ['alter role "$" login createdb'],
    found: ['role : different'],
    says: /^The tenant role has login createdb/,
  },
  {
    change: 'a tenant role that the service may not switch to',
    by: ['revoke "$" from %service'],
    found: ['role : different'],
    says: /may not switch to the tenant role/,
  },
];

it.each(changes)('finds $change, and its repair puts it right', (change) => expectFoundAndRepaired(garden, change));
