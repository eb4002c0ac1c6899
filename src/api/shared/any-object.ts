import { z } from 'zod';

/** A JSON object that is passed on as it is; its content belongs to someone else. */
export function anyObject(description: string) {
  return z.record(z.string(), z.unknown()).meta({ description });
}
