import { z } from 'zod';

const name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'has a control character, or half of a surrogate pair');

export const createItem = z.strictObject({ name });
export const updateItem = z.strictObject({ name: name.optional() });
export const itemId = z.uuid().toLowerCase();
export const itemPage = z.strictObject({
  after: itemId.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

export type CreateItem = z.infer<typeof createItem>;
export type UpdateItem = z.infer<typeof updateItem>;
export type ItemPage = z.infer<typeof itemPage>;
