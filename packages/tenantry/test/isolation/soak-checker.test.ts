import { describe, expect, it } from 'vitest';
import { HandMade } from './soak/hand-made.js';

/** The history, what is there after it, what was there before it, and what must be found. */
type Case = readonly [
  what: string,
  make: (history: HandMade) => void,
  after: Record<string, readonly string[]>,
  found: readonly string[],
  before?: Record<string, readonly string[]>,
];

const lost = { outcome: 'lost' } as const;
const refused = { outcome: 'refused', code: '22012' } as const;
const unheard = { outcome: 'unheard' } as const;
const elsewhere = { line: 2 } as const;

function check([what, make, after, found, before]: Case): void {
  it(what, () => {
    const history = new HandMade();
    make(history);
    expect(history.faults(after, before)).toEqual(found);
  });
}

describe('a bad history is caught:', () => {
  const cases: readonly Case[] = [
    ['a row of another tenant is read', (h) => h.read(['b/1/0']), { b: ['b/1/0'] }, ['foreign row'], { b: ['b/1/0'] }],
    ['a row lies among another tenant’s', (h) => h.write('a/0/0'), { b: ['a/0/0'] }, ['misplaced row']],
    ['a statement ran as another role', (h) => h.read([], { answer: { role: 'b_soak' } }), {}, ['wrong scope']],
    [
      'a statement ran as the login',
      (h) => h.write('a/0/0', { answer: { role: 'tenantry' } }),
      { a: ['a/0/0'] },
      ['wrong scope'],
    ],
    ['a setting was left behind', (h) => h.read([], { answer: { leak: 'b' } }), {}, ['wrong scope']],
    ['a statement ran without its limit', (h) => h.read([], { answer: { limit: '0' } }), {}, ['wrong scope']],
    ['an answer belongs to another question', (h) => h.read([], { answer: { asked: '7' } }), {}, ['wrong answer']],
    ['an acknowledged write is not there', (h) => h.write('a/0/0'), {}, ['lost write']],
    ['a row of before is not there', () => undefined, {}, ['lost write'], { a: ['a/0/0'] }],
    ['a write is there twice', (h) => h.write('a/0/0'), { a: ['a/0/0', 'a/0/0'] }, ['double write']],
    ['a refused write is there', (h) => h.write('a/0/0', refused), { a: ['a/0/0'] }, ['risen row']],
    ['a row is there that nobody wrote', () => undefined, { a: ['a/0/0'] }, ['risen row']],
    ['a row is read that nobody wrote', (h) => h.read(['a/9/0']), {}, ['risen row']],
    ['a deleted row is there', (h) => (h.write('a/0/0'), h.delete('a/0/0')), { a: ['a/0/0'] }, ['risen row']],
    ['a deleted row is read', (h) => (h.write('a/0/0'), h.delete('a/0/0'), h.read(['a/0/0'])), {}, ['risen row']],
    ['a row is deleted twice', (h) => (h.write('a/0/0'), h.delete('a/0/0'), h.delete('a/0/0')), {}, ['wrong answer']],
    ['a committed row is not read', (h) => (h.write('a/0/0'), h.read([])), { a: ['a/0/0'] }, ['lost write']],
    [
      'a row that a failed delete left is not read',
      (h) => (h.write('a/0/0'), h.delete('a/0/0', refused), h.read([])),
      { a: ['a/0/0'] },
      ['lost write'],
    ],
    [
      'a transaction is lost though its commit was acknowledged',
      (h) => (h.begin(), h.write('a/1/0'), h.commit()),
      {},
      ['lost write'],
    ],
    [
      'a transaction stands though its commit was answered by ROLLBACK',
      (h) => (h.begin(), h.write('a/1/0'), h.commit({ answer: { tag: 'ROLLBACK' } })),
      { a: ['a/1/0'] },
      ['risen row'],
    ],
    [
      'a transaction stands though it was rolled back',
      (h) => (h.begin(), h.write('a/1/0'), h.add('rollback')),
      { a: ['a/1/0'] },
      ['risen row'],
    ],
    [
      'a transaction stands though it was never ended',
      (h) => (h.begin(), h.write('a/1/0'), h.add('let go')),
      { a: ['a/1/0'] },
      ['risen row'],
    ],
    [
      'a transaction stands though its connection was lost before its commit',
      (h) => (h.begin(), h.write('a/1/0'), h.read([], lost)),
      { a: ['a/1/0'] },
      ['risen row'],
    ],
    [
      'what a savepoint took back is there',
      (h) => (
        h.begin(),
        h.add('savepoint', { name: 's' }),
        h.write('a/2/0'),
        h.add('rollback to', { name: 's' }),
        h.commit()
      ),
      { a: ['a/2/0'] },
      ['risen row'],
    ],
    [
      'what a savepoint kept is not there',
      (h) => (
        h.begin(),
        h.add('savepoint', { name: 's' }),
        h.write('a/2/0'),
        h.add('release', { name: 's' }),
        h.commit()
      ),
      {},
      ['lost write'],
    ],
    [
      'a commit that goes on is forgotten',
      (h) => (h.begin(), h.write('a/1/0'), h.commit({ chain: true }), h.write('a/3/0'), h.add('rollback')),
      { a: ['a/3/0'] },
      ['lost write', 'risen row'],
    ],
    [
      'an own write is not read',
      (h) => (h.begin(), h.write('a/1/0'), h.read([]), h.commit()),
      { a: ['a/1/0'] },
      ['lost write'],
    ],
    [
      'a row is read before its commit is asked for',
      (h) => (h.begin(), h.write('a/1/0'), h.read(['a/1/0'], elsewhere), h.commit()),
      { a: ['a/1/0'] },
      ['risen row'],
    ],
    [
      'a row that is rolled back later is read',
      (h) => (h.begin(), h.write('a/1/0'), h.read(['a/1/0'], elsewhere), h.add('rollback')),
      {},
      ['risen row'],
    ],
    [
      'a row is seen, so it is committed, and is not there',
      (h) => (h.write('a/0/0', lost), h.read(['a/0/0'], elsewhere)),
      {},
      ['lost write'],
    ],
    [
      'a transaction lost its level',
      (h) => (h.begin({ level: 'serializable' }), h.read([], { answer: { level: 'read committed' } }), h.commit()),
      {},
      ['wrong transaction'],
    ],
    [
      'another tenant’s code works in a transaction',
      (h) => (h.begin(), h.read([], { tenant: 'b', answer: { role: 'b_soak' } }), h.commit()),
      {},
      ['wrong transaction'],
    ],
    [
      'a fresh connection is in a failed transaction',
      (h) => h.read([], { outcome: 'refused', code: '25P02' }),
      {},
      ['wrong transaction'],
    ],
    [
      'a fresh connection is in another’s transaction',
      (h) => h.read([], { outcome: 'refused', code: 'TENANCY_SCOPE_MISMATCH', error: 'A transaction belongs to b' }),
      {},
      ['wrong transaction'],
    ],
    [
      'a tenant is refused that nobody disturbed',
      (h) => h.read([], { outcome: 'refused', code: 'TENANCY_SCOPE_REFUSED' }),
      {},
      ['needless refusal'],
    ],
    [
      'a row outlives its tenant',
      (h) => (h.write('a/0/0'), h.add('erase', elsewhere)),
      { a: ['a/0/0'] },
      ['risen row'],
    ],
    [
      'a row is lost after its tenant came back',
      (h) => (h.add('erase', elsewhere), h.write('a/1/0')),
      {},
      ['lost write'],
    ],
  ];
  cases.forEach(check);
});

describe('a history that is as it may be passes:', () => {
  const cases: readonly Case[] = [
    ['writes, reads and deletes', (h) => (h.write('a/0/0'), h.read(['a/0/0']), h.delete('a/0/0'), h.read([])), {}, []],
    ['the lost answer of a write that stands', (h) => h.write('a/0/0', lost), { a: ['a/0/0'] }, []],
    ['the lost answer of a write that does not', (h) => h.write('a/0/0', lost), {}, []],
    ['a commit whose answer was lost', (h) => (h.begin(), h.write('a/1/0'), h.commit(lost)), { a: ['a/1/0'] }, []],
    ['the same, and it failed', (h) => (h.begin(), h.write('a/1/0'), h.commit(lost)), {}, []],
    [
      'a write that nobody waited for, in a transaction',
      (h) => (h.begin(), h.write('a/1/0', unheard), h.commit()),
      {},
      [],
    ],
    [
      'a read that was answered before its connection was lost',
      (h) => (
        h.begin(),
        h.write('a/1/0'),
        h.together(['delete', { ...lost, tokens: ['a/9/0'] }], ['read', { answer: { tokens: ['a/1/0'] } }])
      ),
      {},
      [],
    ],
    [
      'a begin that nobody waited for and that was refused',
      (h) => (h.begin({ ...refused, awaited: false }), h.write('a/1/0'), h.add('let go')),
      { a: ['a/1/0'] },
      [],
    ],
    [
      'a statement refused before it was sent',
      (h) => (
        h.begin(),
        h.write('a/1/0'),
        h.commit({ outcome: 'refused', code: 'TENANCY_SCOPE_MISMATCH' }),
        h.commit()
      ),
      { a: ['a/1/0'] },
      [],
    ],
    [
      'a write under way while it is read',
      (h) => h.together(['write', { tokens: ['a/0/0'] }], ['read', { ...elsewhere, answer: { tokens: [] } }]),
      { a: ['a/0/0'] },
      [],
    ],
    [
      'a transaction that sees what stood when it began',
      (h) => (
        h.begin({ level: 'repeatable read' }),
        h.read([], { answer: { level: 'repeatable read' } }),
        h.write('a/2/0', elsewhere),
        h.read([], { answer: { level: 'repeatable read' } }),
        h.commit()
      ),
      { a: ['a/2/0'] },
      [],
    ],
    [
      'a delete that was rolled back',
      (h) => (h.begin(), h.delete('a/9/0'), h.read([]), h.add('rollback'), h.read(['a/9/0'])),
      { a: ['a/9/0'] },
      [],
      { a: ['a/9/0'] },
    ],
    [
      'a refusal while the role is away',
      (h) => h.together(['revoke', elsewhere], ['read', { outcome: 'refused', code: 'TENANCY_SCOPE_REFUSED' }]),
      {},
      [],
    ],
    ['rows that went with their tenant', (h) => (h.write('a/0/0'), h.add('erase', elsewhere), h.read([])), {}, []],
    [
      'a limit that the transaction changed',
      (h) => (h.begin(), h.add('limits'), h.read([], { answer: { limit: '1s' } }), h.commit()),
      {},
      [],
    ],
    ['code that goes on with a connection it gave back', (h) => h.write('a/0/0', { late: true }), {}, []],
  ];
  cases.forEach(check);
});
