/** An error and what it wraps, from the outside in: MikroORM wraps what the driver throws. */
export function* errorCauses(error: unknown): Generator {
  let current = error;
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth++) {
    yield current;
    const { cause, previous, errors } = current as { cause?: unknown; previous?: unknown; errors?: unknown[] };
    current = cause ?? previous ?? errors?.[0];
  }
}
