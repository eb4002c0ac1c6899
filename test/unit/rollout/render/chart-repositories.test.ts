import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../../../../src/kube/index.ts';
import { createChartRepositories } from '../../../../src/rollout/render/chart-repositories.ts';
import { startChartRepository } from '../../../support/chart-repository.ts';

/** Nothing over HTTP needs the program. */
const helmPath = '/nowhere/helm';

function open() {
  const clock = createSimulatedClock();
  return { clock, repositories: createChartRepositories({ helmPath, clock }) };
}

const fails = (reason: string, message: RegExp) =>
  expect.objectContaining({ reason, message: expect.stringMatching(message) });

describe('the index of a repository', () => {
  it('is asked for once by however many ask at once, and again when it is old', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1', '0.0.2'] } });
    const { clock, repositories } = open();
    const ask = () => repositories.versions({ url: server.url }, 'nginx');
    const answers = await Promise.all([ask(), ask(), ask(), ask()]);
    expect(answers).toEqual(Array(4).fill({ versions: ['0.0.2', '0.0.1'] }));
    await ask();
    expect(server.requests).toHaveLength(1);
    await server.publish('nginx', '0.0.3');
    clock.advance(10_001);
    expect((await ask()).versions).toEqual(['0.0.3', '0.0.2', '0.0.1']);
    expect(server.requests).toHaveLength(2);
  });

  it('is not sent again if it is the same', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] }, etag: true });
    const { clock, repositories } = open();
    await repositories.versions({ url: server.url }, 'nginx');
    clock.advance(10_001);
    expect(await repositories.versions({ url: server.url }, 'nginx')).toEqual({ versions: ['0.0.1'] });
    expect(server.requests).toHaveLength(2);
  });

  it('is kept while the repository is down, says so, and recovers', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    const { clock, repositories } = open();
    const ask = () => repositories.versions({ url: server.url }, 'nginx');
    await ask();
    server.ails.down = true;
    clock.advance(10_001);
    const stale = await ask();
    expect(stale.versions).toEqual(['0.0.1']);
    expect(stale.staleBecause).toContain('cannot be reached');
    server.ails.down = false;
    server.ails.indexText = '<html>maintenance</html>';
    clock.advance(10_001);
    expect((await ask()).staleBecause).toContain('no index of charts');
    server.ails.indexText = undefined;
    clock.advance(10_001);
    expect(await ask()).toEqual({ versions: ['0.0.1'] });
  });

  it('that was never loaded stops those who need it, and only as long as the repository is down', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    server.ails.down = true;
    const { repositories } = open();
    const ask = () => repositories.versions({ url: server.url }, 'nginx');
    await expect(ask()).rejects.toEqual(
      fails('NoCachedChartRepoIndex', /cannot be reached.*check chart.repoUrl.*never loaded/),
    );
    server.ails.down = false;
    await expect(ask()).resolves.toEqual({ versions: ['0.0.1'] });
  });

  it('is waited for no longer than the asker wants, and the others get it all the same', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    server.ails.delayMs = 300;
    const { repositories } = open();
    const leaver = new AbortController();
    const left = repositories.versions({ url: server.url }, 'nginx', leaver.signal);
    const stayed = repositories.versions({ url: server.url }, 'nginx');
    leaver.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    await expect(stayed).resolves.toEqual({ versions: ['0.0.1'] });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['a page', '<html>', /no index of charts: check chart.repoUrl/],
    ['broken YAML', 'entries:\n  nginx:\n  - {', /cannot be read/],
  ])('that is %s is the fault of the repository', async (_, text, message) => {
    await using server = await startChartRepository();
    server.ails.indexText = text;
    const { repositories } = open();
    await expect(repositories.versions({ url: server.url }, 'nginx')).rejects.toEqual(
      fails('ChartRepoInternal', message),
    );
  });
});

describe('a repository that wants to know who asks', () => {
  const user = { username: 'jdoe', password: 'hunter2' };

  it('opens to user and password, and for the archive too', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    server.ails.user = user;
    const { repositories } = open();
    const { version } = await repositories.pull({ url: server.url, ...user }, 'nginx', '0.0.1');
    expect(version).toBe('0.0.1');
  });

  it('opens to a token', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    server.ails.token = 'abc';
    const { repositories } = open();
    const pulled = await repositories.pull({ url: server.url, token: 'abc' }, 'nginx', '0.0.1');
    expect(pulled.bytes.length).toBeGreaterThan(0);
  });

  it('tells those without how to get in, and not what they tried', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    server.ails.user = user;
    const { repositories } = open();
    const wrong = { url: server.url, username: 'jdoe', password: 'wrong-one' };
    const failed = repositories.versions(wrong, 'nginx');
    await expect(failed).rejects.toEqual(fails('ChartRepoInternal', /401.*give it a Secret/));
    await expect(failed).rejects.toEqual(
      expect.objectContaining({ message: expect.not.stringContaining('wrong-one') }),
    );
  });

  it('does not share what it shows with those who have other credentials', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    server.ails.user = user;
    const { repositories } = open();
    await repositories.versions({ url: server.url, ...user }, 'nginx');
    await expect(repositories.versions({ url: server.url }, 'nginx')).rejects.toThrow('401');
  });

  it('is the only one that gets the password: archives elsewhere do not', async () => {
    await using elsewhere = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    await using server = await startChartRepository({
      charts: { nginx: ['0.0.1'] },
      urlPrefix: `${elsewhere.url}/`,
    });
    server.ails.user = user;
    const { repositories } = open();
    // Both packed the same chart at another time, so the digest may differ; what counts is what was sent.
    await repositories.pull({ url: server.url, ...user }, 'nginx', '0.0.1').catch(() => undefined);
    expect(elsewhere.requests).toEqual(['/charts/nginx-0.0.1.tgz']);
    expect(elsewhere.authorizations).toEqual([undefined]);
  });
});

describe('a chart', () => {
  it('is loaded as it was published', async () => {
    await using server = await startChartRepository();
    const published = await server.publish('nginx', '0.0.1');
    const { repositories } = open();
    const pulled = await repositories.pull({ url: server.url }, 'nginx', 'v0.0.1');
    expect(pulled).toEqual({ version: '0.0.1', digest: published.digest, bytes: published.bytes });
  });

  it('that is not what the index says is not taken', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    server.corrupt('nginx', '0.0.1');
    const { repositories } = open();
    await expect(repositories.pull({ url: server.url }, 'nginx', '0.0.1')).rejects.toEqual(
      fails('ChartFetchFailure', /not what its index says.*publish the chart again/),
    );
  });

  it('that was withdrawn is missed, and others are named', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1', '0.0.2'] } });
    server.withdraw('nginx', '0.0.1');
    const { repositories } = open();
    await expect(repositories.pull({ url: server.url }, 'nginx', '0.0.1')).rejects.toEqual(
      fails('ChartVersionResolutionFailed', /no version 0.0.1 of chart nginx: .*0.0.2/),
    );
    await expect(repositories.pull({ url: server.url }, 'apache', '0.0.1')).rejects.toEqual(
      fails('ChartVersionResolutionFailed', /no chart apache/),
    );
  });

  it('that is listed and not there is a failure to fetch', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    const { repositories } = open();
    await repositories.versions({ url: server.url }, 'nginx');
    server.withdraw('nginx', '0.0.1');
    await expect(repositories.pull({ url: server.url }, 'nginx', '0.0.1')).rejects.toEqual(
      fails('ChartFetchFailure', /answered 404.*check that the repository/),
    );
  });

  it.each(['../secrets', 'a/b', '-x', ''])('named %s is refused before anybody is asked', async (name) => {
    await using server = await startChartRepository();
    const { repositories } = open();
    await expect(repositories.pull({ url: server.url }, name, '0.0.1')).rejects.toEqual(
      fails('BrokenChartSpec', /no name of a chart/),
    );
    expect(server.requests).toEqual([]);
  });
});
