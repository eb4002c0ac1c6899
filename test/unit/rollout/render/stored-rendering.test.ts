import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../src/kube/index.ts';
import {
  packRendering,
  type Rendering,
  unpackRendering,
} from '../../../../src/rollout/render/stored-rendering.ts';

const rendering = (content: string): Rendering => ({
  source: { chart: 'nginx', version: '0.0.1', repository: 'https://charts.example.com', digest: 'abc' },
  objects: [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { content } } as KubeObject,
  ],
});
const damaged = expect.objectContaining({ reason: 'RenderingDamaged' });

describe('a rendering', () => {
  it('comes back as it was, whatever the number of parts', async () => {
    const written = rendering(randomBytes(5_000).toString('base64'));
    for (const partBytes of [900_000, 1_000, 333]) {
      const packed = await packRendering(written, partBytes);
      expect(packed.parts.every((part) => part.length > 0 && part.length <= partBytes)).toBe(true);
      expect(await unpackRendering(packed)).toEqual(written);
    }
  });

  it('has the same address whenever it is the same, and another when it is not', async () => {
    const { digest } = await packRendering(rendering('a'));
    expect((await packRendering(rendering('a'))).digest).toBe(digest);
    expect((await packRendering(rendering('b'))).digest).not.toBe(digest);
  });

  it('is not taken when a byte of it has changed, or a part is gone or in another place', async () => {
    const packed = await packRendering(rendering(randomBytes(2_000).toString('base64')), 500);
    const [first, ...others] = packed.parts;
    const changed = Uint8Array.from(first ?? []);
    changed[20] = (changed[20] ?? 0) ^ 1;
    const wrong = [[changed, ...others], others, packed.parts.toReversed()];
    for (const parts of wrong) {
      await expect(unpackRendering({ ...packed, parts })).rejects.toEqual(damaged);
    }
  });

  it('is refused when it needs more Secrets than a host should hold', async () => {
    const large = rendering(randomBytes(50_000).toString('base64'));
    await expect(packRendering(large, 1_000)).rejects.toThrow(
      expect.objectContaining({ reason: 'RenderingTooLarge' }),
    );
  });
});
