import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { goModText, toolsText } from '../../../src/sandbox/go-module.ts';
import { nodeModulesFor, type WantedProgram } from '../../../src/sandbox/node-modules.ts';
import { ensureNodePrograms } from '../../../src/sandbox/node-programs.ts';
import { writeFakeGo } from './fake-go.ts';

describe('the modules of what runs on a node', () => {
  it('are one for each module and version', () => {
    const wanted: WantedProgram[] = [
      { program: 'kubelet', version: '1.36.3' },
      { program: 'etcd', version: '3.6.8' },
      { program: 'kubeadm', version: '1.36.3' },
      { program: 'etcdctl', version: '3.6.8' },
      { program: 'cni-flannel', version: '0.9.1' },
      { program: 'cni-bridge', version: '1.9.1' },
      { program: 'cni-host-local', version: '1.9.1' },
    ];
    expect(nodeModulesFor(wanted).map(({ path, version, packages }) => [path, version, packages])).toEqual([
      [
        'k8s.io/kubernetes',
        '1.36.3',
        { kubelet: 'k8s.io/kubernetes/cmd/kubelet', kubeadm: 'k8s.io/kubernetes/cmd/kubeadm' },
      ],
      ['go.etcd.io/etcd/server/v3', '3.6.8', { etcd: 'go.etcd.io/etcd/server/v3' }],
      ['go.etcd.io/etcd/etcdctl/v3', '3.6.8', { etcdctl: 'go.etcd.io/etcd/etcdctl/v3' }],
      [
        'github.com/containernetworking/plugins',
        '0.9.1',
        { 'cni-flannel': 'github.com/containernetworking/plugins/plugins/meta/flannel' },
      ],
      [
        'github.com/containernetworking/plugins',
        '1.9.1',
        {
          'cni-bridge': 'github.com/containernetworking/plugins/plugins/main/bridge',
          'cni-host-local': 'github.com/containernetworking/plugins/plugins/ipam/host-local',
        },
      ],
    ]);
  });

  it('give CoreDNS the plugins that the Corefile of kubeadm names, and no cloud', () => {
    const [module] = nodeModulesFor([{ program: 'coredns', version: '1.14.2' }]);
    if (!module) throw new Error('no module');
    const main = module.sources?.['coredns/main.go'] ?? '';
    const inCorefile = [
      'errors',
      'health',
      'ready',
      'kubernetes',
      'metrics',
      'forward',
      'cache',
      'loop',
      'reload',
    ];
    for (const plugin of [...inCorefile, 'loadbalance']) {
      expect(main).toContain(`_ "github.com/coredns/coredns/plugin/${plugin}"`);
    }
    expect(main).not.toMatch(/azure|route53|clouddns/);
    expect(toolsText(module)).toContain('_ "hansa.dev/sandbox-programs/coredns"');
  });
});

describe('a program whose module can not be built as it was published', () => {
  let dir: string;
  const path = process.env.PATH ?? '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'hansa-unit-'));
    writeFakeGo(join(dir, 'go'));
    process.env.PATH = `${join(dir, 'go')}:${path}`;
    const published = join(dir, 'go', 'published');
    mkdirSync(published);
    writeFileSync(
      join(published, 'go.mod'),
      'module f\n\nrequire (\n\tgithub.com/tencentcloud/sdk v1\n\tgood v1\n)\n',
    );
    writeFileSync(
      join(published, 'main.go'),
      'import (\n\t_ "f/pkg/backend/tencentvpc"\n\t_ "f/pkg/backend/udp"\n\t_ "f/pkg/backend/vxlan"\n)\n',
      // As Go keeps what it has downloaded.
      { mode: 0o444 },
    );
  });
  afterEach(() => {
    process.env.PATH = path;
    rmSync(dir, { recursive: true, force: true });
  });

  it('is built from a copy that can', async () => {
    const [module] = nodeModulesFor([{ program: 'flanneld', version: '1.36.3' }]);
    if (!module) throw new Error('no module');
    expect(goModText(module, 'go 1.25.0')).toContain('replace github.com/flannel-io/flannel => ./mended\n');
    const cacheDir = join(dir, 'cache');
    const programs = await ensureNodePrograms([{ program: 'flanneld', version: '1.36.3' }], { cacheDir });
    const tidied = (file: string) => readFileSync(join(dir, 'go', 'tidied', 'mended', file), 'utf8');
    expect(tidied('go.mod')).toBe('module f\n\nrequire (\n\tgood v1\n)\n');
    expect(tidied('main.go')).toBe('import (\n\t_ "f/pkg/backend/vxlan"\n)\n');
    expect(readFileSync(programs.get('flanneld') ?? '', 'utf8')).toContain('1.36.3');
  });

  it('is built once', async () => {
    const wanted = [{ program: 'flanneld', version: '1.36.3' }] as const;
    const cacheDir = join(dir, 'cache');
    const first = await ensureNodePrograms(wanted, { cacheDir });
    rmSync(join(dir, 'go', 'go'));
    expect(await ensureNodePrograms(wanted, { cacheDir })).toEqual(first);
  });
});
