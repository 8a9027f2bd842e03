import { type Level, type Logger, pino } from 'pino';
import { pinoPretty } from './pretty-log.js';

/** How much a service logs. From `info` on down there is a line for every request; `warn` and above have none. */
export type LogLevel = Level | 'silent';

/** JSON lines on stdout, or readable ones when a person watches a terminal. */
export function serviceLogger(name: string, level: LogLevel): Logger {
  const options = {
    level,
    base: { service: name },
    hooks: {
      logMethod(this: Logger, args: Parameters<Logger['info']>, method: Logger['info'], levelValue: number) {
        if (levelValue <= infoValue && !this.isLevelEnabled('debug') && isFrameworkChatter(args[0])) return;
        method.apply(this, args);
      },
    },
  };
  return process.stdout.isTTY ? pino(options, pinoPretty()) : pino(options);
}

const infoValue = pino.levels.values.info ?? 30;
const chatter = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

// Nest announces every module and route at `info`; whoever wants that asks for `debug`.
function isFrameworkChatter(fields: unknown): boolean {
  return typeof fields === 'object' && fields !== null && 'context' in fields && chatter.has(String(fields.context));
}
