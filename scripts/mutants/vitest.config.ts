import config from '../../vitest.config.ts';

/** The suite's own configuration, for the tests of one room: which, its environment says. */
export default {
  ...config,
  test: { ...config.test, include: (process.env['MUTANT_TESTS'] ?? '').split(',').filter(Boolean) },
};
