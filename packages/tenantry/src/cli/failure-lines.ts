import type { RolloutFailure } from '../fleet/rollout-failure.js';

/** Why one tenant failed, as a person reads it: the reason, and what PostgreSQL said besides. Pure. */
export function failureLines(lead: string, { code, reason, detail, statement }: RolloutFailure): string[] {
  return [
    `${lead} ${code}: ${reason}`,
    ...(detail === null ? [] : [`  ${detail}`]),
    ...(statement === null ? [] : [`  in: ${statement}`]),
  ];
}
