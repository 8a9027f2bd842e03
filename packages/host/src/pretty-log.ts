import { prettyFactory, default as pretty, type PrettyOptions, type PrettyStream } from 'pino-pretty';

const options: PrettyOptions = {
  singleLine: true,
  translateTime: 'SYS:HH:MM:ss.l',
  ignore: 'pid,hostname,service,context,method,url,status,ms',
};

/** Where a logger writes for a person. */
export function pinoPretty(): PrettyStream {
  return pretty({ ...options, colorize: true, sync: true });
}

/** Turns one JSON log line into readable text; any other line is answered as it came. */
export function prettyLine(colorize: boolean): (line: string) => string {
  const format = prettyFactory({ ...options, colorize });
  return (line) => (line.startsWith('{') ? format(line).trimEnd() : line);
}
