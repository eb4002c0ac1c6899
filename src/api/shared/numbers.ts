import { z } from 'zod';

export function int32(description: string): z.ZodNumber {
  return z.int().meta({ description, format: 'int32' });
}

export function int64(description: string): z.ZodNumber {
  return z.int().meta({ description, format: 'int64' });
}

/** A count: an int32 that is not negative. */
export function count(description: string): z.ZodNumber {
  return z.int().min(0).meta({ description, format: 'int32' });
}
