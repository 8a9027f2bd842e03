import { StartupError } from './startup-error.js';

/**
 * Reads a TCP port from the environment.
 *
 * @throws StartupError naming the variable.
 */
export function readPort(
  env: Readonly<Record<string, string | undefined>>,
  variable: string,
  fallback: number,
): number {
  const text = env[variable]?.trim();
  if (!text) return fallback;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new StartupError('CONFIG_INVALID', `${variable} is "${text}"; a port is a number between 0 and 65535.`);
}
