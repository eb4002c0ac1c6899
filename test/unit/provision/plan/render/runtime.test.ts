import { describe, expect, it } from 'vitest';
import { chooseRuntime } from '../../../../../src/provision/plan/render/runtime.ts';
import {
  containerdSatisfies,
  type RuntimeSettings,
  renderContainerdConfig,
  renderCrioConfig,
} from '../../../../../src/provision/plan/render/runtime-config.ts';

const bare = { hostname: 'm1', runtimeSockets: [], programs: {}, stamps: {} };
const containerd = '/run/containerd/containerd.sock';

describe('the runtime of a machine', () => {
  it.each([
    ['nothing', bare, { kind: 'install', runtime: 'containerd', socket: containerd }],
    ['containerd', { ...bare, runtimeSockets: [containerd] }, { kind: 'adopt', runtime: 'containerd' }],
    [
      'containerd that does not run',
      { ...bare, programs: { containerd: '1.7' } },
      { kind: 'adopt', runtime: 'containerd' },
    ],
    ['CRI-O', { ...bare, runtimeSockets: ['/var/run/crio/crio.sock'] }, { kind: 'adopt', runtime: 'crio' }],
    [
      'Docker with cri-dockerd',
      { ...bare, programs: { dockerd: '28' }, runtimeSockets: [containerd, '/run/cri-dockerd.sock'] },
      { kind: 'adopt', runtime: 'cri-dockerd', socket: '/run/cri-dockerd.sock' },
    ],
    [
      'Docker alone, whose containerd is not kubelet’s',
      { ...bare, programs: { dockerd: '28' }, runtimeSockets: [containerd] },
      { kind: 'refuse', reason: 'DockerWithoutCri', message: expect.stringContaining('install cri-dockerd') },
    ],
    [
      'two of them',
      { ...bare, runtimeSockets: [containerd, '/run/crio/crio.sock'] },
      { kind: 'refuse', reason: 'SeveralRuntimes', message: expect.stringContaining('containerd and crio') },
    ],
  ])('with %s', (_, facts, expected) => {
    expect(chooseRuntime(facts)).toMatchObject(expected);
  });
});

describe('containerd', () => {
  const settings: RuntimeSettings = {
    sandboxImage: 'mirror.example/pause:3.10.2',
    cgroupDriver: 'systemd',
    restrictOomScore: false,
  };

  it('has its configuration in the shape of its own version', () => {
    expect(renderContainerdConfig(settings, 1)).toMatch(/^version = 2$/m);
    expect(renderContainerdConfig(settings, 1)).toContain('sandbox_image = "mirror.example/pause:3.10.2"');
    expect(renderContainerdConfig(settings, 2)).toMatch(/^version = 3$/m);
    expect(renderContainerdConfig(settings, 2)).toContain('sandbox = "mirror.example/pause:3.10.2"');
  });

  it.each([1, 2])('%i.x as Hansa sets it up is left alone the next time', (major) => {
    const dump = `${renderContainerdConfig(settings, major)}\n    bin_dirs = ["/opt/cni/bin"]\n`;
    expect(containerdSatisfies(dump, settings)).toBe(true);
  });

  it.each([
    ['another pause image', { sandboxImage: 'registry.k8s.io/pause:3.10.2' }],
    ['another cgroup driver', { cgroupDriver: 'cgroupfs' as const }],
    ['a lower score that it may not set', { restrictOomScore: true }],
  ])('that would be wrong with %s is set up anew', (_, changes) => {
    const dump = renderContainerdConfig(settings, 1);
    expect(containerdSatisfies(dump, { ...settings, ...changes })).toBe(false);
  });

  it('whose plugin for kubelet is switched off, as Docker’s package does, is set up anew', () => {
    const dump = `disabled_plugins = ["cri"]\n${renderContainerdConfig(settings, 1)}`;
    expect(containerdSatisfies(dump, settings)).toBe(false);
  });
});

it('CRI-O gets the same in its own words', () => {
  const text = renderCrioConfig({
    sandboxImage: 'x/pause:1',
    cgroupDriver: 'cgroupfs',
    restrictOomScore: false,
  });
  expect(text).toContain('pause_image = "x/pause:1"');
  expect(text).toContain('cgroup_manager = "cgroupfs"');
  // CRI-O doesn't start with cgroupfs and a conmon in a slice of systemd.
  expect(text).toContain('conmon_cgroup = "pod"');
});
