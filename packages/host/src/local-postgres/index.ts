export { ephemeralPostgres } from './ephemeral-postgres.js';
export { type LocalPostgres, type LocalPostgresOptions, startLocalPostgres } from './start-local-postgres.js';
