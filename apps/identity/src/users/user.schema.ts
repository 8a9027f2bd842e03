import { z } from 'zod';

const fullName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'has a control character, or half of a surrogate pair');

export const createUser = z.strictObject({ fullName });
export const updateUser = z.strictObject({ fullName: fullName.optional() });
/** PostgreSQL writes a uuid in lower case, and a tenant's id is that text. */
export const userId = z.uuid().toLowerCase();
export const userPage = z.strictObject({
  after: userId.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** `?dryRun=true` answers what would be done, and does nothing. */
export const migrateQuery = z.strictObject({ dryRun: z.enum(['true', 'false']).default('false') });

export type CreateUser = z.infer<typeof createUser>;
export type UpdateUser = z.infer<typeof updateUser>;
export type UserPage = z.infer<typeof userPage>;
export type MigrateQuery = z.infer<typeof migrateQuery>;
