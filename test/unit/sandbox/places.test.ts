import { describe, expect, it } from 'vitest';
import { cacheDirFor, sandboxDirFor, sandboxesDirFor } from '../../../src/sandbox/places.ts';

describe('where a sandbox keeps its things', () => {
  it('follows the most special variable that is set', () => {
    expect(cacheDirFor({ HANSA_CACHE_DIR: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
    expect(cacheDirFor({ XDG_CACHE_HOME: '/b' })).toBe('/b/hansa');
    expect(cacheDirFor({ HANSA_CACHE_DIR: '' })).toMatch(/\/\.cache\/hansa$/);
    expect(sandboxesDirFor({ HANSA_SANDBOX_DIR: '/a' })).toBe('/a');
    expect(sandboxesDirFor({ XDG_DATA_HOME: '/b' })).toBe('/b/hansa/sandboxes');
    expect(sandboxesDirFor({})).toMatch(/\/\.local\/share\/hansa\/sandboxes$/);
  });

  it.each(['..', 'a/b', '', 'Upper', '-a', 'a-', '.hidden', 'x'.repeat(41)])(
    'refuses the name %j, which would become a path',
    (name) => {
      expect(() => sandboxDirFor(name, '/data')).toThrow(/can't be used/);
    },
  );

  it('takes plain names', () => {
    expect(sandboxDirFor('demo-1', '/data')).toBe('/data/demo-1');
  });
});
