import { z } from 'zod';

const fullName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^\P{Cc}*$/u, 'has a control character');

export const createUser = z.strictObject({ fullName });
export const updateUser = z.strictObject({ fullName: fullName.optional() });
export const userId = z.uuid();
export const userPage = z.strictObject({ after: z.uuid().optional(), limit: z.coerce.number().int().min(1).max(1000).default(100) });

export type CreateUser = z.infer<typeof createUser>;
export type UpdateUser = z.infer<typeof updateUser>;
export type UserPage = z.infer<typeof userPage>;
