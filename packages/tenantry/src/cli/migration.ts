import path from 'node:path';
import type { Command } from 'commander';
import { type CheckReport, checkMigrations } from '../migrations/authoring/check-migrations.js';
import { createMigration } from '../migrations/authoring/create-migration.js';
import { takeSnapshot } from '../migrations/authoring/take-snapshot.js';
import type { LintFinding } from '../migrations/lint/lint-finding.js';
import { authoringTarget, authoringTargets, serviceOf } from './authoring-targets.js';
import type { CliContext } from './cli-context.js';
import type { LoadedConfig } from './config.js';
import type { Register } from './register.js';
import { UsageError } from './usage-error.js';

interface PartOptions {
  readonly service: string;
  readonly name?: string;
  readonly shared?: boolean;
}

/** `tenantry migration create|check|snapshot`: writing migrations, without a database. */
export const register: Register = (program, run) => {
  const group = program.command('migration').description('write and check migrations; needs no database');
  ofPart(group.command('create').description('write one migration with what changed in the entities'))
    .option('--name <name>', 'in kebab-case (default: from the change)')
    .action((options: PartOptions, command: Command) => run(command, (context) => create(context, options)));
  group
    .command('check')
    .description('fail where entities, migrations and their lists disagree, or the lint finds an error')
    .option('--service <name>', 'one service (default: all)')
    .action((options: { service?: string }, command: Command) =>
      run(command, (context) => check(context, options.service)),
    );
  ofPart(
    group.command('snapshot').description('record that the migrations in the folder have made what the entities say'),
  ).action((options: PartOptions, command: Command) => run(command, (context) => snapshot(context, options)));
};

function ofPart(command: Command): Command {
  return command
    .requiredOption('--service <name>', 'a service of the config')
    .option('--shared', 'its shared schema (default: its tenant schemas)');
}

async function create(context: CliContext, { service, name, shared }: PartOptions): Promise<void> {
  const part = shared ? 'shared' : 'tenant';
  const target = authoringTarget(await context.load(), service, part);
  const { migration: created, notes } = await createMigration(target, name);
  const findings = created?.findings ?? [];
  if (findings.some(({ level }) => level === 'error')) context.exitCode = 1;
  if (context.json) return context.out(JSON.stringify({ service, part, migration: created ?? null, notes }));
  for (const note of notes) context.note(note);
  if (!created)
    return context.out(`Nothing changed: the entities of ${service} (${part}) are as its migrations left them.`);
  context.out(`${path.relative(process.cwd(), created.file)}\n${indented(created.up)}`);
  if (findings.length > 0) context.note(`\n${described(findings)}\n${howToAllow}`);
}

async function check(context: CliContext, service: string | undefined): Promise<void> {
  const loaded = await context.load();
  if (service !== undefined) serviceOf(loaded, service);
  const targets = authoringTargets(loaded).filter((target) => service === undefined || target.service === service);
  if (targets.length === 0) throw new UsageError('The config names no `migrationsDir`, so there is nothing to check.');
  const reports: CheckReport[] = [];
  for (const target of targets) {
    reports.push(await checkMigrations(authoringTarget(loaded, target.service, target.part)));
  }
  for (const line of unchecked(loaded, service)) context.note(line);
  const ok = reports.every((report) => report.ok);
  if (!ok) context.exitCode = 1;
  if (context.json) context.out(JSON.stringify({ ok, reports }));
  else for (const report of reports) context.out(summary(report));
}

async function snapshot(context: CliContext, { service, shared }: PartOptions): Promise<void> {
  const part = shared ? 'shared' : 'tenant';
  const taken = await takeSnapshot(authoringTarget(await context.load(), service, part));
  if (context.json) return context.out(JSON.stringify({ service, part, snapshot: taken }));
  const { file, migration, tables, first } = taken;
  context.out(path.relative(process.cwd(), file));
  context.note(
    `From now on the tables ${tables.join(', ') || '(none)'} count as made by ${migration ?? 'no migration'}. Nothing was compared: if the entities say more than the migrations do, that difference is lost to \`create\`.`,
  );
  if (first && migration) context.note(`The lint begins after ${migration}.`);
}

/** Names services without `migrationsDir`, so that nobody believes that their migrations were checked. */
function unchecked({ config }: LoadedConfig, only: string | undefined): string[] {
  return Object.entries(config.services)
    .filter(([service]) => only === undefined || service === only)
    .flatMap(([service, { migrations, migrationsDir, shared }]) => [
      ...(migrations && migrationsDir === undefined
        ? [`not checked: services.${service} names no \`migrationsDir\``]
        : []),
      ...(shared && shared.migrationsDir === undefined
        ? [`not checked: services.${service}.shared names no \`migrationsDir\``]
        : []),
    ]);
}

function summary({ service, part, ok, problems, statements, notes, findings }: CheckReport): string {
  const lines = [
    `${service} (${part}): ${ok ? 'ok' : 'not ok'}`,
    ...[...problems, ...notes].map((line) => `  ${line}`),
  ];
  if (statements.length > 0) {
    const flag = part === 'shared' ? ' --shared' : '';
    lines.push(`  the entities have changed; \`tenantry migration create --service ${service}${flag}\` would write:`);
    lines.push(indented(statements, '    '));
  }
  if (findings.length > 0) lines.push(described(findings), ...(ok ? [] : [howToAllow]));
  return lines.join('\n');
}

const howToAllow = '  To allow one, write its reason into the statement: -- tenantry-allow <rule>: <reason>';

function described(findings: readonly (LintFinding & { readonly migration?: string })[]): string {
  return findings
    .map(({ level, rule, message, migration, sql }) => {
      const where = migration === undefined ? '' : `${migration}: `;
      return `  ${level} ${rule}: ${where}${message}\n${indented([sql], '    ')}`;
    })
    .join('\n');
}

function indented(statements: readonly string[], by = '  '): string {
  return statements.map((statement) => `${by}${statement.replaceAll('\n', `\n${by}`)}`).join('\n');
}
