import { z } from 'zod';

/** A list of conditions, one a type, so that several writers can each own theirs. */
export function conditions(
  types: Readonly<Record<string, string>>,
  reasons: Readonly<Record<string, string>>,
) {
  const known = (words: Readonly<Record<string, string>>) =>
    Object.entries(words)
      .map(([word, meaning]) => `\`${word}\` (${meaning})`)
      .join(', ');
  return z
    .array(
      z.object({
        type: z.string().meta({ description: `What the condition is about: ${known(types)}.` }),
        status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'Whether it holds.' }),
        reason: z.exactOptional(z.string().meta({ description: `Why, in one word: ${known(reasons)}.` })),
        message: z.exactOptional(
          z.string().meta({ description: 'Why, in a sentence that tells what to do next.' }),
        ),
        lastUpdateTime: z.exactOptional(
          z.string().meta({
            description: 'When the condition or the clusters below it last changed.',
            format: 'date-time',
          }),
        ),
        lastTransitionTime: z.exactOptional(
          z.string().meta({ description: 'When status or reason last changed.', format: 'date-time' }),
        ),
      }),
    )
    .meta({
      description: 'The state of the whole, one entry a type.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    });
}
