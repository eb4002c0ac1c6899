import type { ZodError } from 'zod';
import { rolloutAddress, rolloutSchema } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { HansaError, isJsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { validateRollout } from '../../rollout/plan/steps/index.ts';
import { parseDocuments, titleOf } from '../offline/parse-documents.ts';

const apiVersion = `${rolloutAddress.group}/${rolloutAddress.version}`;
/** etcd takes requests of 1.5 MiB; managed fields and the status need room beside the spec. */
const maxSpecBytes = 1_300_000;

/** The one Rollout of a file, as it was written. Objects of other kinds are named, since they would be forgotten. */
export function readRolloutFile(text: string): KubeObject {
  const rollouts: KubeObject[] = [];
  for (const document of parseDocuments(text)) {
    if (!document.ok) throw invalid(`${document.where}: ${document.message}`);
    const { value, where } = document;
    if (!isJsonObject(value) || value['kind'] !== rolloutAddress.kind || value['apiVersion'] !== apiVersion) {
      throw invalid(`${titleOf(value, where)} is not a Rollout of ${apiVersion}: apply it with kubectl`);
    }
    rollouts.push(value as unknown as KubeObject);
  }
  const [rollout, ...more] = rollouts;
  if (!rollout) throw invalid(`the file holds no Rollout of ${apiVersion}`);
  if (more.length > 0) throw invalid(`the file holds ${rollouts.length} Rollouts: apply one at a time`);
  if (!isJsonObject(rollout.metadata) || typeof rollout.metadata.name !== 'string') {
    throw invalid('the Rollout has no metadata.name');
  }
  return rollout;
}

/** Puts the objects where the Rollout takes them from. */
export function withManifests(rollout: KubeObject, objects: readonly KubeObject[]): KubeObject {
  const spec = isJsonObject(rollout['spec']) ? rollout['spec'] : {};
  const source = isJsonObject(spec['source']) ? spec['source'] : {};
  const other = Object.keys(source).find((field) => field !== 'manifests');
  if (other) {
    throw invalid(
      `spec.source.${other} and objects from the command line: a Rollout has one source; leave one of them out`,
    );
  }
  return { ...rollout, spec: { ...spec, source: { manifests: objects } } };
}

/** What can be told about a Rollout before the host sees it. @throws HansaError InvalidInput that names the fields */
export function checkRollout(rollout: KubeObject): void {
  const read = rolloutSchema.safeParse(rollout);
  if (!read.success)
    throw invalid(`${titleOf(rollout, 'the Rollout')}: ${problemsOf(read.error).join('; ')}`);
  const problems = validateRollout(read.data.spec);
  if (problems.length > 0) {
    const told = problems.map(({ field, message }) => `${field}: ${message}`).join('; ');
    throw invalid(`${titleOf(rollout, 'the Rollout')}: ${told}`);
  }
  const sizeBytes = Buffer.byteLength(JSON.stringify(rollout));
  if (sizeBytes > maxSpecBytes) {
    throw invalid(
      `${titleOf(rollout, 'the Rollout')} is ${(sizeBytes / 1e6).toFixed(1)} MB, and the host takes objects of about 1.3 MB: ` +
        'divide it into several Rollouts, or make it a chart (source.helm)',
    );
  }
}

function problemsOf(error: ZodError): readonly string[] {
  return error.issues.map(({ path, message }) => {
    const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
    return field ? `${field.slice(field.startsWith('.') ? 1 : 0)}: ${message}` : message;
  });
}

function invalid(message: string): HansaError {
  return new HansaError(message, { reason: 'InvalidInput', retry: 'never' });
}
