import { type Explainer, missing, sentence, unknown } from './finding.js';

/** Operators, collations, extensions and the like: they are named, but how they are made is not told. */
export const otherObject: Explainer<'other'> = {
  missing: (object) => [missing(sentence(object), null)],
  unknown: (object, { type, identity }) => [unknown(sentence(object), [`drop ${type} if exists ${identity}`])],
  changed: () => [],
};
