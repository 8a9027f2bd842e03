import { lintRules } from './lint-rules.js';

/** What comments of a statement allow it to do. */
export interface Allowances {
  readonly allowed: ReadonlySet<string>;
  /** Comments that allow nothing, and why. */
  readonly refused: readonly string[];
}

const shape = /^tenantry-allow\b\s*([^\s:]*)\s*(?::([\s\S]*))?$/;

/** Reads `tenantry-allow <rule>: <reason>` out of comments. Pure. */
export function readAllowances(comments: readonly string[]): Allowances {
  const allowed = new Set<string>();
  const refused: string[] = [];
  for (const comment of comments) {
    const match = shape.exec(comment);
    if (!match) continue;
    const [, rule = '', reason = ''] = match;
    if (!(rule in lintRules)) refused.push(`allows "${rule}", which is not a rule`);
    else if (!/\p{L}/u.test(reason)) refused.push(`allows ${rule} without a reason`);
    else allowed.add(rule);
  }
  return { allowed, refused };
}
