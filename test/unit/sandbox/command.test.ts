import { describe, expect, it } from 'vitest';
import { createProgress, plainProgress } from '../../../src/cli/progress.ts';
import { renderStatus } from '../../../src/cli/render-sandbox.ts';
import { readMembers, readNumber } from '../../../src/cli/sandbox-wishes.ts';
import type { SandboxStatus } from '../../../src/sandbox/index.ts';

describe('members on the command line', () => {
  it('are a number, with regions dealt out in turn', () => {
    expect(readMembers('4', { regions: 'eu, us,ap' }).map(({ name, region }) => [name, region])).toEqual([
      ['cluster1', 'eu'],
      ['cluster2', 'us'],
      ['cluster3', 'ap'],
      ['cluster4', 'eu'],
    ]);
    expect(readMembers('0')).toEqual([]);
  });

  it('or names, with second names', () => {
    expect(readMembers('paris,tokyo', { aliases: 'A=tokyo' })).toEqual([
      { name: 'paris' },
      { name: 'tokyo', alias: 'A' },
    ]);
  });

  it.each([
    ['a', 'A=b'],
    ['a', 'A'],
  ])('%s with the alias %s is a mistake that is named', (members, aliases) => {
    expect(() => readMembers(members, { aliases })).toThrow(/ALIAS=MEMBER/);
  });

  it('are not more than a machine can hold', () => {
    expect(() => readMembers('5000')).toThrow(/at most/);
    expect(() => readNumber('--nodes', '1.5', { min: 0, max: 9 })).toThrow(/whole number from 0 to 9/);
  });
});

describe('progress', () => {
  it('is plain lines where nobody watches, with word now and then of what takes long', () => {
    const lines: string[] = [];
    let now = 0;
    const step = plainProgress(
      (line) => lines.push(line),
      () => now,
    ).step('compile');
    step.update('1 package');
    now = 16_000;
    step.update('2 packages');
    step.update('3 packages');
    step.done('16s');
    expect(lines).toEqual(['… compile', '… compile: 2 packages', '✓ compile: 16s']);
  });

  it('rewrites the steps that go on below those that ended, on a terminal', () => {
    let written = '';
    const stream = { isTTY: true, columns: 40, write: (text: string) => (written += text) };
    const progress = createProgress({ stream: stream as unknown as NodeJS.WriteStream, live: true });
    const [one, other] = [progress.step('one'), progress.step('other')];
    one.done('first');
    other.fail('a long reason\nand a log');
    expect(screen(written)).toEqual(['✓ one: first', '✗ other: a long reason']);
  });
});

/** What a terminal shows after these bytes. */
function screen(text: string): string[] {
  const lines: string[] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's own language
  for (const part of text.split(/(\x1b\[\d*[A-Za-z]|\n|\r)/)) {
    const up = /^\x1b\[(\d+)A$/.exec(part);
    if (up) lines.splice(lines.length - Number(up[1]));
    else if (part !== '' && part !== '\n' && part !== '\r' && !part.startsWith('\x1b')) {
      if (text.length > 0) lines.push(part);
    }
  }
  return lines.reduce<string[]>((all, part) => {
    const last = all.at(-1);
    if (last !== undefined && /^[✓✗⠋]$/u.test(last)) all[all.length - 1] = `${last}${part}`;
    else all.push(part);
    return all;
  }, []);
}

describe('the status of a sandbox', () => {
  const status: SandboxStatus = {
    name: 'demo',
    dir: '/data/demo',
    standing: 'degraded',
    kubernetesVersion: '1.36.3',
    startedAt: '2026-01-01T00:00:00Z',
    detached: true,
    keep: false,
    kubeconfigPath: '/data/demo/kubeconfig',
    controlPlanes: [
      {
        name: 'host',
        server: 'https://127.0.0.1:20001',
        etcdPort: 20_002,
        parts: 'api',
        nodes: 0,
        processes: [
          { component: 'etcd', pid: 7, running: true, memoryBytes: 47_000_000 },
          { component: 'kube-apiserver', pid: 8, running: false },
        ],
      },
    ],
  };

  it('is a row a process', () => {
    expect(renderStatus([status], Date.parse('2026-01-01T00:05:00Z'))).toMatchInlineSnapshot(`
      "demo: up, but parts of it have ended; Kubernetes 1.36.3, started 5m ago
      CONTROL PLANE  COMPONENT       STATE  PID   PORT  MEMORY
      host           etcd            up       7  20002   47 MB
      host           kube-apiserver  down     8  20001       -
      memory 47 MB; kubeconfig /data/demo/kubeconfig"
    `);
  });

  it('says what to do where there is none', () => {
    expect(renderStatus([], 0)).toMatch(/sandbox up/);
  });
});
