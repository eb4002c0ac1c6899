import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kube/index.ts';
import { fileClusterStore } from '../../../../src/provision/store/file-cluster-store.ts';
import { depot, record, shop, stateFile, temporaryFolder } from './builders.ts';

const never = new AbortController().signal;
const cluster = { kind: 'KubeCluster', metadata: { name: 'shop' } };
const key = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n';

describe('the state file', () => {
  it('keeps objects, journal and secrets of several clusters, for the next process', async () => {
    using folder = temporaryFolder();
    const file = stateFile(folder.path);
    await file.putObjects(shop, [cluster]);
    await fileClusterStore(file, shop).append(record());
    await fileClusterStore(file, shop).secrets.put('shop-ca', { 'tls.key': key });
    await file.putObjects(depot, []);

    const again = stateFile(folder.path);
    expect(await again.clusters()).toEqual([
      {
        ...shop,
        objects: [cluster],
        journal: [{ ...record(), message: undefined }],
        secretNames: ['shop-ca'],
        movedTo: undefined,
      },
      { ...depot, objects: [], journal: [], secretNames: [], movedTo: undefined },
    ]);
    const store = fileClusterStore(again, shop);
    expect(await store.secrets.get('shop-ca')).toEqual({ 'tls.key': key });
    expect(await store.secrets.get('shop-etcd')).toBeUndefined();
    await store.secrets.remove('shop-ca');
    expect(await store.secrets.get('shop-ca')).toBeUndefined();
  });

  it('shows objects to whoever reads it, and of a secret its name alone; others than its owner see nothing', async () => {
    using folder = temporaryFolder();
    const file = stateFile(folder.path);
    await file.putObjects(shop, [cluster]);
    await file.writeSecret(shop, 'shop-ca', { 'tls.key': key });
    const path = join(folder.path, 'state.json');
    const text = readFileSync(path, 'utf8');
    expect(text).toContain('KubeCluster');
    expect(text).toContain('shop-ca');
    expect(text).not.toMatch(/PRIVATE KEY|c2VjcmV0|correct horse/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(['state.json']);
  });

  it('is read without a passphrase, which is needed for secrets alone', async () => {
    using folder = temporaryFolder();
    await stateFile(folder.path).writeSecret(shop, 'shop-ca', { a: 'b' });
    const blind = stateFile(folder.path, { passphrase: () => Promise.reject(new Error('asked')) });
    expect((await blind.cluster(shop))?.secretNames).toEqual(['shop-ca']);
    await fileClusterStore(blind, shop).append(record());
    await expect(blind.readSecret(shop, 'shop-ca')).rejects.toThrow('asked');
  });

  it('does not open with another passphrase, nor take a secret under one', async () => {
    using folder = temporaryFolder();
    await stateFile(folder.path).writeSecret(shop, 'shop-ca', { a: 'b' });
    const wrong = stateFile(folder.path, { passphrase: () => Promise.resolve('wrong horse') });
    await expect(wrong.readSecret(shop, 'shop-ca')).rejects.toMatchObject({ reason: 'WrongPassphrase' });
    await expect(wrong.writeSecret(shop, 'shop-sa', { a: 'b' })).rejects.toMatchObject({
      reason: 'WrongPassphrase',
    });
  });

  it('takes no short passphrase to begin with', async () => {
    using folder = temporaryFolder();
    const short = stateFile(folder.path, { passphrase: () => Promise.resolve('short') });
    await expect(short.writeSecret(shop, 'shop-ca', {})).rejects.toMatchObject({
      reason: 'PassphraseTooShort',
    });
  });

  it('can be given another passphrase, and the old one opens nothing any more', async () => {
    using folder = temporaryFolder();
    const file = stateFile(folder.path);
    await file.writeSecret(shop, 'shop-ca', { a: 'b' });
    await file.reseal('another passphrase');
    const renewed = stateFile(folder.path, { passphrase: () => Promise.resolve('another passphrase') });
    expect(await renewed.readSecret(shop, 'shop-ca')).toEqual({ a: 'b' });
    await expect(stateFile(folder.path).readSecret(shop, 'shop-ca')).rejects.toMatchObject({
      reason: 'WrongPassphrase',
    });
  });

  it('is the file that a link points to, and the link stays', async () => {
    using folder = temporaryFolder();
    const place = join(folder.path, 'real.json');
    await stateFile(folder.path, { path: place }).putObjects(shop, [cluster]);
    symlinkSync(place, join(folder.path, 'state.json'));
    await stateFile(folder.path).putObjects(depot, []);
    expect(readdirSync(folder.path).toSorted()).toEqual(['real.json', 'state.json']);
    expect(JSON.parse(readFileSync(place, 'utf8'))).toMatchObject({ clusters: { 'clusters/depot': {} } });
  });

  it('is not written when nothing changes', async () => {
    using folder = temporaryFolder();
    const file = stateFile(folder.path);
    await file.putObjects(shop, []);
    const before = statSync(join(folder.path, 'state.json')).ino;
    await file.removeSecret(shop, 'not there');
    await file.remove(depot);
    expect(statSync(join(folder.path, 'state.json')).ino).toBe(before);
  });
});

describe('a state file of another time', () => {
  it.each([
    [
      'of a newer Hansa',
      { kind: 'HansaState', schemaVersion: 99, clusters: {} },
      'StateTooNew',
      /schema 99, this one knows 1/,
    ],
    ['that is another file', { kind: 'Config' }, 'StateCorrupt', /is no state file of Hansa/],
    ['without clusters', { kind: 'HansaState', schemaVersion: 1 }, 'StateCorrupt', /no readable clusters/],
    ['that was cut off', '{"kind": "Hansa', 'StateCorrupt', /is not JSON/],
  ])('%s is refused, and left as it is', async (_, content, reason, told) => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'state.json');
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(path, text);
    const file = stateFile(folder.path);
    await expect(file.clusters()).rejects.toMatchObject({ reason, message: expect.stringMatching(told) });
    await expect(file.putObjects(shop, [])).rejects.toMatchObject({ reason });
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(readdirSync(folder.path)).toEqual(['state.json']);
  });

  const schema = {
    current: 3,
    migrations: [
      {
        from: 1,
        migrate: ({ machines, ...rest }: object & { machines?: unknown }) => ({
          ...rest,
          hosts: machines as string[],
        }),
      },
      {
        from: 2,
        migrate: ({ hosts, ...rest }: object & { hosts?: unknown }) => ({
          ...rest,
          clusters: { 'clusters/shop': { objects: hosts as never, journal: [], secrets: {} } },
        }),
      },
    ],
  };

  it('that is older is brought up step by step, written so with the first change, and kept as it was beside it', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'state.json');
    const old = JSON.stringify({ kind: 'HansaState', schemaVersion: 1, machines: [{ kind: 'KubeMachine' }] });
    writeFileSync(path, old);
    const file = stateFile(folder.path, { schema });
    expect((await file.cluster(shop))?.objects).toEqual([{ kind: 'KubeMachine' }]);
    expect(readFileSync(path, 'utf8')).toBe(old);
    await file.putObjects(depot, []);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      schemaVersion: 3,
      clusters: { 'clusters/shop': { objects: [{ kind: 'KubeMachine' }] }, 'clusters/depot': {} },
    });
    expect(readFileSync(`${path}.schema-1.bak`, 'utf8')).toBe(old);
  });

  it('that is too old to be read says how to go on', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'state.json'), JSON.stringify({ kind: 'HansaState', schemaVersion: 0 }));
    await expect(stateFile(folder.path, { schema }).clusters()).rejects.toMatchObject({
      reason: 'StateTooOld',
    });
  });
});

describe('a cluster that was moved to another home', () => {
  it('can be read here, and not be changed, until it is brought back', async () => {
    using folder = temporaryFolder();
    const file = stateFile(folder.path);
    await file.putObjects(shop, [cluster]);
    await file.writeSecret(shop, 'shop-ca', { a: 'b' });
    await file.putObjects(depot, []);
    await file.markMoved([shop], 'https://host.example.com');

    const store = fileClusterStore(file, shop);
    const moved = {
      reason: 'StateMoved',
      message: expect.stringContaining('was moved to https://host.example.com'),
    };
    await expect(store.append(record())).rejects.toMatchObject(moved);
    await expect(store.secrets.put('a', {})).rejects.toMatchObject(moved);
    await expect(store.secrets.remove('shop-ca')).rejects.toMatchObject(moved);
    await expect(file.putObjects(shop, [])).rejects.toMatchObject(moved);
    await expect(store.lock('anna', never)).rejects.toMatchObject(moved);
    expect(await store.secrets.get('shop-ca')).toEqual({ a: 'b' });
    await fileClusterStore(file, depot).append(record());

    await file.markReturned([shop]);
    await store.append(record());
    await using _ = await store.lock('anna', never);
  });

  it('is taken along whole, secrets and journal included', async () => {
    using folder = temporaryFolder();
    const file = stateFile(folder.path);
    await file.putObjects(shop, [cluster]);
    await file.writeSecret(shop, 'shop-ca', { 'tls.key': key });
    await file.append(shop, record({ event: 'intent' }));
    const whole = await file.exportCluster(shop);

    using other = temporaryFolder();
    const target = stateFile(other.path, { passphrase: () => Promise.resolve('a passphrase of its own') });
    await target.importCluster(whole);
    expect(await target.exportCluster(shop)).toEqual(whole);
    expect(whole.secrets).toEqual({ 'shop-ca': { 'tls.key': key } });
  });
});

describe('two at once', () => {
  it('on one cluster: the second is told who the first is', async () => {
    using folder = temporaryFolder();
    const [one, two] = [
      fileClusterStore(stateFile(folder.path), shop),
      fileClusterStore(stateFile(folder.path), shop),
    ];
    await using _ = await one.lock('anna@laptop: hansa cluster apply', never);
    await expect(two.lock('ben', never)).rejects.toMatchObject({
      reason: 'Locked',
      message: expect.stringContaining('anna@laptop: hansa cluster apply'),
    });
    await using other = await fileClusterStore(stateFile(folder.path), depot).lock('ben', never);
    expect(other.lost.aborted).toBe(false);
  });

  it('on two clusters in one file: nothing of either is lost', async () => {
    using folder = temporaryFolder();
    const write = async (target: typeof shop | typeof depot) => {
      const store = fileClusterStore(stateFile(folder.path), target);
      for (let attempt = 1; attempt <= 15; attempt += 1) await store.append(record({ attempt }));
    };
    await Promise.all([write(shop), write(depot), stateFile(folder.path).writeSecret(shop, 'a', { b: 'c' })]);
    const clusters = await stateFile(folder.path).clusters();
    expect(clusters.map(({ journal }) => journal.map(({ attempt }) => attempt))).toEqual([
      Array.from({ length: 15 }, (_, index) => index + 1),
      Array.from({ length: 15 }, (_, index) => index + 1),
    ]);
  });

  it('where the second took over: the first writes nothing any more', async () => {
    using folder = temporaryFolder();
    const store = fileClusterStore(stateFile(folder.path), shop);
    await using _ = await store.lock('anna', never);
    await store.append(record());
    const [lock = ''] = readdirSync(folder.path).filter((name) => name.endsWith('shop.lock'));
    writeFileSync(join(folder.path, 'other'), '{}');
    renameSync(join(folder.path, 'other'), join(folder.path, lock));
    await expect(store.append(record())).rejects.toMatchObject({ reason: 'LockLost' });
    expect((await stateFile(folder.path).cluster(shop))?.journal).toHaveLength(1);
  });
});

describe('a writer that is killed', () => {
  it('leaves the old or the new content, all that it promised, and no lock that holds up the next', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'state.json');
    const writer = new URL('killed-writer.ts', import.meta.url).pathname;
    const promised = new Map<string, number>();
    for (let round = 1; round <= 8; round += 1) {
      const child = spawn(process.execPath, [writer, path, `op-${round}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, NODE_NO_WARNINGS: '1' },
      });
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      await once(child.stdout, 'data');
      await systemClock.sleep(round * 5.3);
      child.kill('SIGKILL');
      await once(child, 'close');
      for (const [, operation = '', attempt] of said.matchAll(/^(\S+) (\d+)\n/gm)) {
        promised.set(operation, Number(attempt));
      }
      const journal = (await stateFile(folder.path).cluster(shop))?.journal ?? [];
      for (const [operation, attempt] of promised) {
        const own = journal.filter((each) => each.operation === operation).map((each) => each.attempt);
        expect(own).toEqual(Array.from({ length: own.length }, (_, index) => index + 1));
        expect(own.length).toBeGreaterThanOrEqual(attempt);
        // The last one may have been stored without a word about it.
        expect(own.length).toBeLessThanOrEqual(attempt + 1);
      }
    }
    expect(promised.size).toBe(8);
    await stateFile(folder.path).append(shop, record());
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
