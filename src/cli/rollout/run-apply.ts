import { rolloutAddress } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { HansaError } from '../../base/index.ts';
import type { ApiClient, CallOptions, KubeObject } from '../../kube/index.ts';
import { explained } from '../../members/join/index.ts';
import type { ApplyFlags } from '../commands/rollout.ts';
import { interruptSignal, invalidOption, printData } from '../host-options.ts';
import { readText } from '../offline/read-text.ts';
import { cliFieldManager } from './change-rollout.ts';
import { withHost } from './command-context.ts';
import { renderArchive, renderKustomization } from './kustomize.ts';
import { pullArtefact } from './oci-pull.ts';
import { parseOciReference } from './oci-reference.ts';
import { manifestsIn, parseRendered, readManifests } from './read-manifests.ts';
import { checkRollout, readRolloutFile, withManifests } from './read-rollout-file.ts';
import { commandLine } from './verb.ts';
import type { RolloutObject } from './rollout-object.ts';

export interface ApplyRequest {
  readonly flags: ApplyFlags;
  readonly format: 'json' | 'yaml' | undefined;
}

/** Fills in the objects, checks, and applies; with --dry-run it prints instead, and needs no host. */
export async function runApply({ flags, format }: ApplyRequest): Promise<void> {
  const signal = interruptSignal();
  const written = readRolloutFile(await readText(flags.filename));
  const objects = await readObjects(flags, signal);
  const rollout = objects ? withManifests(written, objects) : written;
  checkRollout(rollout);
  if (flags.dryRun) return printData(rollout, format ?? 'yaml');
  await withHost(flags, async ({ host, call, namespace }) => {
    const own = rollout.metadata.namespace;
    if (own !== undefined && flags.namespace !== undefined && own !== flags.namespace) {
      throw invalidOption(`-n ${flags.namespace}: the file says metadata.namespace ${own}`);
    }
    const placed = {
      ...rollout,
      metadata: { ...rollout.metadata, namespace: own ?? namespace },
    } as RolloutObject;
    const applying = applyRollout(host.client, placed, flags.forceConflicts ?? false, call);
    const { applied, done } = await explained(applying, 'the host', host.client);
    if (format) return printData(withoutManagedFields(applied), format);
    const count = objects ? ` with ${objects.length} ${objects.length === 1 ? 'object' : 'objects'}` : '';
    process.stdout.write(
      `${placed.metadata.namespace}/${placed.metadata.name} ${done}${count}: ${commandLine('status', placed, '-w')} shows how it goes.\n`,
    );
  });
}

async function readObjects(
  { kustomize, oci, manifests }: ApplyFlags,
  signal: AbortSignal,
): Promise<readonly KubeObject[] | undefined> {
  const given = [kustomize, oci, manifests].filter((flag) => flag !== undefined);
  if (given.length > 1) throw invalidOption('-k, --oci and --manifests: choose one');
  if (manifests) return readManifests(manifests);
  if (kustomize) return parseRendered(await renderKustomization(kustomize, signal), kustomize);
  if (!oci) return undefined;
  const reference = parseOciReference(oci);
  const { digest, files } = await pullArtefact(reference, signal);
  process.stderr.write(`${reference.text} is ${digest}\n`);
  return (
    manifestsIn(files, reference.text) ?? parseRendered(await renderArchive(files, signal), reference.text)
  );
}

async function applyRollout(
  client: ApiClient,
  rollout: RolloutObject,
  force: boolean,
  call: CallOptions,
): Promise<{ readonly applied: KubeObject; readonly done: 'created' | 'changed' | 'unchanged' }> {
  const before = await versionOf(client, rollout, call);
  try {
    const applied = await client.apply(rolloutAddress, rollout, {
      ...call,
      fieldManager: cliFieldManager,
      force,
    });
    const done =
      before === undefined
        ? 'created'
        : before === applied.metadata.resourceVersion
          ? 'unchanged'
          : 'changed';
    return { applied, done };
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'Conflict') throw error;
    throw new HansaError(`${error.message}; --force-conflicts takes these fields over`, {
      reason: error.reason,
      retry: 'never',
    });
  }
}

async function versionOf(
  client: ApiClient,
  { metadata: { namespace, name } }: RolloutObject,
  call: CallOptions,
): Promise<string | undefined> {
  try {
    const { metadata } = await client.get(
      rolloutAddress,
      { namespace, name },
      { ...call, metadataOnly: true },
    );
    return metadata.resourceVersion;
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
