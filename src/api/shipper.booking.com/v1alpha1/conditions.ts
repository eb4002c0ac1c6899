import { z } from 'zod';

type Words = Readonly<Record<string, string>>;

/** The fields of a condition as Shipper writes it, with the words that may stand in it. */
export function conditionFields(types: Words, reasons: Words) {
  return {
    type: z.string().meta({ description: `What the condition is about: ${explained(types)}.` }),
    status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'Whether it holds.' }),
    lastTransitionTime: z.exactOptional(
      z.string().meta({ description: 'When the status last changed.', format: 'date-time' }),
    ),
    reason: z.exactOptional(z.string().meta({ description: `Why, in one word: ${explained(reasons)}.` })),
    message: z.exactOptional(
      z.string().meta({ description: 'Why, in a sentence that tells what to do next.' }),
    ),
  };
}

/** A list of conditions, one a type. */
export function shipperConditions(types: Words, reasons: Words) {
  return z.array(z.object(conditionFields(types, reasons))).meta({
    description: 'The state of the whole, one entry a type.',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  });
}

function explained(words: Words): string {
  return Object.entries(words)
    .map(([word, meaning]) => `\`${word}\` (${meaning})`)
    .join(', ');
}
