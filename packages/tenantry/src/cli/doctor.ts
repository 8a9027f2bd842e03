import type { DoctorFinding, Severity } from '../doctor/doctor-finding.js';
import { findingsOf } from '../doctor/findings-of.js';
import { readFacts } from '../doctor/read-facts.js';
import type { CliContext } from './cli-context.js';
import type { Register } from './register.js';

/** `tenantry doctor`: exit code 0 when nothing is unsafe, 1 when something is. */
export const register: Register = (program, run) => {
  const command = program
    .command('doctor')
    .description('Name every setting of the database and its roles that weakens a promise; changes nothing.')
    .addHelpText('after', '\nExit codes: 0 nothing is unsafe, 1 something is, 2 wrong usage.')
    .action(() => run(command, doctor));
};

async function doctor(context: CliContext): Promise<void> {
  const findings = await context.withDatabase(async ({ url, ownerUrl, config }) => {
    const { isolation, serving } = config;
    return findingsOf(await readFacts({ url, ownerUrl, isolation, serving }));
  });
  const unsafe = findings.some(({ severity }) => severity === 'unsafe');
  context.exitCode = unsafe ? 1 : 0;
  if (context.json) context.out(JSON.stringify({ safe: !unsafe, findings }));
  else for (const line of linesOf(findings)) context.out(line);
}

function linesOf(findings: readonly DoctorFinding[]): string[] {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  return [
    ...findings.flatMap(({ severity, code, sentence, change }) => [
      `${severity.padEnd(6)} ${code}: ${sentence}`,
      `       ${change}`,
    ]),
    `${count('unsafe')} unsafe, ${count('weak')} weak, ${count('note')} to note.`,
  ];
}
