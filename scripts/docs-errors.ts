import { readFile, writeFile } from 'node:fs/promises';
import { errorCodes } from '../packages/tenantry/src/errors/error-codes.ts';
import type { ErrorDescription } from '../packages/tenantry/src/errors/error-description.ts';

const page = new URL('../docs/errors.md', import.meta.url);

const intro = `# Errors

Every failure that Tenantry reports is a \`TenancyError\` with one of the codes below. Over HTTP it is answered as problem
details (RFC 9457, \`application/problem+json\`): \`type\` is \`urn:tenantry:error:<code>\`, and \`title\`, \`status\`, \`detail\`
and \`code\` are as listed here. The sentence for the operator is the error's \`message\`: it goes to the log and never to
the caller. \`{…}\` stands for a fact of the single failure.

Other failures of a request (a body that is no JSON, values that a schema refuses, an exception that the service throws)
are answered in the same form, with \`type\` \`about:blank\` and a \`code\` made from the status: \`HTTP_BAD_REQUEST\`,
\`HTTP_NOT_FOUND\`. Where values were refused, \`errors\` lists what is wrong with them.

Generated from \`packages/tenantry/src/errors/error-codes.ts\` by \`npm run docs\`.
`;

/** The page as it should be. */
export function errorsPage(): string {
  const sections = Object.entries<ErrorDescription>(errorCodes)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, description]) => section(code, description));
  return [intro, ...sections].join('\n');
}

function section(code: string, { status, title, detail, operator, retryAfter }: ErrorDescription): string {
  const retry = retryAfter === undefined ? '' : `, \`Retry-After: ${retryAfter}\``;
  return `## ${code}

${status} ${title}${retry}

- Caller: ${detail}
- Operator: ${operator}
`;
}

if (process.argv[1] === import.meta.filename) {
  if (!process.argv.includes('--check')) await writeFile(page, errorsPage());
  else if ((await readFile(page, 'utf8').catch(() => '')) !== errorsPage()) {
    console.error('docs/errors.md is not what the code says; run: npm run docs');
    process.exitCode = 1;
  }
}
