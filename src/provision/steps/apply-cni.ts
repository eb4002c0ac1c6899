import { HansaError, isJsonObject, type JsonObject } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { readObjects, renderFlannel } from '../plan/render/flannel.ts';
import type { Step } from '../plan/steps.ts';
import { kubectlFailed, runKubectl } from './kubectl.ts';
import { neededItems } from './load-bundle.ts';
import { untilNoComplaint } from './until.ts';

/** Gives the cluster its pod network, and waits until it runs on every node that is up. */
export const applyCni: Executor = {
  async observe(context, step) {
    const manifest = await manifestOf(context, step);
    if (manifest === undefined) return { kind: 'done' };
    const post = await context.healthyControlPlane();
    // The server says what would change, so nobody's own label or limit is taken for a difference.
    const result = await runKubectl(post, ['diff', ...applyFlags, '-f', '-'], {
      stdin: manifest,
      signal: context.signal,
      deadlineMs: 2 * 60_000,
    });
    if (result.code > 1) return { kind: 'todo', why: 'the pod network is not there yet' };
    if (result.code === 1) return { kind: 'todo', why: 'the pod network is not as it should be' };
    const complaint = await rolloutComplaint(context, post, manifest);
    return complaint === undefined ? { kind: 'done' } : { kind: 'todo', why: complaint };
  },

  async apply(context, step) {
    const manifest = await manifestOf(context, step);
    if (manifest === undefined) return;
    const post = await context.healthyControlPlane();
    context.update('applying the pod network');
    const args = ['apply', ...applyFlags, '-f', '-'];
    const result = await runKubectl(post, args, {
      stdin: manifest,
      signal: context.signal,
      deadlineMs: 2 * 60_000,
    });
    if (result.code !== 0) throw kubectlFailed(post, args, result);
  },

  async verify(context, step) {
    const manifest = await manifestOf(context, step);
    if (manifest === undefined) return;
    const post = await context.healthyControlPlane();
    context.update('waiting for the pod network');
    const complaint = await untilNoComplaint(context, { timeoutMs: 5 * 60_000 }, () =>
      rolloutComplaint(context, post, manifest),
    );
    if (complaint !== undefined) {
      throw new HansaError(`the pod network of ${context.cluster.name} does not run: ${complaint}`, {
        reason: 'NetworkNotReady',
      });
    }
  },
};

const applyFlags = ['--server-side', '--force-conflicts', '--field-manager=hansa'];

async function manifestOf(context: StepContext, step: Step): Promise<string | undefined> {
  const { cluster, bundle } = context;
  const { cni } = cluster;
  switch (cni.kind) {
    case 'none':
      return undefined;
    case 'manifest':
      return cni.manifest;
    case 'flannel': {
      const items = neededItems(context, step, await context.healthyControlPlane());
      return renderFlannel({
        cluster,
        manifest: await bundle.text('flannel.yaml'),
        images: items.filter(({ kind }) => kind === 'image').map(({ name }) => name),
      });
    }
  }
}

/** A node that is down must not hold up the others: its pod counts as soon as it is back. */
async function rolloutComplaint(
  context: StepContext,
  post: Machine,
  manifest: string,
): Promise<string | undefined> {
  for (const { namespace, name } of daemonSetsIn(manifest)) {
    const asked = ['-n', namespace, 'get', 'daemonset', name, '-o', 'json', '--ignore-not-found'];
    const result = await runKubectl(post, asked, { signal: context.signal });
    if (result.code !== 0) return kubectlFailed(post, asked, result).message;
    if (result.stdout.trim() === '') return `the DaemonSet ${namespace}/${name} is not there`;
    const daemonSet = JSON.parse(result.stdout) as DaemonSet;
    const down = await nodesDown(context, post);
    const { desiredNumberScheduled = 0, numberReady = 0, observedGeneration } = daemonSet.status ?? {};
    if (observedGeneration !== daemonSet.metadata.generation || desiredNumberScheduled === 0) {
      return `the DaemonSet ${namespace}/${name} was not looked at yet by the controller manager`;
    }
    if (numberReady < desiredNumberScheduled - down) {
      return `${numberReady} of ${desiredNumberScheduled} pods of the DaemonSet ${namespace}/${name} are ready: see "kubectl -n ${namespace} describe pods"`;
    }
  }
  return undefined;
}

interface DaemonSet {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly desiredNumberScheduled?: number;
    readonly numberReady?: number;
    readonly observedGeneration?: number;
  };
}

/** A kubelet that says nothing any more; one that says "not ready" may just wait for this very network. */
async function nodesDown({ signal }: StepContext, post: Machine): Promise<number> {
  const result = await runKubectl(
    post,
    [
      'get',
      'nodes',
      '-o',
      'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}',
    ],
    { signal },
  );
  return result.stdout.split('\n').filter((status) => status === 'Unknown').length;
}

function daemonSetsIn(manifest: string): readonly { readonly namespace: string; readonly name: string }[] {
  return readObjects(manifest)
    .filter(({ kind }) => kind === 'DaemonSet')
    .map(({ metadata }) => (isJsonObject(metadata) ? metadata : ({} as JsonObject)))
    .flatMap(({ name, namespace = 'default' }) =>
      typeof name === 'string' && typeof namespace === 'string' ? [{ name, namespace }] : [],
    );
}
